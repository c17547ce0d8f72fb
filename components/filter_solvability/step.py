"""Let a judge model reason about each question; drop those that it finds no way to solve."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

from components.filter_solvability.config import PROMPT, FilterSolvabilityConfig
from components.shared.engines import (
    UNANSWERED,
    Completion,
    Request,
    Sampling,
    check_engine,
    open_engine,
)
from components.shared.engines.stream import answer_parts
from components.shared.filters import KEEP, Verdict
from components.shared.records import Question, Reject
from components.shared.seeds import derive_seed
from components.shared.texts.prompts import fill_prompt, load_prompt
from components.shared.workspace import Workspace
from components.shared.workspace.output_folders import Part
from components.shared.workspace.rows import Rows

_EITHER = re.compile(r"\b(?:yes|no)\b[^\w\n]*(?:/|\||\bor\b)[^\w\n]*\b(?:yes|no)\b", re.IGNORECASE)
_VERDICT_LINE = re.compile(r"^\W*verdict\W*:\W*(yes|no)\b", re.IGNORECASE | re.MULTILINE)
_LAST_WORD = re.compile(r"(?:^|[.!?:\n]|\*\*)\s*[\"'“*_]*(yes|no)[\"'”*_.!\s]*$", re.IGNORECASE)


def run(config: FilterSolvabilityConfig, workspace: Workspace) -> str:
    """Judge every question, greedily; return the folder's address."""
    questions = workspace.read(config.questions, Question)
    if finished := workspace.find_finished(config):
        return finished
    check_engine(config, config.model)
    folder = workspace.create(config, Question, questions.slices(config.rows_per_part))
    sampling = Sampling(temperature=0.0, max_tokens=config.max_tokens)
    for result in answer_parts(
        folder, lambda: open_engine(config, config.model), lambda part: _requests(part, questions), sampling
    ):
        part, index, question = result.request.key
        (completion,) = result.completions
        row = dataclasses.replace(question, solvability_reply=completion.text.strip())
        verdict = judge(completion)
        if verdict == KEEP:
            part.settle(index, kept=[row])
        else:
            part.settle(index, rejected=[Reject(row=row, reason=verdict.reason, detail=verdict.detail)])
    return folder.finish()


def judge(completion: Completion) -> Verdict:
    """Return KEEP, or why a question is dropped after this reply."""
    if completion.finish_reason in UNANSWERED:
        return Verdict(completion.finish_reason, completion.detail)
    if completion.finish_reason != "stop":
        return Verdict(
            "cut_off", f"{completion.finish_reason or 'no finish reason'} after {completion.num_tokens} tokens"
        )
    solvable = parse_verdict(completion.text)
    if solvable is None:
        return Verdict("no_verdict")
    return KEEP if solvable else Verdict("unsolvable")


def parse_verdict(reply: str) -> bool | None:
    """Return what a judge says last, None where it says neither.

    The last line that starts with "Verdict: Yes" or "Verdict: No" counts; where there is none, a sentence of its own at
    the end: "Yes" or "No". "Yes or No" repeats what is asked for and decides nothing.
    """
    reply = _EITHER.sub("either", reply)
    verdicts = _VERDICT_LINE.findall(reply) or _LAST_WORD.findall(reply)
    return verdicts[-1].lower() == "yes" if verdicts else None


def _requests(part: Part, questions: Rows[Question]) -> Iterator[Request]:
    prompt = load_prompt(PROMPT)
    for index, question in enumerate(questions.read(part.slice)):
        yield Request(
            key=(part, index, question),
            message=fill_prompt(prompt, question=question.question),
            seed=derive_seed("filter_solvability", question.id),
        )
