"""Let a judge model reason about each question; reject those that it cannot see how to solve."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

from components.filter_solvability.config import PROMPT, FilterSolvabilityConfig
from components.shared.engines import Completion, Request, Sampling, why_unanswered
from components.shared.engines.asking import Asking, Judgement, ask_about
from components.shared.filters import KEEP, Verdict
from components.shared.records import Question
from components.shared.seeds import derive_seed
from components.shared.texts.prompts import fill_prompt, load_prompt
from components.shared.workspace import Workspace

_EITHER = re.compile(r"\b(?:yes|no)\b[^\w\n]*(?:/|\||\bor\b)[^\w\n]*\b(?:yes|no)\b", re.IGNORECASE)
_VERDICT_LINE = re.compile(r"^\W*verdict\W*:\W*(yes|no)\b", re.IGNORECASE | re.MULTILINE)
_LAST_WORD = re.compile(r"(?:^|[.!?:\n]|\*\*)\s*[\"'“*_]*(yes|no)[\"'”*_.!\s]*$", re.IGNORECASE)


def run(config: FilterSolvabilityConfig, workspace: Workspace) -> str:
    """Judge each question, greedily; return the folder's address."""
    questions = workspace.read(config.questions, Question)
    return ask_about(questions, config, config.model, workspace, lambda: _asking(config))


def judge(completion: Completion) -> Verdict:
    """Return KEEP, or why a question is rejected after this reply."""
    if (verdict := why_unanswered(completion, cut="cut_off")) != KEEP:
        return verdict
    solvable = parse_verdict(completion.text)
    if solvable is None:
        return Verdict("no_verdict")
    return KEEP if solvable else Verdict("unsolvable")


def parse_verdict(reply: str) -> bool | None:
    """Return what a judge says last, None if it says neither.

    The last line that starts with "Verdict: Yes" or "Verdict: No" counts; if there is none, a sentence of its own at
    the end: "Yes" or "No". "Yes or No" repeats what is asked for and decides nothing.
    """
    reply = _EITHER.sub("either", reply)
    verdicts = _VERDICT_LINE.findall(reply) or _LAST_WORD.findall(reply)
    return verdicts[-1].lower() == "yes" if verdicts else None


def _asking(config: FilterSolvabilityConfig) -> Asking[Question]:
    prompt = load_prompt(PROMPT)
    return Asking(
        record=Question,
        request=lambda question: Request(
            message=fill_prompt(prompt, question=question.question),
            seed=derive_seed("filter_solvability", question.id),
        ),
        judge=_judgement,
        sampling=Sampling(temperature=0.0, max_tokens=config.max_tokens),
    )


def _judgement(question: Question, completions: Sequence[Completion]) -> Judgement:
    (completion,) = completions
    row = dataclasses.replace(
        question, solvability_reply=completion.text.strip(), solvability_thought=completion.thought
    )
    return Judgement(rows=[(row, judge(completion))])
