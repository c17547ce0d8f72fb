"""Let a model rewrite questions, to make pairs of which the rewrite is preferred."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from components.build_preferences.config import DIRECTIONS, EXAMPLE_FILES, PROMPT_FILES, BuildPreferencesConfig
from components.build_preferences.rewrites import CLOSING, OPENING, judge, rewrite_in
from components.shared.engines import Request, Result, Sampling, check_engine, open_engine
from components.shared.engines.stream import answer_parts
from components.shared.filters import KEEP
from components.shared.records import PreferencePair, Question, Reject
from components.shared.seeds import derive_fraction, derive_seed
from components.shared.texts.prompts import fill_prompt, load_examples, load_prompt
from components.shared.workspace import Workspace
from components.shared.workspace.output_folders import Part
from components.shared.workspace.rows import Rows


def run(config: BuildPreferencesConfig, workspace: Workspace) -> str:
    """Rewrite every question, greedily; return the folder's address."""
    from components.shared.texts.language import other_language

    questions = workspace.read(config.questions, Question)
    if finished := workspace.find_finished(config):
        return finished
    check_engine(config, config.model)
    folder = workspace.create(config, PreferencePair, questions.slices(config.rows_per_part))
    sampling = Sampling(temperature=0.0, max_tokens=config.max_tokens, stop=_marker(config, CLOSING))
    for result in answer_parts(
        folder, lambda: open_engine(config, config.model), lambda part: _requests(part, questions, config), sampling
    ):
        _settle(result, config, other_language)
    return folder.finish()


def _marker(config: BuildPreferencesConfig, tag: str) -> str:
    """Return the tag for an engine that is held to it: small models answer a question that they are shown.

    A model behind an endpoint has to write both tags by itself.
    """
    return tag if config.engine_kind.continues_text else ""


def direction_of(seed: int, question_id: str) -> str:
    """Return the direction in which a question is rewritten."""
    return DIRECTIONS[int(derive_fraction(seed, "build_preferences", "direction", question_id) * len(DIRECTIONS))]


def _requests(part: Part, questions: Rows[Question], config: BuildPreferencesConfig) -> Iterator[Request]:
    prompts = {name: load_prompt(path) for name, path in PROMPT_FILES.items()}
    examples = {name: _examples(name, prompt) for name, prompt in prompts.items()}
    for index, question in enumerate(questions.read(part.slice)):
        direction = direction_of(config.seed, question.id)
        yield Request(
            key=(part, index, question),
            message=fill_prompt(prompts[direction], question=question.question),
            examples=examples[direction],
            seed=derive_seed(config.seed, "build_preferences", question.id),
            reply_start=_marker(config, OPENING),
        )


def _examples(direction: str, prompt: str) -> tuple[tuple[str, str], ...]:
    """Return turns that came before: what was asked, and the rewrite between its tags."""
    return tuple(
        (fill_prompt(prompt, question=example["question"]), OPENING + example["rewrite"] + CLOSING)
        for example in load_examples(EXAMPLE_FILES[direction])
    )


def _settle(result: Result, config: BuildPreferencesConfig, other_language: Callable[[str], str]) -> None:
    part, index, question = result.request.key
    (completion,) = result.completions
    pair = PreferencePair(
        id=question.id,
        source=question.source,
        direction=direction_of(config.seed, question.id),
        chosen=rewrite_in(completion.text) or "",
        rejected=question.question,
        rewriter=_short_name(config.model),
        reply=completion.text,
    )
    verdict = judge(question.question, completion, other_language)
    if verdict == KEEP:
        part.settle(index, kept=[pair])
    else:
        part.settle(index, rejected=[Reject(row=pair, reason=verdict.reason, detail=verdict.detail)])


def _short_name(model: str) -> str:
    """Return the last two names of an address: ``import_model/3f9c…`` is the same in any workspace."""
    return "/".join(model.rstrip("/").split("/")[-2:])
