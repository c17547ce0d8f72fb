"""Engines: text in, text out. A step feeds rows without a pause and gets results in the order that they finish."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from components.shared import speaking
from components.shared.config.engines import EngineConfig
from components.shared.errors import InputError
from components.shared.models import fetch_model
from components.shared.output_folders import KILLED_THE_ENGINE
from components.shared.templates import load_chat_template

if TYPE_CHECKING:
    from components.shared.engines.openai_engine import OpenAIEngine


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One prompt, sampled ``num_samples`` times with one prefill."""

    key: Any  # the caller's handle, given back with the result
    message: str  # the user's message; "" is the bare user prefix: the model writes the message itself
    seed: int  # derived from the step's seed and the row, never from the clock
    num_samples: int = 1
    examples: tuple[tuple[str, str], ...] = ()  # turns that came before: a user's message, the reply to follow
    reply_start: str = ""  # what the reply is made to begin with; a model behind an endpoint cannot be held to it


@dataclass(frozen=True, kw_only=True, slots=True)
class Completion:
    """One sample."""

    text: str  # the whole reply, ``reply_start`` and the stop text included
    finish_reason: str  # "stop", "length", or one of UNANSWERED: nothing was sampled
    num_tokens: int  # end token included
    detail: str = ""  # why nothing was sampled


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """All samples of one request."""

    request: Request
    completions: tuple[Completion, ...]
    num_prompt_tokens: int

    @property
    def key(self) -> Any:
        """The key of the request."""
        return self.request.key


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampling:
    """How tokens are drawn; temperature 0 is greedy."""

    temperature: float
    top_p: float = 1.0
    max_tokens: int
    stop: str = ""  # a text that ends a sample, kept at its end; "" is the end token alone, as with an endpoint


class Engine(Protocol):
    """A model that completes prompts."""

    arithmetic: str  # what it computes in, and why; "" for no model of ours

    def generate(self, requests: Iterable[Request], sampling: Sampling) -> Iterator[Result]:
        """Yield each request's completions as soon as they are done, in any order; never waits for a batch.

        Pulls from ``requests`` only as fast as the engine has room, so that they may come from an endless stream. The
        caller may stop early and call it again.
        """

    def close(self) -> None:
        """Release the accelerator or the connection; a second call does nothing."""


# Why a request has no answer: its prompt leaves no room for one; the engine does not take it; the engine, or the whole
# process, died of it as often as it was tried.
UNANSWERED = ("too_long", "refused", KILLED_THE_ENGINE)
VLLM_MISSING = (
    "engine 'vllm' needs the package 'vllm', which this environment lacks; "
    "run it in an environment that has vllm, or pass --engine scripted"
)
SERVED_PREFIX = "openai:"  # a served model's name as a model option: openai:gpt-4o-mini


def unanswered(request: Request, reason: str, detail: str) -> Result:
    """Return the result of a request that has no answer, for one of the reasons UNANSWERED."""
    assert reason in UNANSWERED, reason
    completion = Completion(text="", finish_reason=reason, num_tokens=0, detail=detail)
    return Result(request=request, completions=(completion,) * request.num_samples, num_prompt_tokens=0)


def check_engine(config: EngineConfig, model: str) -> None:
    """Raise InputError where ``open_engine`` would: for a step to call before it writes anything.

    Fetches the model, or asks the endpoint for its models; loads no weights.
    """
    if config.engine == "openai":
        _open_endpoint(config, model).check()
    elif config.engine == "vllm":
        if importlib.util.find_spec("vllm") is None:
            raise InputError(VLLM_MISSING)
        load_chat_template(config.chat_template, fetch_model(model, chat=True))


def open_engine(config: EngineConfig, model: str) -> Engine:
    """Return the engine that the options ask for, ready to work.

    ``model`` is a model URI for vllm, ``openai:NAME`` for an endpoint; a scripted engine takes any name.
    """
    if config.engine == "openai":
        return _open_endpoint(config, model)
    if config.engine == "scripted":
        from components.shared.engines.scripted_engine import ScriptedEngine

        return ScriptedEngine(model)
    folder = fetch_model(model)
    template = load_chat_template(config.chat_template, folder)
    with speaking.phase(f"loading {model}"):
        try:
            from components.shared.engines.vllm_engine import VllmEngine
        except ModuleNotFoundError as error:
            if error.name != "vllm":
                raise
            raise InputError(VLLM_MISSING) from error
        return VllmEngine(
            folder,
            template,
            max_model_len=config.max_model_len,
            tensor_parallel_size=config.tensor_parallel_size,
            gpu_memory_fraction=config.gpu_memory_fraction,
        )


def _open_endpoint(config: EngineConfig, model: str) -> OpenAIEngine:
    if not config.endpoint:
        raise InputError("--engine openai needs --endpoint, the base URL of an OpenAI-compatible server (https://…/v1)")
    if "@" in config.endpoint.rpartition("://")[2].partition("/")[0]:
        raise InputError(
            "--endpoint has a user or a key before its host, which would stand in plans, logs and the dataset's "
            "lineage; give the URL without it, and the key in the environment variable that --api-key-env names"
        )
    if not model.startswith(SERVED_PREFIX) or model == SERVED_PREFIX:
        raise InputError(f"the model {model!r} is no served model; with --engine openai write {SERVED_PREFIX}NAME")
    from components.shared.engines.openai_engine import OpenAIEngine

    return OpenAIEngine(
        config.endpoint,
        model.removeprefix(SERVED_PREFIX),
        api_key_env=config.api_key_env,
        max_concurrency=config.max_concurrency,
    )
