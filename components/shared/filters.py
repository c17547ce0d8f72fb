"""Verdicts on rows, and the loop of each step that keeps or rejects one question at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from components.shared.config import FilterConfig
from components.shared.records import Question, Reject, Row
from components.shared.workspace import Workspace
from components.shared.workspace.output_folders import Part


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a filter says about a row: KEEP, or the reason why it is rejected, with a detail for the reader."""

    reason: str
    detail: str = ""


KEEP = Verdict("")


def filter_questions(config: FilterConfig, workspace: Workspace, judge: Callable[[Question], Verdict]) -> str:
    """Keep the questions for which ``judge`` returns KEEP, and reject the others with the reason that it returns."""
    questions = workspace.read(config.questions, Question)
    folder = workspace.open(config, questions).begin_rows(Question, questions.slices(config.rows_per_part))
    for part in folder.missing_parts():
        for index, question in part.rows(questions.read(part.slice)):
            settle(part, index, [(question, judge(question))])
    return folder.finish()


def settle(part: Part, index: int, judged: Sequence[tuple[Row, Verdict]]) -> None:
    """Settle the part's row ``index``: keep or reject each row that it made, by its verdict."""
    part.settle(
        index,
        kept=[row for row, verdict in judged if verdict == KEEP],
        rejected=[
            Reject(row=row, reason=verdict.reason, detail=verdict.detail) for row, verdict in judged if verdict != KEEP
        ],
    )
