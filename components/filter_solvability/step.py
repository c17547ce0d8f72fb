"""Let a judge model reason about each question; reject those that it cannot see how to solve."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from components.filter_solvability.config import PROMPT, FilterSolvabilityConfig
from components.filter_solvability.judge_verdict import parse_verdict
from components.shared.engines import Completion, Request, Sampling, why_unanswered
from components.shared.engines.asking import Asking, Judgement, ask_about
from components.shared.filters import KEEP, Verdict
from components.shared.records import Question
from components.shared.seeds import derive_seed
from components.shared.texts.prompts import fill_prompt, load_prompt
from components.shared.workspace import Workspace


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
