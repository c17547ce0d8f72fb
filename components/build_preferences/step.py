"""Let a model rewrite questions, to make pairs of which the rewrite is preferred."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from components.build_preferences.config import DIRECTIONS, EXAMPLE_FILES, PROMPT_FILES, BuildPreferencesConfig
from components.build_preferences.rewrites import CLOSING, OPENING, judge, rewrite_in
from components.shared.engines import Completion, Request, Sampling
from components.shared.engines.asking import Asking, Judgement, ask_about
from components.shared.records import PreferencePair, Question
from components.shared.seeds import derive_fraction, derive_seed
from components.shared.texts.prompts import fill_prompt, load_examples, load_prompt
from components.shared.workspace import Workspace


def run(config: BuildPreferencesConfig, workspace: Workspace) -> str:
    """Rewrite each question, greedily; return the folder's address."""
    questions = workspace.read(config.questions, Question)
    return ask_about(questions, config, config.model, workspace, lambda: _asking(config))


def _asking(config: BuildPreferencesConfig) -> Asking[Question]:
    from components.shared.texts.language import other_language

    prompts = {name: load_prompt(path) for name, path in PROMPT_FILES.items()}
    examples = {name: _examples(name, prompt) for name, prompt in prompts.items()}

    def request(question: Question) -> Request[None]:
        direction = direction_of(config.seed, question.id)
        return Request(
            message=fill_prompt(prompts[direction], question=question.question),
            examples=examples[direction],
            seed=derive_seed(config.seed, "build_preferences", question.id),
            reply_start=_marker(config, OPENING),
        )

    return Asking(
        record=PreferencePair,
        request=request,
        judge=lambda question, completions: _judgement(question, completions, config, other_language),
        sampling=Sampling(temperature=0.0, max_tokens=config.max_tokens, stop=_marker(config, CLOSING)),
    )


def _marker(config: BuildPreferencesConfig, tag: str) -> str:
    """Return the tag for an engine that is held to it: small models answer a question that they are shown.

    A model behind an endpoint has to write both tags by itself.
    """
    return tag if config.engine_kind.continues_text else ""


def direction_of(seed: int, question_id: str) -> str:
    """Return the direction in which a question is rewritten."""
    return DIRECTIONS[int(derive_fraction(seed, "build_preferences", "direction", question_id) * len(DIRECTIONS))]


def _examples(direction: str, prompt: str) -> tuple[tuple[str, str], ...]:
    """Return turns that came before: what was asked, and the rewrite between its tags."""
    return tuple(
        (fill_prompt(prompt, question=example["question"]), OPENING + example["rewrite"] + CLOSING)
        for example in load_examples(EXAMPLE_FILES[direction])
    )


def _judgement(
    question: Question,
    completions: Sequence[Completion],
    config: BuildPreferencesConfig,
    other_language: Callable[[str], str],
) -> Judgement:
    (completion,) = completions
    pair = PreferencePair(
        id=question.id,
        source=question.source,
        direction=direction_of(config.seed, question.id),
        chosen=rewrite_in(completion.text) or "",
        rejected=question.question,
        rewriter=_short_name(config.model),
        reply=completion.text,
        thought=completion.thought,
    )
    return Judgement(rows=[(pair, judge(question.question, completion, other_language))])


def _short_name(model: str) -> str:
    """Return the last two names of an address: ``import_model/3f9c…`` is the same in any workspace."""
    return "/".join(model.rstrip("/").split("/")[-2:])
