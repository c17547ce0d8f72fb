"""A pilot on a cluster: what is sent, what is printed, and what the whole run takes over."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from components.shared.stores import storage
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from pipelines.arguments import Run
from pipelines.cli import app
from pipelines.cluster import submit_command, watching
from pipelines.cluster.options import Cluster
from pipelines.cluster.submission import Submission, prepare_submission
from pipelines.cluster.submit_command import submit
from pipelines.compiled_checks import find_defects
from pipelines.compiled_pipeline import CompiledPipeline, walk_steps
from pipelines.planning.confirming import Spending
from pipelines.run_checks.check_task import main
from pipelines.run_checks.looking import Looked
from tests.pipelines.answered import do_step
from tests.pipelines.cluster.conftest import NAMESPACE, RUN_ID, Server, kept_pipelines
from tests.pipelines.cluster.recorded_runs import serve_runs_in_turn
from tests.pipelines.run_checks.forms import constants_of, executor_input
from tests.scripted_runs import make_dataset
from tests.stores import Store

WORKSPACE = "gs://bucket/runs"
FORECAST = "of 16 questions; the whole run, with 90 % intervals:"
WITH_SOLVERS = "solvers=[{source: a, model: random:llama, chat_template: chatml, learning_rate: 1e-5}]"


def pilot_on(host: str, workspace: str = WORKSPACE, number: int = 8, **changes: Any) -> Submission:
    """The first of 16 questions of the smoke preset."""
    cluster = Cluster(host=host, namespace=NAMESPACE, profile="local", allow_tags=True)
    return Submission(preset="smoke", workspace=workspace, cluster=cluster, pilot=number, **changes)


def sent(kubeflow: Server) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the compiled pipeline and the values of the run that was started last."""
    run = kubeflow.body_of("POST /apis/v2beta1/runs")
    return kept_pipelines(kubeflow).documents_of(run), run["runtime_config"]["parameters"]


def test_a_pilot_is_sent_with_fewer_questions_and_without_what_comes_behind_the_dataset(
    kubeflow: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    assert submit(pilot_on(kubeflow.url, settings=[WITH_SOLVERS]), follow=False) == 0
    documents, parameters = sent(kubeflow)
    assert parameters["generator_num_questions"] == 8
    text = yaml.safe_dump(documents)
    assert "components.package_dataset" in text
    assert "components.evaluate" not in text
    assert kubeflow.body_of("POST /apis/v2beta1/runs")["display_name"].startswith("smoke pilot ")
    *_, forecast, whole = capsys.readouterr().out.splitlines()
    given = f"smoke --workspace {WORKSPACE} --set '{WITH_SOLVERS}'"
    assert forecast.split(maxsplit=1) == ["forecast", f"scalequest plan {given} --pilot 8 --profile local"]
    where = f"--namespace {NAMESPACE} --host {kubeflow.url} --profile local --allow-tags --yes"
    assert whole == f"goes on with  scalequest submit {given} {where}"


def test_the_first_task_of_a_submitted_pilot_checks_the_steps_that_were_sent_and_that_of_the_whole_run_all(
    kubeflow: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checked: dict[int, str] = {}
    for number in (8, 0):
        assert submit(pilot_on(kubeflow.url, number=number, settings=[WITH_SOLVERS]), follow=False) == 0
        documents, parameters = sent(kubeflow)
        (path := tmp_path / "sent.yaml").write_text(yaml.safe_dump_all(documents), encoding="utf-8")
        pipeline = CompiledPipeline(path)
        assert ("last_step" in constants_of(pipeline)) == bool(number)
        assert find_defects(pipeline.documents) == []
        told = executor_input(pipeline, parameters | {"workspace": str(tmp_path / "runs")}, tmp_path / "outputs")
        with pytest.raises(SystemExit) as ended:
            main(["--executor-input", told])
        assert not ended.value.code, capsys.readouterr().err
        checked[number] = (tmp_path / "outputs/report.md").read_text(encoding="utf-8").replace("\\", "")
        steps = [step for step in pipeline.planned_steps(parameters) if not step.passes_on]
        assert f"scalequest: {len(steps)} steps, " in checked[number]
    assert ["| evaluate |" in checked[number] for number in (8, 0)] == [False, True]
    assert "| package_dataset |" in checked[8]


def test_the_command_that_goes_on_has_every_option_that_is_not_at_its_default() -> None:
    cluster = Cluster(namespace="n", spot=True, gpu_work="task", priority_class="low", queue=False)
    of_whole = Submission(
        preset="paper",
        workspace=WORKSPACE,
        pipeline="construct_dataset",
        cluster=cluster,
        allow_parallel_trainings=True,
        spending=Spending(yes=True),
    )
    assert of_whole.command == (
        f"scalequest submit paper --workspace {WORKSPACE} --pipeline construct_dataset --namespace n --spot "
        "--gpu-work task --priority-class low --no-queue --allow-parallel-trainings --yes"
    )


@pytest.mark.parametrize(
    ("profile", "own", "of_tasks"),
    [
        ("local", ["accelerator=amd.com/gpu"], ["gpu_work=task"]),
        ("gke-a100-80g", [], ["gpu_work=task", "pods=8"]),
        ("gke-a100-80g", ["inference_gpus=2", "pods=3"], ["gpu_work=task", "pods=4"]),
    ],
)
def test_the_command_of_its_forecast_plans_the_hardware_of_tasks_that_do_the_work(
    profile: str, own: list[str], of_tasks: list[str], tmp_path: Path
) -> None:
    cluster = Cluster(namespace="n", profile=profile, gpu_work="task")
    workspace = str(tmp_path / "runs")
    pilot = Submission(preset="smoke", workspace=workspace, cluster=cluster, pilot=8, settings=own)
    words = [word for setting in (*of_tasks, *own) for word in ("--set", setting)]
    given = ["plan", "smoke", "--workspace", workspace, *words, "--pilot", "8", "--profile", profile]
    assert pilot.plan_command.split() == ["scalequest", *given]
    planned = CliRunner().invoke(app, given)
    assert planned.exit_code == 0, planned.output
    cluster = replace(cluster, allow_tags=True)
    arguments = prepare_submission(replace(pilot, workspace=WORKSPACE, cluster=cluster)).arguments
    told = dict(setting.split("=") for setting in (*of_tasks, *own))
    assert {name: value for name, value in told.items() if name in ("gpu_work", "pods")}.items() <= arguments.items()


def test_a_pilot_that_is_the_whole_run_is_refused_and_nothing_is_sent(
    kubeflow: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    assert submit(pilot_on(kubeflow.url, number=16), follow=False) == 2
    assert "--pilot 16 is the whole run" in capsys.readouterr().err
    assert kubeflow.asked == []


def ended_with(dataset: str, monkeypatch: pytest.MonkeyPatch, *, first: str = "reused") -> None:
    """Let all steps be found finished, the last with a dataset; at the first look, one has the state ``first``."""
    states = [first]

    def look(run: Run, workspace: str, *, has_keys: bool) -> list[Looked]:
        state: Any = states.pop() if states else "reused"
        steps = [step for step in run.steps if not step.passes_on]
        return [Looked(step=step, state=state, folder=dataset) for step in steps]

    monkeypatch.setattr(submit_command, "look_from_here", look)


def test_a_pilot_that_has_ended_is_not_sent_again_and_says_what_the_whole_run_will_come_to(
    kubeflow: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ended_with(make_dataset(Workspace(str(tmp_path)), 12)["package_dataset"], monkeypatch)
    assert submit(pilot_on(kubeflow.url, number=12), follow=False) == 0
    said = capsys.readouterr().out
    assert " ".join(said.split()).startswith("nothing to do: all folders of the pilot of smoke are finished")
    assert f"pilot: 12 {FORECAST}" in said
    assert f"scalequest submit smoke --workspace {WORKSPACE} --namespace {NAMESPACE}" in said
    assert kubeflow.asked == []


@pytest.mark.parametrize("is_readable", [True, False])
def test_a_pilot_that_is_followed_says_in_the_end_what_the_whole_run_will_come_to_or_where_that_shows(
    is_readable: bool,
    kubeflow: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(watching, "POLL_SECONDS", 0.01)
    serve_runs_in_turn(kubeflow, ["run-succeeded-small"], RUN_ID)
    dataset = make_dataset(Workspace(str(tmp_path)), 12)["package_dataset"] if is_readable else f"{tmp_path}/none"
    ended_with(dataset, monkeypatch, first="new")
    assert submit(pilot_on(kubeflow.url, number=12), follow=True) == 0
    said = capsys.readouterr().out.partition(f"run {RUN_ID} succeeded")[2]
    assert (f"pilot: 12 {FORECAST}" in said) == is_readable
    command = f"`scalequest plan smoke --workspace {WORKSPACE} --pilot 12 --profile local`"
    assert (f"where they can, {command}" in said) != is_readable


def test_a_pilot_that_is_followed_has_its_forecast_in_the_document(
    kubeflow: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(watching, "POLL_SECONDS", 0.01)
    serve_runs_in_turn(kubeflow, ["run-succeeded-small"], RUN_ID)
    dataset = make_dataset(Workspace(str(tmp_path)), 12)["package_dataset"]
    ended_with(dataset, monkeypatch, first="new")
    assert submit(pilot_on(kubeflow.url, number=12, as_json=True), follow=True) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["state"], told["folder"]) == ("succeeded", dataset)
    assert told["rows"] == read_manifest(dataset).rows_out
    assert told["forecast"]["sample"] == {"num_pilot": 12, "num_whole": 16}
    assert told["forecast"]["rows"]["low"] <= told["forecast"]["rows"]["value"] <= told["forecast"]["rows"]["high"]


def test_a_pilot_is_planned_as_it_will_run_and_has_no_forecast_before(tmp_path: Path) -> None:
    words = ["plan", "smoke", "--workspace", str(tmp_path / "runs"), "--pilot", "8", "--json"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    document = json.loads(result.output)
    (written,) = [each for each in document["steps"] if each["folder"] == "" and each["step"] == "package_dataset"]
    assert written == document["steps"][-1]
    asked = [each["rows"]["rows_in"]["value"] for each in document["steps"] if each["step"] == "generate_questions"]
    assert asked[-1] == 8
    assert document["forecast"] is None


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_submitted_pilot_ends_with_its_forecast_and_the_whole_run_takes_its_rows_over(
    kubeflow: Server, s3_store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """The steps of what was sent are done here, as its pods would; the store is a real one."""
    column = {"pipeline": "construct_dataset"}
    pilot, whole = (pilot_on(kubeflow.url, s3_store.uri, number, **column) for number in (8, 0))
    assert submit(pilot, follow=False) == 0
    *_, forecast, _ = capsys.readouterr().out.splitlines()
    _do(kubeflow)
    capsys.readouterr()
    command = forecast.partition("scalequest ")[2].split()
    planned = CliRunner().invoke(app, command)
    assert f"pilot: 8 {FORECAST}" in planned.output, planned.output
    kubeflow.asked.clear()
    assert submit(pilot, follow=False) == 0
    assert f"pilot: 8 {FORECAST}" in capsys.readouterr().out
    assert kubeflow.asked == [], "it has ended"
    assert submit(whole, follow=False) == 0
    assert "package_dataset" in _do(kubeflow)[-1]
    for step in ("generate_questions", "filter_solvability", "generate_responses", "score_responses"):
        folders = [storage.join(s3_store.uri, step, name) for name in storage.list_names(f"{s3_store.uri}/{step}")]
        made = max((read_manifest(folder) for folder in folders), key=lambda each: each.rows_in)
        assert sum(count for name, count in made.metrics.items() if name.startswith("taken_over: ")) > 0, step


def _do(kubeflow: Server) -> list[str]:
    """Do the steps of the run that was started last; return their folders."""
    documents, parameters = sent(kubeflow)
    folders: list[str] = []

    def do(step: Any) -> dict[str, Any]:
        done = do_step(step)
        folders.append(done["folder"])
        return done

    walk_steps(documents[0], parameters, do)
    return folders
