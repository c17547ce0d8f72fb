"""What a TrainJob is at, from what the Kubernetes API says of it: for the step that follows it, and for `status`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from components.shared.jobs.api_objects import holding, labels_of
from components.shared.jobs.body import QUEUE_LABEL
from components.shared.jobs.job_reading import JobState
from components.shared.jobs.pod_endings import Pod, ending_of_pod
from components.shared.jobs.pod_holds import Hold, hold_of_pod
from components.shared.jobs.queue_holds import Workload, hold_of_workloads
from components.shared.plain_text import inert

ENDS = ("Complete", "Failed")
_REMEDY = "set spec.suspend of the TrainJob to false"
_NODE_GONE = "Kubeflow Trainer starts the nodes again, and the training continues from its last checkpoint"


def end_of(job: Mapping[str, Any]) -> str:
    """Return "Complete" or "Failed"; "" before that."""
    held = holding(job)
    return next((end for end in ENDS if end in held), "")


def is_waiting_in_queue(job: Mapping[str, Any]) -> bool:
    """Tell whether a TrainJob is suspended and has the label of a queue: its Workloads say why."""
    return "Suspended" in holding(job) and not end_of(job) and bool(labels_of(job).get(QUEUE_LABEL))


def state_of_train_job(
    job: Mapping[str, Any],
    *,
    pods: Sequence[Pod] = (),
    workloads: Sequence[Workload] = (),
    warnings: Mapping[str, str] | None = None,
) -> JobState:
    """Return what a TrainJob is at; without pods, Workloads and warnings as well as its own conditions tell."""
    held, end = holding(job), end_of(job)
    if end:
        why = held[end].get("message") or held[end].get("reason", "")
        return JobState(phase="complete" if end == "Complete" else "failed", told=inert(f"{end.lower()} ({why})"))
    if job["metadata"].get("deletionTimestamp"):
        return JobState(phase="ending", told="it is being deleted")
    if "Suspended" in held:
        return _suspended(job, workloads)
    return _at_work(job, pods, warnings or {})


def _suspended(job: Mapping[str, Any], workloads: Sequence[Workload]) -> JobState:
    queue = labels_of(job).get(QUEUE_LABEL, "")
    if not queue:
        return JobState(phase="suspended", told="suspended by somebody", remedy=_REMEDY)
    hold = hold_of_workloads(workloads)
    return JobState(phase="queued", told=f"queued in {queue}{f': {hold.why}' if hold.why else ''}", remedy=hold.remedy)


def _at_work(job: Mapping[str, Any], pods: Sequence[Pod], warnings: Mapping[str, str]) -> JobState:
    lost = next((ending for pod in pods if (ending := ending_of_pod(pod))), None)
    if lost is not None:
        return JobState(phase="starting", told=f"a node was lost: {lost.why}", remedy=_NODE_GONE)
    jobs = job.get("status", {}).get("jobsStatus") or []
    if any(each.get("ready") for each in jobs):
        return JobState(phase="running", told="all nodes run")
    waiting = [hold_of_pod(pod, warnings) for pod in pods if pod["status"].get("phase") == "Pending"]
    hold = next((hold for hold in waiting if hold.why), Hold())
    told = "waits for its nodes" if any(each.get("active") for each in jobs) else "accepted"
    return JobState(phase="starting", told=f"{told}{f': {hold.why}' if hold.why else ''}", remedy=hold.remedy)
