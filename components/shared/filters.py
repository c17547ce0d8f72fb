"""Verdicts on rows, and the loop of every step that looks at one question at a time and keeps or rejects it."""

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
    """Keep the questions on which ``judge`` says KEEP, reject the others for the reason that it says."""
    questions = workspace.read(config.questions, Question)
    folder = workspace.open(config, questions).begin_rows(Question, questions.slices(config.rows_per_part))
    for part in folder.missing_parts():
        for index, question in part.rows(questions.read(part.slice)):
            settle(part, index, [(question, judge(question))])
    return folder.finish()


def settle(part: Part, index: int, judged: Sequence[tuple[Row, Verdict]]) -> None:
    """Say what became of the part's row ``index``: each row that came of it, kept or rejected as its verdict says."""
    part.settle(
        index,
        kept=[row for row, verdict in judged if verdict == KEEP],
        rejected=[
            Reject(row=row, reason=verdict.reason, detail=verdict.detail) for row, verdict in judged if verdict != KEEP
        ],
    )
