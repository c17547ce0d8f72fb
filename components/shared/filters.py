"""The loop of every step that looks at one question at a time and keeps or rejects it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from components.shared.config import FilterConfig
from components.shared.records import Question, Reject
from components.shared.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a filter says of a row: KEEP, or the reason why it leaves and a detail for the reader."""

    reason: str
    detail: str = ""


KEEP = Verdict("")


def filter_questions(config: FilterConfig, workspace: Workspace, judge: Callable[[Question], Verdict]) -> str:
    """Keep the questions on which ``judge`` says KEEP, reject the others for the reason that it says."""
    questions = workspace.read(config.questions, Question)
    folder = workspace.create(config, Question, questions.slices(config.rows_per_part))
    for part in folder.missing_parts():
        for index, question in part.rows(questions.read(part.slice)):
            verdict = judge(question)
            if verdict == KEEP:
                part.settle(index, kept=[question])
            else:
                part.settle(index, rejected=[Reject(row=question, reason=verdict.reason, detail=verdict.detail)])
    return folder.finish()
