from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from components.generate_questions.config import GenerateQuestionsConfig
from components.generate_questions.step import run as generate_questions
from components.shared.workspace import Workspace
from components.shared.workspace.earlier_rows import TAKEN_OVER
from components.shared.workspace.manifests import read_manifest
from pipelines.compiled_pipeline import PlannedStep
from pipelines.planning.course import CourseStep
from pipelines.planning.expected_rows import Known, expected_rows
from pipelines.planning.measured import MeasuredWork


@pytest.mark.parametrize(("changes", "share"), [({}, 0.5), ({"seed": 1}, 0.0), ({"temperature": 0.5}, 0.0)])
def test_of_a_larger_run_the_rows_that_the_smaller_one_has_are_expected_to_be_taken_over_as_they_are(
    changes: dict[str, Any], share: float, workspace: Workspace, tiny_model: Path
) -> None:
    options: dict[str, Any] = {
        "workspace": workspace.uri, "model": str(tiny_model), "generator": "one", "engine": "scripted",
        "chat_template": "own", "max_tokens": 32,
    }  # fmt: skip
    generate_questions(GenerateQuestionsConfig(**options, num_questions=8), workspace)
    larger = GenerateQuestionsConfig(**options, num_questions=16, **changes)
    measured = MeasuredWork(workspace.uri).nearest("generate_questions", larger)
    step = CourseStep(number=0, step=PlannedStep("generate_questions", options), reads={})
    rows = expected_rows(step, [], Known(config=larger, measured=measured, stated=None))
    assert rows.rows_in
    assert (rows.rows_in.value, rows.taken_over) == (16, share)
    metrics = read_manifest(generate_questions(larger, Workspace(workspace.uri))).metrics
    assert sum(value for name, value in metrics.items() if name.startswith(TAKEN_OVER)) == 16 * share
