import json
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from components.shared.errors import ExitCode
from pipelines.cluster import watching
from pipelines.cluster.kubeflow_api import connect
from pipelines.cluster.status_command import show_status
from pipelines.webhook import VARIABLE
from tests.pipelines.cluster.conftest import NAMESPACE, RUN_ID, Server, kubeconfig_of
from tests.pipelines.cluster.recorded_runs import (
    GONE,
    NOT_FOUND,
    PODS,
    WORKFLOW,
    answer_of,
    recorded,
    run_of,
    serve_gone_workflow,
    serve_pods,
    serve_run,
    serve_runs_in_turn,
)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask without pause."""
    monkeypatch.setattr(watching, "POLL_SECONDS", 0.01)


def watched(server: Server, run_id: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    """Watch a run to its end; return its exit code and the lines without the time of day."""
    client, _ = connect(server.url, NAMESPACE)
    code = watching.watch(client, run_id, server.url, NAMESPACE, Console(file=sys.stdout))
    return code, [line.partition("  ")[2] or line for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize(
    ("name", "expected", "last"),
    [
        ("run-succeeded-frozen-at-93-of-380", ExitCode.DONE, "succeeded, 30 of 30 steps done"),
        (
            "run-failed-bad-input-after-retry",
            ExitCode.BAD_INPUT,
            "failed, 0 of 30 steps done: import_questions reasoning-gym:nosuch: bad input: --source reasoning-gym: ",
        ),
        (
            "run-failed-driver-duplicate-task",
            ExitCode.UNAVAILABLE,
            "failed, 4 of 30 steps done: Kubeflow's driver of rewrite-questions: exit code 1; submit it again",
        ),
        ("run-terminated-midstep", ExitCode.TERMINATED, "terminated, 1 of 30 steps done: somebody terminated it"),
    ],
)
def test_a_run_that_ends_ends_the_watching_as_it_did(
    name: str, expected: int, last: str, kubeflow: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    run_id = serve_run(kubeflow, name)
    code, lines = watched(kubeflow, run_id, capsys)
    assert code == expected
    assert lines[-1].startswith(f"run {run_id} {last}")


def test_a_step_that_ends_in_a_bug_of_ours_ends_the_watching_with_1(
    kubeflow: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    run_id = serve_run(kubeflow, "run-failed-bad-input-after-retry")
    _, answer = answer_of("run-failed-bad-input-after-retry.v1beta1")
    text = json.dumps(answer).replace("bad input: --source", "bug of ours: KeyError: --source")
    kubeflow.on(f"GET /apis/v1beta1/runs/{run_id}", json.loads(text))
    code, lines = watched(kubeflow, run_id, capsys)
    assert code == ExitCode.BUG
    assert lines[-1].endswith("; please report it; the traceback is in its log")


RUN = [
    "run-waiting-for-retry",
    "run-waiting-for-retry",
    "run-second-attempt-running",
    "run-waiting-for-retry-2-minutes",
]


def test_lines_come_where_something_changes_alone(
    kubeflow: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig_of(kubeflow.url, tmp_path)))
    serve_runs_in_turn(kubeflow, [*RUN, "run-failed-bad-input-after-retry"], RUN_ID)
    serve_pods(kubeflow)
    kubeflow.in_turn(PODS, *(recorded(f"pods/{name}.pods") for name in RUN))
    code, lines = watched(kubeflow, RUN_ID, capsys)
    assert code == ExitCode.BAD_INPUT
    step, killed = (
        "0 of 30  import_questions reasoning-gym:gsm_symbolic",
        "attempt 1 failed (killed: it left no termination message)",
    )
    assert lines[:3] == [
        f"{step}  waiting {killed}; again in a minute",
        f"{step}  running attempt 2; {killed}",
        f"{step}  waiting {killed}; attempt 2 failed (lost with its pod, exit code 143); again in 2 minutes",
    ]
    assert lines[3].startswith("0 of 30  import_questions reasoning-gym:nosuch  failed: bad input: --source")
    assert len(lines) == 5


def test_a_run_whose_workflow_is_gone_is_not_watched_for_ever(
    kubeflow: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig_of(kubeflow.url, tmp_path)))
    run_id = serve_run(kubeflow, GONE)
    serve_gone_workflow(kubeflow)
    code, lines = watched(kubeflow, run_id, capsys)
    assert code == ExitCode.UNAVAILABLE
    assert len([asked for asked, _ in kubeflow.asked if asked == WORKFLOW]) == 2
    assert lines[-1].startswith(f"run {run_id} not known to run, 1 of 30 steps done: Kubeflow says that it runs, but")


def test_a_run_whose_workflow_is_seen_again_is_watched_on(
    kubeflow: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig_of(kubeflow.url, tmp_path)))
    serve_runs_in_turn(kubeflow, [*[GONE] * 4, "run-succeeded-frozen-at-93-of-380"], RUN_ID)
    serve_gone_workflow(kubeflow)
    kubeflow.in_turn(WORKFLOW, (404, NOT_FOUND), {"metadata": {}}, (404, NOT_FOUND), {"metadata": {}})
    code, lines = watched(kubeflow, RUN_ID, capsys)
    assert code == ExitCode.DONE
    assert not [line for line in lines if " lost" in line]


def test_a_run_on_another_cluster_than_kubectls_is_watched_to_its_end(
    kubeflow: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig_of(kubeflow.url, tmp_path)))
    serve_runs_in_turn(kubeflow, [*[GONE] * 4, "run-succeeded-frozen-at-93-of-380"], RUN_ID)
    serve_pods(kubeflow)
    code, lines = watched(kubeflow, RUN_ID, capsys)
    assert code == ExitCode.DONE
    (note,) = [line for line in lines if "note: " in line]
    assert "by kubectl's context x, which may not be Kubeflow's cluster" in note


def test_whoever_watches_a_run_to_its_end_tells_the_webhook(
    kubeflow: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(VARIABLE, f"{kubeflow.url}/hook")
    kubeflow.on("POST /hook", {})
    run_id = serve_run(kubeflow, "run-failed-bad-input-after-retry")
    watched(kubeflow, run_id, capsys)
    told = kubeflow.body_of("POST /hook")
    assert (told["run"], told["state"], told["exit_code"], told["steps_done"]) == (run_id, "failed", 2, 0)
    assert told["message"].startswith("import_questions reasoning-gym:nosuch: bad input: ")


def test_status_watches_as_submit_does(kubeflow: Server, capsys: pytest.CaptureFixture[str]) -> None:
    run_id = serve_run(kubeflow, "run-terminated-midstep")
    assert show_status(run_id, kubeflow.url, NAMESPACE, follow=True) == ExitCode.TERMINATED
    assert f"\nrun {run_id} terminated, 1 of 30 steps done" in capsys.readouterr().out


def test_a_run_that_was_retried_after_it_was_terminated_has_failed(
    kubeflow: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    run: dict[str, Any] = run_of("run-failed-bad-input-after-retry")
    states = ["RUNNING", "CANCELING", "FAILED", "RUNNING", "FAILED"]
    run["state_history"] = [{"state": state, "update_time": "2026-11-29T18:00:00Z"} for state in states]
    serve_run(kubeflow, "run-failed-bad-input-after-retry")
    kubeflow.on(f"GET /apis/v2beta1/runs/{run['run_id']}", run)
    assert watched(kubeflow, run["run_id"], capsys)[0] == ExitCode.BAD_INPUT
