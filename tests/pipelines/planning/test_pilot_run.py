from __future__ import annotations

import dataclasses
import json
import subprocess
from pathlib import Path

import pytest

from components.shared.errors import InputError
from components.shared.workspace.manifests import read_manifest
from pipelines.arguments import prepare_run
from pipelines.planning.confirming import Spending
from pipelines.planning.course import course_of
from pipelines.planning.pilot_run import pilot_of
from pipelines.run_command import Asked
from tests.components.rejects import read_content
from tests.scripted_runs import ASKED, SCORED
from tests.smoke_runs import Finished, folders_of, run_command, run_environment, run_smoke
from tests.source_tree import ROOT

A, B = (f'{{source: {name}, model: "random:llama", chat_template: own}}' for name in "ab")


def test_a_pilot_is_the_same_run_with_fewer_questions_of_each_generator_and_ends_with_the_dataset() -> None:
    whole = prepare_run(
        "smoke", [f"generators=[{A}, {B}]", "generator_num_questions=500"], "runs/smoke", "", {"profile": ""}
    )
    pilot = pilot_of(whole, 101)
    assert pilot.num_whole == 1000
    assert pilot.run.arguments == whole.arguments | {"generator_num_questions": 51}
    assert pilot.run.steps[-1].name == pilot.run.last_step == "package_dataset"


def test_of_a_pilot_nothing_behind_the_dataset_is_planned() -> None:
    solver = "{source: first, model: 'random:llama', chat_template: alpaca, learning_rate: 1.0e-3}"
    whole = prepare_run("smoke", [f"solvers=[{solver}]"], "runs/smoke", "", {"profile": ""})
    courses = [[each.step.name for each in course_of(run)] for run in (whole, pilot_of(whole, 8).run)]
    assert courses[0][-1] == "compare_solvers"
    assert courses[1] == courses[0][: courses[0].index("package_dataset") + 1]


@pytest.mark.parametrize("number", [16, 2000])
def test_a_pilot_that_is_the_whole_run_is_refused(number: int) -> None:
    whole = prepare_run("smoke", [], "runs/smoke", "", {"profile": ""})
    with pytest.raises(InputError, match=rf"--pilot {number} is the whole run: .*expected at most 15"):
        pilot_of(whole, number)


def test_a_run_that_writes_no_questions_has_no_pilot() -> None:
    whole = prepare_run("smoke", [], "runs/smoke", "train_question_generator", {"profile": ""})
    with pytest.raises(InputError, match="writes no questions of its own"):
        pilot_of(whole, 8)


def test_the_command_that_goes_on_is_the_pilots_own_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROVER_API_KEY", "sk-very-secret")
    settings = ["rewriter_endpoint=https://x/v1?key=sk-very-secret", "seed=1"]
    pilot = Asked(preset="smoke", settings=settings, workspace="w", pilot=8, spending=Spending(yes=True))
    whole = dataclasses.replace(pilot, pilot=0)
    given = "run smoke --workspace w --set 'rewriter_endpoint=https://x/v1?key=[secret]' --set seed=1"
    assert (pilot.command, whole.command) == (f"scalequest {given} --pilot 8 --yes", f"scalequest {given} --yes")
    asking = dataclasses.replace(whole, spending=Spending())
    assert asking.command == f"scalequest {given}"


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_run_after_its_pilot_is_the_undisturbed_run_and_pays_for_no_row_twice(
    undisturbed: Finished, tmp_path: Path
) -> None:
    workspace = str(tmp_path / "workspace")

    def run_pilot(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*run_command("smoke", workspace), "--pilot", "8", *words],
            env=run_environment(tmp_path / "scratch", {}), cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip

    pilot = run_pilot()
    assert pilot.returncode == 0, pilot.stderr
    assert "pilot: 8 of 16 questions; the whole run, with 90 % intervals:" in pilot.stdout
    assert "rows of the dataset" in pilot.stdout
    assert f"scalequest run smoke --workspace {workspace}" in pilot.stdout
    of_pilot = folders_of(workspace)
    told = json.loads(run_pilot("--price-per-gpu-hour", "3", "--json").stdout)
    assert folders_of(workspace) == of_pilot
    assert (told["exit_code"], told["forecast"]["price_per_gpu_hour"]) == (0, 3.0)
    whole = run_smoke(workspace, tmp_path / "scratch")
    assert whole.returncode == 0, whole.stderr
    assert undisturbed.folders <= folders_of(workspace)
    for folder, expected in undisturbed.manifests().items():
        made = read_manifest(f"{workspace}/{folder}")
        if made.kind != "model":
            assert read_content(f"{workspace}/{folder}") == read_content(f"{undisturbed.workspace}/{folder}"), folder
        taken = sum(count for name, count in made.metrics.items() if name.startswith("taken_over: "))
        asked = folder.split("/")[0] in (*ASKED, *SCORED)
        assert bool(taken) == (asked and folder not in of_pilot), folder
        assert made.metrics.get("output_tokens", 0) <= expected.metrics.get("output_tokens", 0)
