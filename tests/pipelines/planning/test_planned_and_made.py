"""What is planned after a pilot, and what the whole run then makes: runs of the preset ``smoke`` of several sizes.

A plan takes the pilot's shares. They have the error of a sample, and fewer of many questions are distinct than of few:
of 1,000 questions after 100, responses are planned 21 % too high; after 200, 6 %.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from components.shared.models import fetch_model
from components.shared.workspace import Workspace
from components.shared.workspace.costs import READ, WRITTEN
from components.shared.workspace.manifests import Manifest, read_manifest
from pipelines.arguments import Run, config_of_step, prepare_run
from pipelines.compiled_pipeline import Outputs, PlannedStep
from pipelines.planning.pilot_run import pilot_of
from pipelines.planning.run_plans import plan_of
from pipelines.run_checks.step_checks import check_steps
from pipelines.run_checks.vantage import LAPTOP
from tests.pipelines.answered import do_step

WITHIN = 0.2
RUNS = {200: 60, 300: 100, 400: 100, 600: 150, 1000: 200}  # questions of the whole run, and of its pilot
STEPS = ("generate_questions", "filter_solvability", "generate_responses", "score_difficulty")


def run_of(workspace: Path, num_questions: int) -> Run:
    """The right column of the figure; few objects: what takes time is to write them."""
    settings = [f"generator_num_questions={num_questions}", *(f"{step}.rows_per_part=64" for step in STEPS)]
    return prepare_run("smoke", settings, str(workspace), "construct_dataset", {"profile": ""})


def made_by(run: Run) -> list[Manifest]:
    """Do each step of a run in this process; return the manifests of their folders."""
    made: list[Manifest] = []

    def do(step: PlannedStep) -> Outputs:
        if step.passes_on:
            return {}
        outputs = leave_untrained(step) if step.name == "train_scorer" else do_step(step)
        made.append(read_manifest(outputs["folder"]))
        return outputs

    run.walk(do)
    return made


def leave_untrained(step: PlannedStep) -> Outputs:
    """Leave what a training would, but the model that it begins with: the script's scores look at no weights."""
    config = config_of_step(step)
    found = Workspace(config.workspace).open(config)
    if found.finished:
        return {"folder": found.uri}
    return {"folder": found.begin_model().finish(fetch_model(step.options["model"]), metrics={"seconds": 1.0})}


@pytest.mark.slow
def test_after_a_pilot_the_rows_and_tokens_of_the_whole_run_are_planned_within_20_percent(tmp_path: Path) -> None:
    made_by(pilot_of(run_of(tmp_path / "base", 2), 1).run)  # models, fail rates, scorer: the same at any size
    for num_questions, of_pilot in RUNS.items():
        workspace = tmp_path / str(num_questions)
        shutil.copytree(tmp_path / "base", workspace)
        run = run_of(workspace, num_questions)
        made_by(pilot_of(run, of_pilot).run)
        plan = plan_of(run, check_steps(run, LAPTOP))
        made = made_by(run)
        assert [work.step for work in plan.steps] == [each.step for each in made]
        for work, each in zip(plan.steps, made, strict=True):
            if not work.is_model:
                assert work.rows.rows_out, work.step
                assert work.rows.rows_out.value == pytest.approx(each.rows_out, rel=WITHIN), (num_questions, work.step)
        new = [each.metrics for work, each in zip(plan.steps, made, strict=True) if work.state != "reused"]
        for total, names in ((plan.totals.tokens_read, READ), (plan.totals.tokens_written, WRITTEN)):
            tokens = sum(metrics.get(name, 0) for metrics in new for name in names)
            assert total.is_known
            assert total.value == pytest.approx(tokens, rel=WITHIN), (num_questions, names)
