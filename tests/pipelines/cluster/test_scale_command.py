from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.shared.errors import ExitCode
from components.shared.jobs.body import ELASTIC_ANNOTATION
from pipelines.cluster import queued_growth
from pipelines.cluster.scale_command import Scaling, scale_step
from tests.components.shared.jobs.recorded_jobs import refusal
from tests.pipelines.cluster.conftest import NAMESPACE, RUN_ID, Server, kubeconfig_of
from tests.pipelines.cluster.recorded import body_of
from tests.pipelines.cluster.run_cluster import RunCluster

STEP = "generate_questions"
QUEUE = "scalequest-gpu"


@pytest.fixture
def jobs(kubeflow: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunCluster:
    """A run that goes on, in a namespace without Jobs."""
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig_of(kubeflow.url, tmp_path)))
    monkeypatch.setattr(queued_growth, "POLL_SECONDS", 0.01)
    kubeflow.on(f"GET /apis/v2beta1/runs/{RUN_ID}", {"run_id": RUN_ID, "state": "RUNNING"})
    cluster = RunCluster()
    cluster.serve(kubeflow, NAMESPACE)
    return cluster


def scaled(
    jobs: RunCluster, number: int, capsys: pytest.CaptureFixture[str], step: str = STEP, wait: float = 0.1
) -> tuple[int, str]:
    """Scale a step; return exit code and what was printed."""
    scaling = Scaling(run_id=RUN_ID, step=step, number=number, wait_seconds=wait)
    code = scale_step(scaling, jobs.server.url, NAMESPACE)
    captured = capsys.readouterr()
    return code, captured.out + captured.err


@pytest.mark.parametrize("number", [8, 1])
def test_without_a_queue_a_job_gets_its_number_at_once(
    number: int, jobs: RunCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    job = jobs.add(STEP, 2)
    code, said = scaled(jobs, number, capsys)
    assert code == ExitCode.DONE
    assert said == f"{STEP}/{0:016x}: {number} pod{'s' if number > 1 else ''} instead of 2\n"
    assert (job["spec"]["parallelism"], job["spec"]["completions"], jobs.sizes) == (number, number, [number])


@pytest.mark.parametrize("number", [4, 2])
def test_what_was_done_is_one_document(number: int, jobs: RunCluster, capsys: pytest.CaptureFixture[str]) -> None:
    jobs.add(STEP, 2)
    scaling = Scaling(run_id=RUN_ID, step=STEP, number=number, wait_seconds=0.1)
    assert scale_step(scaling, jobs.server.url, NAMESPACE, as_json=True) == ExitCode.DONE
    told = {"run": RUN_ID, "folder": f"{STEP}/{0:016x}", "pods": number, "pods_before": 2}
    assert json.loads(capsys.readouterr().out) == told


def test_the_same_number_changes_nothing(jobs: RunCluster, capsys: pytest.CaptureFixture[str]) -> None:
    jobs.add(STEP, 3)
    code, said = scaled(jobs, 3, capsys)
    assert (code, said, jobs.sizes) == (ExitCode.DONE, f"{STEP}/{0:016x}: has 3 pods already\n", [])


def test_in_a_queue_pods_are_added_one_at_a_time(jobs: RunCluster, capsys: pytest.CaptureFixture[str]) -> None:
    jobs.add(STEP, 2, queue=QUEUE)
    code, said = scaled(jobs, 5, capsys)
    assert code == ExitCode.DONE
    assert jobs.sizes == [3, 4, 5]
    assert [line.partition(": ")[2] for line in said.splitlines()] == ["3 pods", "4 pods", "5 pods instead of 2"]
    assert jobs.pending() == []


@pytest.mark.parametrize(("capacity", "why"), [(8, "insufficient unused quota"), (4, "> maximum capacity")])
def test_where_quota_ends_the_job_keeps_what_is_admitted_and_nothing_stays_pending(
    capacity: int, why: str, jobs: RunCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs.quota, jobs.capacity = 4, capacity
    job = jobs.add(STEP, 2, queue=QUEUE)
    code, said = scaled(jobs, 8, capsys, wait=0.2)
    assert code == ExitCode.UNAVAILABLE
    assert jobs.sizes == [3, 4, 5, 4]
    assert (job["spec"]["parallelism"], job["spec"]["completions"]) == (4, 4)
    assert jobs.pending() == []
    assert "4 of 8 pods: Kueue does not admit one more (couldn't assign flavors" in said
    assert why in said


def test_quota_that_comes_while_it_waits_is_taken(
    jobs: RunCluster, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs.quota = 2
    jobs.add(STEP, 2, queue=QUEUE)

    def release_quota(_: float) -> None:
        jobs.quota = 8
        jobs.admit()

    monkeypatch.setattr(time, "sleep", release_quota)
    code, _ = scaled(jobs, 3, capsys)
    assert (code, jobs.sizes) == (ExitCode.DONE, [3])


def test_an_interrupted_growth_leaves_nothing_pending(
    jobs: RunCluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs.quota = 2
    jobs.add(STEP, 2, queue=QUEUE)

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        scaled(jobs, 3, capsys)
    assert jobs.sizes == [3, 2]
    assert jobs.pending() == []


def test_a_job_that_still_waits_in_the_queue_or_gets_fewer_pods_changes_at_once(
    jobs: RunCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs.quota = 1
    job = jobs.add(STEP, 4, queue=QUEUE)
    assert job["spec"]["suspend"]
    assert scaled(jobs, 6, capsys)[0] == ExitCode.DONE
    assert job["spec"]["suspend"]
    assert scaled(jobs, 1, capsys)[0] == ExitCode.DONE
    assert not job["spec"]["suspend"]
    assert jobs.sizes == [6, 1]


def not_indexed(jobs: RunCluster, name: str) -> None:
    jobs.jobs[name]["spec"]["completionMode"] = "NonIndexed"


def not_elastic(jobs: RunCluster, name: str) -> None:
    del jobs.jobs[name]["metadata"]["annotations"][ELASTIC_ANNOTATION]


def complete(jobs: RunCluster, name: str) -> None:
    jobs.complete(name)


def failed(jobs: RunCluster, name: str) -> None:
    jobs.fail(name, "PodFailurePolicy")


def deleted(jobs: RunCluster, name: str) -> None:
    jobs.begin_removal(name)


def as_it_is(jobs: RunCluster, name: str) -> None:
    pass


REFUSED: list[tuple[dict[str, Any], Callable[[RunCluster, str], None], str]] = [
    (
        {"queue": QUEUE, "least": 1},
        as_it_is,
        "it was asked for with 1 pods or more; Kueue sets the size of such a Job once",
    ),
    ({"queue": QUEUE}, not_elastic, f"its Job waits in Kueue's queue {QUEUE} without {ELASTIC_ANNOTATION}"),
    ({}, not_indexed, "its Job has one pod and is not Indexed"),
    ({}, complete, "its last Job is finished; there is nothing to scale"),
    ({}, failed, "its last Job has failed; there is nothing to scale"),
    ({}, deleted, "its last Job is being deleted; there is nothing to scale"),
    ({"run": "another"}, as_it_is, f"no Job of {STEP} runs for run {RUN_ID} in {NAMESPACE}: it has not begun"),
]


@pytest.mark.parametrize(("options", "change", "message"), REFUSED, ids=[message[:40] for *_, message in REFUSED])
def test_what_cannot_be_scaled_is_refused_with_the_reason(
    options: dict[str, Any],
    change: Callable[[RunCluster, str], None],
    message: str,
    jobs: RunCluster,
    capsys: pytest.CaptureFixture[str],
) -> None:
    change(jobs, jobs.add(STEP, 2, **options)["metadata"]["name"])
    code, said = scaled(jobs, 4, capsys)
    assert code == ExitCode.BAD_INPUT
    assert said.startswith("scalequest scale: error: ")
    assert message in said
    assert jobs.sizes == []


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("train_sft", "train_sft is not shared by pods: its size is set before it begins"),
        ("generate", "unknown step 'generate'; several pods share one of build_preferences, "),
    ],
)
def test_steps_that_pods_do_not_share_are_refused_before_anybody_is_asked(
    step: str, message: str, jobs: RunCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = scaled(jobs, 4, capsys, step=step)
    assert code == ExitCode.BAD_INPUT
    assert message in said
    assert jobs.server.asked == []


def test_of_several_folders_of_one_step_one_has_to_be_named(
    jobs: RunCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs.add(STEP, 2)
    second = jobs.add(STEP, 2)
    code, said = scaled(jobs, 4, capsys)
    assert code == ExitCode.BAD_INPUT
    assert f"several folders; name one of {STEP}/{0:016x}, {STEP}/{1:016x}" in said
    assert scaled(jobs, 4, capsys, step=f"{STEP}/{1:016x}")[0] == ExitCode.DONE
    assert second["spec"]["parallelism"] == 4


def test_who_may_not_is_told_which_role_allows_it(jobs: RunCluster, capsys: pytest.CaptureFixture[str]) -> None:
    jobs.add(STEP, 2)
    jobs.refusals["GET jobs"] = [(403, body_of("jobs/error-403-rbac-list"))]
    code, said = scaled(jobs, 4, capsys)
    assert code == ExitCode.BAD_INPUT
    assert 'not allowed (403 jobs.batch is forbidden: User "data-scientist" cannot list' in said
    assert "scalequest-submit" in said


def test_a_run_that_is_not_known_is_said_so(jobs: RunCluster, capsys: pytest.CaptureFixture[str]) -> None:
    del jobs.server.answers[f"GET /apis/v2beta1/runs/{RUN_ID}"]
    code, said = scaled(jobs, 4, capsys)
    assert code == ExitCode.BAD_INPUT
    assert ": not found (" in said
    assert "check the name and --namespace" in said


def test_a_job_that_is_gone_when_it_is_patched_is_one_message(
    jobs: RunCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs.add(STEP, 2)
    jobs.refusals["PATCH jobs"] = [refusal("error-404-job")]
    code, said = scaled(jobs, 4, capsys)
    assert code == ExitCode.BAD_INPUT
    assert "to 4 pods: not accepted (404 " in said
