from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from components.shared.errors import ExitCode
from pipelines.cluster import stop_command
from pipelines.cluster.stop_command import stop_run
from tests.pipelines.cluster.conftest import NAMESPACE, RUN_ID, Server, kubeconfig_of
from tests.pipelines.cluster.recorded import body_of
from tests.pipelines.cluster.run_cluster import RunCluster
from tests.pipelines.run_checks.forms import in_json

RUN = f"GET /apis/v2beta1/runs/{RUN_ID}"
OLD_RUN = f"GET /apis/v1beta1/runs/{RUN_ID}"
TERMINATE = f"POST /apis/v2beta1/runs/{RUN_ID}:terminate"
WORKFLOW = "scalequest-abcde"


@pytest.fixture
def jobs(kubeflow: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunCluster:
    """A run that goes on and ends a while after it was terminated, in a namespace without Jobs."""
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig_of(kubeflow.url, tmp_path)))
    monkeypatch.setattr(stop_command, "POLL_SECONDS", 0.01)
    kubeflow.in_turn(RUN, *map(run_in, ("RUNNING", "CANCELING", "FAILED")))
    kubeflow.on(TERMINATE, {})
    workflow = f'{{"metadata": {{"name": "{WORKFLOW}", "namespace": "{NAMESPACE}"}}}}'
    kubeflow.on(OLD_RUN, {"pipeline_runtime": {"workflow_manifest": workflow}})
    cluster = RunCluster()
    cluster.serve(kubeflow, NAMESPACE)
    return cluster


def run_in(state: str, **parameters: Any) -> dict[str, Any]:
    """Return a run as Kubeflow has it."""
    return {"run_id": RUN_ID, "state": state, "runtime_config": {"parameters": parameters}}


def train_job(name: str, workflow: str = WORKFLOW) -> dict[str, Any]:
    """Return a TrainJob that a Workflow's pod has made."""
    owner = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "name": workflow, "uid": "u"}
    return {"kind": "TrainJob", "metadata": {"name": name, "uid": name, "labels": {}, "ownerReferences": [owner]}}


def stopped(jobs: RunCluster, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Stop the run; return exit code and what was printed."""
    code = stop_run(RUN_ID, jobs.server.url, NAMESPACE)
    captured = capsys.readouterr()
    return code, captured.out + captured.err


def test_a_run_is_terminated_and_its_jobs_are_deleted_behind_their_pods(
    jobs: RunCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [jobs.add(step, 2)["metadata"]["name"] for step in ("generate_questions", "score_responses")]
    other = jobs.add("evaluate", 1, run="another")["metadata"]["name"]
    done = jobs.add("deduplicate", 1)["metadata"]["name"]
    jobs.complete(done)
    jobs.train_jobs = {"t1": train_job("t1"), "t2": train_job("t2", "scalequest-other")}
    code, said = stopped(jobs, capsys)
    assert code == ExitCode.DONE
    assert said.splitlines() == [
        f"run {RUN_ID}: terminated",
        f"Job {names[0]} (generate-questions): its pods are told to stop",
        f"Job {names[1]} (score-responses): its pods are told to stop",
        "TrainJob t1: its pods are told to stop",
        f"nothing of it runs any more in {NAMESPACE}",
    ]
    assert (set(jobs.jobs), set(jobs.train_jobs)) == ({other, done}, {"t2"})
    assert jobs.count("DELETE jobs") == 2
    assert [asked for asked, _ in jobs.server.asked].count(OLD_RUN) == 1, "the Workflow does not change"


def test_a_job_that_a_task_makes_before_it_dies_is_deleted_too(
    jobs: RunCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs.add("generate_questions", 2)
    listings: list[int] = []

    def make_another() -> None:
        listings.append(len(listings))
        if len(listings) == 3:
            jobs.add("generate_questions", 2)

    jobs.on_list = make_another
    code, said = stopped(jobs, capsys)
    assert code == ExitCode.DONE
    assert said.count("told to stop") == 2
    assert jobs.jobs == {}


def test_what_was_done_is_one_document_and_what_is_said_meanwhile_goes_elsewhere(
    jobs: RunCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    name = jobs.add("generate_questions", 2)["metadata"]["name"]
    assert stop_run(RUN_ID, jobs.server.url, NAMESPACE, as_json=True) == ExitCode.DONE
    said = capsys.readouterr()
    deleted = [f"Job {name} (generate-questions)"]
    told = {"run": RUN_ID, "namespace": NAMESPACE, "done": "terminated", "jobs_deleted": deleted}
    assert json.loads(said.out) == told
    assert said.err.splitlines()[-1] == f"nothing of it runs any more in {NAMESPACE}"


def test_a_second_call_is_content(jobs: RunCluster, capsys: pytest.CaptureFixture[str]) -> None:
    jobs.server.on(RUN, run_in("FAILED"))
    code, said = stopped(jobs, capsys)
    assert code == ExitCode.DONE
    assert said == f"run {RUN_ID}: has ended (FAILED)\nno Job of it was running\n"
    assert not [asked for asked, _ in jobs.server.asked if asked.startswith("POST")]


def test_a_run_that_ends_before_it_is_terminated_is_no_error(
    jobs: RunCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs.server.in_turn(RUN, run_in("RUNNING"), run_in("SUCCEEDED"))
    jobs.server.on(TERMINATE, {"code": 3, "message": f"Failed to terminate a run {RUN_ID}. Row not found"}, 400)
    code, said = stopped(jobs, capsys)
    assert code == ExitCode.DONE
    assert said == f"run {RUN_ID}: has ended meanwhile\nno Job of it was running\n"


def test_jobs_of_a_run_that_has_ended_are_ended(jobs: RunCluster, capsys: pytest.CaptureFixture[str]) -> None:
    jobs.server.on(RUN, run_in("CANCELED"))
    jobs.add("generate_questions", 2)
    code, said = stopped(jobs, capsys)
    assert code == ExitCode.DONE
    assert "told to stop" in said
    assert jobs.jobs == {}


def test_a_cluster_without_kubeflow_trainer_has_no_trainjobs(
    jobs: RunCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs.has_trainer = False
    assert stopped(jobs, capsys)[0] == ExitCode.DONE


@pytest.mark.parametrize(("nodes", "expected"), [(1, ExitCode.DONE), (2, ExitCode.BAD_INPUT)])
def test_who_may_not_see_trainjobs_needs_to_where_a_training_takes_several_nodes(
    nodes: int, expected: int, jobs: RunCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    profile = in_json("gke-a100-80g", training_nodes=nodes)  # as submit gives it
    jobs.server.in_turn(RUN, run_in("RUNNING", profile=profile), run_in("FAILED", profile=profile))
    jobs.refusals["GET trainjobs"] = [(403, {"message": "trainjobs is forbidden"})]
    code, said = stopped(jobs, capsys)
    assert code == expected
    assert ("the nodes of its trainings, end by themselves within ten minutes" in said) == (nodes == 2)


def test_who_may_not_end_jobs_is_told_which_role_allows_it(
    jobs: RunCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs.refusals["GET jobs"] = [(403, body_of("jobs/error-403-rbac-list"))]
    code, said = stopped(jobs, capsys)
    assert code == ExitCode.BAD_INPUT
    assert f"run {RUN_ID} is terminated (its Jobs, and the nodes of its trainings, end by themselves" in said
    assert "scalequest-submit" in said


@pytest.mark.parametrize(
    ("status", "expected", "message"),
    [
        (401, ExitCode.BAD_INPUT, "the Kubernetes API does not accept this user (401 Unauthorized)"),
        (503, ExitCode.UNAVAILABLE, "the Kubernetes API responds 503 Unauthorized; try again"),
    ],
)
def test_what_kubernetes_answers_instead_is_one_message(
    status: int, expected: int, message: str, jobs: RunCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs.refusals["GET jobs"] = [(status, {"message": "Unauthorized"})]
    code, said = stopped(jobs, capsys)
    assert code == expected
    assert f"reading the Jobs of run {RUN_ID}: {message}" in said


def test_without_a_kubernetes_cluster_kubeflow_still_terminates_it(
    jobs: RunCluster, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    code, said = stopped(jobs, capsys)
    assert code == ExitCode.BAD_INPUT
    assert "no Kubernetes cluster is configured" in said
    assert any(asked == TERMINATE for asked, _ in jobs.server.asked)


def test_a_run_that_is_not_known_is_said_so(jobs: RunCluster, capsys: pytest.CaptureFixture[str]) -> None:
    jobs.server.on(RUN, {"code": 5, "message": "Run not found"}, 404)
    code, said = stopped(jobs, capsys)
    assert code == ExitCode.BAD_INPUT
    assert "not found (Run not found); check the name and --namespace" in said


def test_who_may_not_terminate_it_is_told_so_before_anything_is_deleted(
    jobs: RunCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs.add("generate_questions", 2)
    jobs.server.on(TERMINATE, {"code": 7, "message": "not authorized"}, 403)
    code, said = stopped(jobs, capsys)
    assert code == ExitCode.BAD_INPUT
    assert f"forbids this in the namespace {NAMESPACE} (not authorized)" in said
    assert jobs.count("DELETE jobs") == 0


def test_a_job_whose_pods_do_not_go_is_named_and_can_be_waited_for_again(
    jobs: RunCluster, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stop_command, "PATIENCE_SECONDS", 0.1)
    jobs.lingering = 1000
    name = jobs.add("generate_questions", 2)["metadata"]["name"]
    code, said = stopped(jobs, capsys)
    assert code == ExitCode.UNAVAILABLE
    assert f"there still are Job {name} (generate-questions): a node may be gone" in said


def test_a_run_that_kubeflow_never_says_to_have_ended_is_no_error_once_no_job_lives(
    jobs: RunCluster, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stop_command, "PATIENCE_SECONDS", 0.1)
    jobs.server.on(RUN, run_in("CANCELING"))
    code, said = stopped(jobs, capsys)
    assert code == ExitCode.DONE
    assert "note: Kubeflow still says CANCELING; no Job of it is left" in said
