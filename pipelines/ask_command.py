"""`scalequest ask`: a model writes questions from the bare user prefix, or answers one; nothing is written anywhere."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TextIO, cast

from components.shared import stopping
from components.shared.addresses import SERVED
from components.shared.engines import UNANSWERED, Engine, Request, Result, Sampling, check_engine, open_engine
from components.shared.errors import ExitCode, InputError
from components.shared.models import fetch_model
from components.shared.seeds import derive_seed
from components.shared.templates.families import OWN
from components.shared.texts.prompts import SOLVE, fill_prompt, load_prompt, load_solve_examples
from components.steps import config_of
from pipelines.asked_model import AskedModel, find_model
from pipelines.replies import Replies
from pipelines.reporting import exit_code_of

STANDARD_INPUT = "-"
NOWHERE = "-"  # what a step's config has to have, and nobody reads here
CLOSED_PIPE = 141  # as a shell reports a process that SIGPIPE ends


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a person asks; None and "" leave a choice to the step that does the same."""

    model: str
    question: str | None  # None: write questions
    number: int
    temperature: float | None
    max_tokens: int | None
    engine: str
    endpoint: str
    chat_template: str
    seed: int
    as_json: bool


def ask(asked: Asked) -> int:
    """Print what the model writes; return the exit code. Ctrl-C ends the process where it stands."""
    with stopping.listening():
        try:
            return exit_code_of("ask", lambda: _ask(asked))
        except BrokenPipeError:  # whoever read has read enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return CLOSED_PIPE
        except BaseException:
            if stopping.requested():
                stopping.end()
            raise


def _ask(asked: Asked) -> int:
    asked = _checked(asked)
    model = _model(asked)
    config = _config(asked, model)
    sampling = Sampling(temperature=config.temperature, top_p=config.top_p, max_tokens=config.max_tokens)
    with _own_output() as output:
        replies = Replies(output, asked.question, number=asked.number, as_json=asked.as_json)
        requests = _requests(asked, model, replies)
        with contextlib.closing(_opened(config, model, asked, sampling)) as engine:
            for result in engine.generate(requests, sampling):
                replies.finished(result.key, result.completions[0])
                _check_answered(result)
    return ExitCode.DONE


def _opened(config: Any, model: AskedModel, asked: Asked, sampling: Sampling) -> Engine:
    """Open the engine; say what is waited for, and where no model answers."""
    if model.engine == "scripted" and not asked.engine:
        _say(f"the run had the scripted engine in place of {model.uri}, and so has this; --engine vllm asks the model")
    if not config.engine_kind.loads_weights:
        check_engine(config, model.uri, sampling)
        return open_engine(config, model.uri)
    _say(f"loading {model.uri} with {model.engine}, which takes a minute or more")
    begun = time.monotonic()
    check_engine(config, model.uri, sampling)  # loads the engine's package
    engine = open_engine(config, model.uri)
    _say(f"loaded in {time.monotonic() - begun:.0f} s; a reply has up to {config.max_tokens:,} tokens (--max-tokens)")
    return engine


def _say(words: str) -> None:
    sys.stderr.write(f"{words}\n")
    sys.stderr.flush()


def _checked(asked: Asked) -> Asked:
    """Return what is asked with the question read; InputError where it does not fit together."""
    if asked.engine == "openai" and not asked.model.startswith(SERVED):
        raise InputError(f"--engine openai asks a served model; write {SERVED}{asked.model.rpartition('/')[2]}")
    if asked.temperature == 0 and asked.number > 1:
        raise InputError(f"--temperature 0 makes all {asked.number} replies the same; give -n 1, or a higher one")
    return asked if asked.question is None else replace(asked, question=_question(asked.question))


def _question(given: str) -> str:
    """Return the question that is given, or stands on standard input; InputError where it is no text."""
    # Python reads each byte of the command line that is no UTF-8 as a surrogate, and writes it back as that byte.
    content = sys.stdin.buffer.read() if given == STANDARD_INPUT else given.encode("utf-8", "surrogateescape")
    try:
        question = content.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        byte = f"byte {error.start + 1} is 0x{content[error.start]:02x}"
        raise InputError(f"--question is no UTF-8 text ({byte}); convert it first, with `iconv -t UTF-8`") from error
    if not question:
        raise InputError("--question is empty; give it a text, or leave it out for questions of the model's own")
    return question


def _model(asked: Asked) -> AskedModel:
    """Return the model with all that was given for it; InputError where that does not fit it."""
    if asked.engine not in ("", "vllm", "openai"):  # a script is no model that could be found
        return AskedModel(uri=asked.model, engine=asked.engine, chat_template=asked.chat_template or OWN)
    model = find_model(asked.model, answers=asked.question is not None)
    is_served = model.engine == "openai"
    if (asked.endpoint and not is_served) or (asked.engine and (asked.engine == "openai") != is_served):
        given = f"--endpoint {asked.endpoint}" if asked.endpoint else f"--engine {asked.engine}"
        raise InputError(f"{given} does not fit {model.uri}; a served model is {SERVED}NAME with --endpoint URL")
    if is_served and asked.question is None:
        raise InputError(
            f"{model.uri} cannot write questions: an endpoint gets a message, and no bare user prefix; "
            "give it one with --question, or use a model that runs here"
        )
    engine = asked.engine or model.engine
    if engine == "vllm":
        fetch_model(model.uri)  # what is wrong with it is said before vLLM is loaded, which takes a while
        _quiet_libraries()
    return replace(
        model,
        engine=engine,
        endpoint=asked.endpoint or model.endpoint,
        chat_template=asked.chat_template or model.chat_template,
    )


def _quiet_libraries() -> None:
    """Keep what libraries say when they are loaded off a terminal where a person waits for a reply."""
    for variable in ("VLLM_LOGGING_LEVEL", "TORCH_CPP_LOG_LEVEL"):
        os.environ.setdefault(variable, "ERROR")
    logging.getLogger("vllm").setLevel(logging.ERROR)
    warnings.simplefilter("ignore", FutureWarning)


def _config(asked: Asked, model: AskedModel) -> Any:
    """Return the config of the step that does the same; it has the defaults, and checks what is given."""
    if asked.question is None:
        step, needed = "generate_questions", {"generator": "ask", "num_questions": asked.number}
    else:
        step, needed = "generate_responses", {"questions": NOWHERE, "num_samples": 1}
    given = {"temperature": asked.temperature, "max_tokens": asked.max_tokens}
    options = {**model.options, **{name: value for name, value in given.items() if value is not None}}
    return cast(Any, config_of(step))(
        workspace=NOWHERE,
        model=model.uri,
        engine=model.engine,
        endpoint=model.endpoint,
        chat_template=model.chat_template,
        seed=asked.seed,
        **needed,
        **options,
    )


def _requests(asked: Asked, model: AskedModel, replies: Replies) -> Iterator[Request[int]]:
    """Yield a request for each reply: each has a seed of its own, and is printed as soon as it is its turn."""
    message, prompt = "", model.prompt or load_prompt(SOLVE)
    if asked.question is not None:
        message = fill_prompt(prompt, question=asked.question)
    examples = load_solve_examples(prompt, model.num_examples)
    for number in range(asked.number):
        heard = partial(replies.heard, number) if replies.is_live else None
        seed = derive_seed(asked.seed, "ask", number)
        yield Request(message=message, examples=examples, seed=seed, key=number, heard=heard)


def _check_answered(result: Result[int]) -> None:
    (completion,) = result.completions
    if completion.finish_reason in UNANSWERED:
        raise InputError(f"the model gave no reply: {completion.finish_reason} ({completion.detail})")


@contextlib.contextmanager
def _own_output() -> Iterator[TextIO]:
    """Keep standard output for replies: what libraries print there goes to standard error."""
    output = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):
        yield output
