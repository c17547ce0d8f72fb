from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from components.shared.workspace.costs import costs_of
from components.shared.workspace.lineage import Stage, stages_of_all
from components.shared.workspace.spending import SPENT
from pipelines.arguments import Run
from pipelines.compiled_pipeline import PlannedStep
from pipelines.run_ending import made_and_foreseen
from tests.pipelines.answered import answer_run, do_step

NOTHING = {"rows": None, "page": "", "costs": None}


class OutOfMemoryError(Exception):
    """Ends a run."""


def run_until(step: str, run: Run) -> list[Stage]:
    """Do the steps before one, and fail there; return what they made."""
    folders: list[str] = []

    def do(planned: PlannedStep) -> dict[str, Any]:
        if planned.name == step:
            raise OutOfMemoryError
        made = do_step(planned)
        folders.append(made["folder"])
        return made

    with pytest.raises(OutOfMemoryError):
        run.walk(do)
    return stages_of_all(folders)


def test_a_run_that_failed_tells_what_its_folders_took_and_not_what_others_did(tmp_path: Path) -> None:
    workspace = str(tmp_path / "runs")
    run, other = answer_run(workspace), answer_run(workspace, "seed=7")
    assert made_and_foreseen(run, "", 0, has_run=True) == NOTHING
    stages = run_until("score_responses", run)
    run_until("score_responses", other)
    asked = next(stage for stage in stages if stage.manifest.step == "generate_responses")
    record = tmp_path / "runs" / SPENT / "generate_responses" / asked.folder.rpartition("/")[2] / "pod-1x000007200.json"
    record.parent.mkdir(parents=True)
    record.write_text("{}")
    costs = made_and_foreseen(answer_run(workspace, "price_per_gpu_hour=2.5"), "", 0, has_run=True)["costs"]
    assert isinstance(costs, dict)
    expected = costs_of(stages)
    assert costs["tokens_written"] == expected.tokens_written > 0
    assert costs["seconds"] == pytest.approx(expected.seconds)
    assert (costs["gpu_hours"], costs["money"], costs["gpu_hours_lost"]) == (2, 5, 2)
    assert made_and_foreseen(run, "", 0, has_run=False) == NOTHING, "a run that was only sent"
