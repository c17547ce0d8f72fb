"""What is said of a Job's state, where no cluster has to answer for it."""

from __future__ import annotations

from typing import Any

import pytest

from components.shared.jobs.job_reading import Seen, ending_of_job, state_of_job
from components.shared.jobs.queue_holds import hold_of_workloads
from tests.components.shared.jobs.recorded_jobs import recorded

JOB: dict[str, Any] = {
    "metadata": {"name": "job-0", "labels": {}},
    "spec": {"parallelism": 2},
    "status": {"startTime": "2026-11-30T08:00:00Z"},
}


def pod(name: str, phase: str = "Running", **status: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": {}}, "spec": {}, "status": {"phase": phase, **status}}


def disruption(reason: str, message: str) -> list[dict[str, str]]:
    return [{"type": "DisruptionTarget", "status": "True", "reason": reason, "message": message}]


def test_a_pod_that_is_being_evicted_is_no_pod_that_runs() -> None:
    being_evicted = recorded("evicted-ignored")["being_evicted"]
    state = state_of_job(Seen(job=JOB, pods=[pod("a"), being_evicted]))
    assert state.told == "1 of 2 pods run; 1 pod being taken away: evicted: Eviction API: evicting"


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint"),
        ("DeletionByPodGC", "PodGC: node no longer exists"),
        ("TerminationByKubelet", "Pod was terminated in response to imminent node shutdown."),
        ("PreemptionByScheduler", "default-scheduler: preempting to accommodate a higher priority pod"),
    ],
)
def test_a_node_that_is_gone_is_named_as_what_it_is(reason: str, message: str) -> None:
    lost = pod("a", "Failed", conditions=disruption(reason, message))
    state = state_of_job(Seen(job=JOB, pods=[lost, pod("b")]))
    assert state.told == f"1 of 2 pods run; 1 pod ended before the work did, the last: evicted: {message}"


def test_a_job_whose_pods_are_all_lost_may_be_tried_again() -> None:
    failed = [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "limit reached"}]
    ending = ending_of_job(Seen(job=JOB | {"status": {"conditions": failed}}))
    assert ending is not None
    assert (ending.why, ending.exit_code) == ("BackoffLimitExceeded: limit reached", 75)


@pytest.mark.parametrize(("code", "exit_code"), [(2, 2), (5, 5), (6, 6), (1, 2)])
def test_a_job_that_its_policy_has_ended_is_known_by_the_exit_code_when_its_pods_are_gone(
    code: int, exit_code: int
) -> None:
    message = f"Container step for pod ns/job-0-x failed with exit code {code} matching FailJob rule at index 1"
    failed = [{"type": "Failed", "status": "True", "reason": "PodFailurePolicy", "message": message}]
    ending = ending_of_job(Seen(job=JOB | {"status": {"conditions": failed}}))
    assert ending is not None
    assert (ending.why, ending.exit_code) == (f"PodFailurePolicy: {message}", exit_code)


def test_a_pod_that_a_gate_has_stopped_says_so_for_its_job() -> None:
    failed = [{"type": "Failed", "status": "True", "reason": "PodFailurePolicy", "message": "exit code 6"}]
    end = {"terminated": {"exitCode": 6, "message": "gate closed: kept is 0.1"}}
    stopped = pod("a", "Failed", containerStatuses=[{"name": "step", "state": end}])
    ending = ending_of_job(Seen(job=JOB | {"status": {"conditions": failed}}, pods=[stopped]))
    assert ending is not None
    assert (ending.why, ending.exit_code) == ("kept is 0.1", 6)


def test_only_the_last_pod_of_an_index_that_was_given_up_decides() -> None:
    seen = recorded("backoff-index-exceeded")
    odd = pod("odd", "Failed", containerStatuses=[{"name": "step", "state": {"terminated": {"exitCode": 1}}}])
    ending = ending_of_job(Seen(job=seen["job"], pods=[*seen["pods"], odd]))
    assert ending is not None
    assert ending.exit_code == 75


def test_an_admission_check_is_named_while_it_is_pending() -> None:
    reserved = {"type": "QuotaReserved", "status": "True"}
    check = {"name": "dws", "state": "Pending", "message": "Waiting for the ProvisioningRequest"}
    workload = {"metadata": {}, "status": {"conditions": [reserved], "admissionChecks": [check]}}
    hold = hold_of_workloads([workload])
    assert hold.why == "quota is reserved; admission check dws Pending: Waiting for the ProvisioningRequest"
    assert hold.remedy.startswith("nothing to do while nodes are being provided")


@pytest.mark.parametrize("situation", ["suspended-midrun"])
def test_a_job_that_somebody_suspends_without_a_queue_says_how_it_goes_on(situation: str) -> None:
    state = state_of_job(Seen(job=recorded(situation)["job"]))
    assert (state.phase, state.told) == ("suspended", "suspended by somebody")
    assert "spec.suspend" in state.remedy


def test_words_of_others_are_safe_to_print() -> None:
    said = {"job-0": "Error creating: \x1b[2J\u202egnitset\n\nnow"}
    assert "\x1b" not in state_of_job(Seen(job=JOB, warnings=said)).told
    assert "\u202e" not in state_of_job(Seen(job=JOB, warnings=said)).told
