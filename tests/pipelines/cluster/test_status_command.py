import pytest

from components.shared.records import Question
from components.shared.workspace import Workspace
from pipelines.cluster.progress import folders_in_the_making
from pipelines.cluster.status_command import show_status
from tests.conftest import GivenRowsConfig, WriteRows
from tests.pipelines.cluster.conftest import NAMESPACE, RUN_ID, Server

NEVER = "0001-01-01T00:00:00Z"  # how the server says that a task has not ended


def half_done(workspace: Workspace, num_parts: int) -> str:
    """Begin a folder of four parts of ten rows, and write some of them."""
    from components.shared.rows import Slice

    config = GivenRowsConfig(workspace=workspace.uri, content=f"{num_parts} parts")
    folder = workspace.create(config, Question, [Slice(start=n * 10, stop=n * 10 + 10) for n in range(4)])
    for part, _ in zip(folder.missing_parts(), range(num_parts), strict=False):
        for index in range(10):
            part.settle(index, kept=[Question(id=folder.row_id(part.number * 10 + index), question="1+1?")])
    return folder.uri


def test_folders_that_are_not_finished_are_listed_with_their_parts_and_rows(
    workspace: Workspace, write_questions: WriteRows
) -> None:
    write_questions(workspace, ["1+1?"])
    uri = half_done(workspace, 3)
    (progress,) = folders_in_the_making(workspace.uri)
    assert progress.folder == "/".join(uri.split("/")[-2:])
    assert (progress.parts_done, progress.parts, progress.rows_done, progress.rows) == (3, 4, 30, 40)
    assert progress.rows_per_second > 0
    assert progress.seconds_left == pytest.approx(10 / progress.rows_per_second)


def test_a_rate_needs_two_parts(workspace: Workspace) -> None:
    half_done(workspace, 1)
    (progress,) = folders_in_the_making(workspace.uri)
    assert (progress.rows_done, progress.rows_per_second, progress.seconds_left) == (10, 0, 0)


def test_the_state_of_each_task_and_the_rows_of_each_folder_are_shown(
    kubeflow: Server, workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    uri = half_done(workspace, 2)
    shards = [("generate-responses", state) for state in ("SUCCEEDED", "RUNNING", "RUNNING")]
    tasks = [
        {
            "task_id": str(number),
            "display_name": name,
            "state": state,
            "start_time": "2026-11-22T12:00:00Z",
            "end_time": NEVER,
        }
        for number, (name, state) in enumerate(
            [("train-sft", "SUCCEEDED"), *shards, ("root", "RUNNING"), ("executor(0)", "RUNNING")]
        )
    ]
    parameters = {"workspace": workspace.uri}
    run = {"run_id": RUN_ID, "display_name": "paper", "state": "RUNNING", "runtime_config": {"parameters": parameters}}
    kubeflow.on(f"GET /apis/v2beta1/runs/{RUN_ID}", run | {"run_details": {"task_details": tasks}})
    assert show_status(RUN_ID, kubeflow.url, NAMESPACE) == 0
    output = capsys.readouterr().out
    assert "1 succeeded, 2 running" in output
    assert not any(line.startswith(("root", "executor")) for line in output.splitlines())
    assert " -" not in next(line for line in output.splitlines() if line.startswith("generate-responses"))
    line = next(line for line in output.splitlines() if "/".join(uri.split("/")[-2:]) in line)
    assert "2 of 4" in line
    assert "20 of 40" in line


def test_a_run_that_there_is_not_is_one_message(kubeflow: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert show_status("nope", kubeflow.url, NAMESPACE) == 2
    assert "there is no such thing" in capsys.readouterr().err


def test_a_run_of_another_pipeline_is_one_message(kubeflow: Server, capsys: pytest.CaptureFixture[str]) -> None:
    kubeflow.on("GET /apis/v2beta1/runs/other", {"run_id": "other", "state": "RUNNING"})
    assert show_status("other", kubeflow.url, NAMESPACE) == 2
    assert "run other has no parameter 'workspace'" in capsys.readouterr().err


def test_a_run_that_was_only_just_taken_waits(
    kubeflow: Server, workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    parameters = {"workspace": workspace.uri}
    run = {"run_id": RUN_ID, "display_name": "[/paper]", "runtime_config": {"parameters": parameters}}
    kubeflow.on(f"GET /apis/v2beta1/runs/{RUN_ID}", run)
    assert show_status(RUN_ID, kubeflow.url, NAMESPACE) == 0
    assert f"run {RUN_ID}, [/paper]: pending, workspace" in " ".join(capsys.readouterr().out.split())
