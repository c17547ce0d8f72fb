"""A row step that takes its time, for tests that kill it: ``python -m tests.components.shared.slow_filter``."""

from __future__ import annotations

import time
from dataclasses import dataclass

from components.shared.command.step_command import run_step
from components.shared.config import PartsConfig, option
from components.shared.records import Question, Reject
from components.shared.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class SlowFilterConfig(PartsConfig):
    """Double every question, reject what ends in 3."""

    questions: str = option(help="folder of Question rows", is_folder=True)
    row_seconds: float = option(0.0, help="time a row takes", affects_output=False, minimum=0)

    step = "slow_filter"


def run(config: SlowFilterConfig, workspace: Workspace) -> str:
    """Judge every question; return the folder's address."""
    questions = workspace.read(config.questions, Question)
    folder = workspace.open(config).begin_rows(Question, questions.slices(config.rows_per_part))
    for part in folder.missing_parts():
        for index, question in enumerate(questions.read(part.slice)):
            time.sleep(config.row_seconds)
            if question.id.endswith("3"):
                part.settle(index, rejected=[Reject(row=question, reason="ends_in_3", detail=question.id)])
            else:
                part.settle(index, kept=[Question(id=question.id, question=question.question * 2)])
    return folder.finish()


if __name__ == "__main__":
    from tests.components.shared import slow_filter  # a step has its name from its module, which is not __main__

    run_step(slow_filter.SlowFilterConfig, slow_filter.run)
