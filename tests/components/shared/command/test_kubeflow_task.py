from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from components.shared.command import kubeflow_answer
from components.shared.command.kubeflow_answer import local_path
from components.shared.command.kubeflow_artifacts import ShownFolder
from components.shared.command.kubeflow_task import read_task
from components.shared.config import METRICS
from components.shared.config.artifacts import Artifact, artifacts
from components.shared.errors import InputError
from components.shared.jobs import JobRequest
from components.shared.workspace import Workspace
from tests.conftest import WriteRows

KINDS = {"dataset": "Dataset", METRICS: "Metrics", "page": "HTML", "executor-logs": "Artifact"}
DECLARED = artifacts(
    dataset=Artifact(kind="Dataset", title="Questions", description="what the step kept"),
    page=Artifact(kind="HTML", title="Report", description="a page"),
)


def executor_input(folder: Path, root: str = "minio://run", **values: Any) -> str:
    """What Kubeflow's launcher passes to a component with the outputs that our steps have, and its own log."""
    artifacts = {
        name: {"artifacts": [{"name": name, "type": {"schemaTitle": f"system.{kind}"}, "uri": f"{root}/{name}"}]}
        for name, kind in KINDS.items()
    }
    outputs = {
        "outputFile": str(folder / "kfp" / "executor_output.json"),
        "parameters": {"folder": {"outputFile": str(folder / "kfp" / "folder")}},
        "artifacts": artifacts,
    }
    return json.dumps({"inputs": {"parameterValues": values}, "outputs": outputs})


@pytest.fixture
def mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the launcher's mounts stand in a folder of the test."""
    monkeypatch.setattr(kubeflow_answer, "MOUNTS", {"minio": str(tmp_path / "minio")})
    return tmp_path / "minio"


def reported(text: str, folder: str, tmp_path: Path) -> dict[str, Any]:
    """Report a folder for the outputs that a component declared; return what the launcher reads."""
    read_task(text).report(ShownFolder(folder=folder, artifacts=DECLARED))
    written: dict[str, Any] = json.loads((tmp_path / "kfp" / "executor_output.json").read_text())
    return written


def artifacts_of(written: dict[str, Any]) -> dict[str, Any]:
    return {name: listing["artifacts"][0] for name, listing in written["artifacts"].items()}


@pytest.mark.usefixtures("mounts")
def test_address_ledger_and_metrics_reach_kubeflow(
    tmp_path: Path, workspace: Workspace, write_questions: WriteRows
) -> None:
    folder = write_questions(workspace, ["What?", "Why?"])
    written = reported(executor_input(tmp_path, root="ftp://run"), folder, tmp_path)
    artifacts = artifacts_of(written)
    assert set(written) == {"parameterValues", "artifacts"}
    assert written["parameterValues"] == {"folder": folder}
    assert (tmp_path / "kfp" / "folder").read_text() == folder
    assert artifacts["dataset"]["metadata"] == {
        "display_name": "Questions",
        "description": "what the step kept",
        "folder": folder,
        "rows_in": 2,
        "rows_out": 2,
        "rejected": {},
    }
    assert artifacts[METRICS]["metadata"]["rows_out"] == 2
    assert artifacts[METRICS]["metadata"]["seconds"] >= 0
    assert {key for artifact in artifacts.values() for key in artifact} == {"name", "type", "uri", "metadata"}


@pytest.mark.usefixtures("mounts")
def test_each_uri_stays_as_it_was_given_and_what_was_not_declared_is_left_alone(
    tmp_path: Path, workspace: Workspace, write_questions: WriteRows
) -> None:
    written = reported(executor_input(tmp_path), write_questions(workspace, ["What?"]), tmp_path)
    uris = {name: artifact["uri"] for name, artifact in artifacts_of(written).items()}
    assert uris == {name: f"minio://run/{name}" for name in ("dataset", METRICS, "page")}


def test_a_small_file_lies_where_the_launcher_looks_for_it_and_for_a_page_the_page(
    mounts: Path, tmp_path: Path, workspace: Workspace, write_questions: WriteRows
) -> None:
    folder = write_questions(workspace, ["What?"])
    Path(folder, "report.html").write_text("<!doctype html>…")
    reported(executor_input(tmp_path), folder, tmp_path)
    assert (mounts / "run" / "page").read_text() == "<!doctype html>…"
    assert json.loads((mounts / "run" / "dataset").read_text())["folder"] == folder
    assert not (mounts / "run" / "executor-logs").exists()


def test_kubeflow_gets_neither_null_nor_nan_and_metrics_are_numbers(
    mounts: Path, tmp_path: Path, workspace: Workspace, write_questions: WriteRows
) -> None:
    folder = write_questions(workspace, ["What?"])
    manifest = Path(folder, "_manifest.json")
    content = json.loads(manifest.read_text())
    content["metrics"] |= {"loss": float("nan"), "reward": float("-inf"), "correlation": None, "accuracy": 0.5}
    manifest.write_text(json.dumps(content))
    metrics = artifacts_of(reported(executor_input(tmp_path), folder, tmp_path))[METRICS]["metadata"]
    assert metrics["accuracy"] == 0.5
    assert not {"loss", "reward", "correlation", "folder"} & set(metrics)
    assert all(isinstance(value, int | float) for value in metrics.values())


def test_a_folder_that_other_pods_still_work_on_is_reported_without_figures(mounts: Path, tmp_path: Path) -> None:
    folder = str(tmp_path / "unfinished")
    written = reported(executor_input(tmp_path), folder, tmp_path)
    assert written["parameterValues"] == {"folder": folder}
    metadata = {name: artifact["metadata"] for name, artifact in artifacts_of(written).items()}
    names = {name: {"display_name": each.title, "description": each.description} for name, each in DECLARED.items()}
    assert metadata == {name: {**told, "folder": folder} for name, told in names.items()} | {METRICS: {}}


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("gs://bucket/a/b", "/gcs/bucket/a/b"),
        ("s3://bucket/a/b", "/s3/bucket/a/b"),
        ("minio://bucket/a/b", "/minio/bucket/a/b"),
        ("/tmp/kfp/a", "/tmp/kfp/a"),
        ("oci://registry/a", None),
    ],
)
def test_a_uris_local_path_is_the_launchers(uri: str, path: str | None) -> None:
    assert local_path(uri) == (Path(path) if path else None)


def test_options_have_the_words_of_a_command_line_and_what_kubernetes_is_asked_for_is_none(tmp_path: Path) -> None:
    values: dict[str, Any] = {
        "name": "a b",
        "whole": 3.0,
        "large": 1e6,
        "small": 5e-07,
        "keep": True,
        "folders": ["a", "é"],
        "nothing": None,
        "pipelinechannel--cpu": "4",
        "cpu_request": "4",
        "accelerator_count": "1",
        "base_image": "scalequest/cpu",
    }
    given = {
        "name": "a b",
        "whole": "3",
        "large": "1000000",
        "small": "5e-07",
        "keep": "true",
        "folders": '["a", "é"]',
        "nothing": "",
    }
    assert read_task(executor_input(tmp_path, **values)).given == given


def test_what_a_task_says_of_its_job_is_no_option(tmp_path: Path) -> None:
    said = {"profile": "gke-a100-80g", "pods": "2..16", "image": "scalequest/vllm:1"}
    task = read_task(executor_input(tmp_path, name="a", **said))
    assert (task.request, task.given) == (JobRequest(**said), {"name": "a"})
    assert read_task(executor_input(tmp_path)).request == JobRequest(profile="", pods="", image="")


@pytest.mark.parametrize("text", ["{{$}}", "[]", "7", "{}", '{"outputs": {}}', '{"inputs": 7, "outputs": {}}', "{"])
def test_what_is_no_executor_input_is_bad_input(text: str) -> None:
    with pytest.raises(InputError, match="is not what Kubeflow Pipelines passes"):
        read_task(text)
