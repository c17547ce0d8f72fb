"""What a Job is at and how it ended, from what the Kubernetes API says of it: for who follows it, and for `status`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from components.shared.command.termination_message import words_in
from components.shared.errors import FINAL, ExitCode
from components.shared.jobs.api_objects import holding, labels_of
from components.shared.jobs.body import QUEUE_LABEL
from components.shared.jobs.pod_endings import Ending, Pod, ending_of_pod, terminated, why_moved
from components.shared.jobs.pod_holds import GATED, Hold, hold_of_pod, waiting_reason
from components.shared.jobs.queue_holds import Workload, hold_of_workloads
from components.shared.plain_text import inert

Job = Mapping[str, Any]
Phase = Literal["queued", "suspended", "starting", "running", "ending", "complete", "failed"]
INDEX_LABEL = "batch.kubernetes.io/job-completion-index"
FAIL_JOB = "PodFailurePolicy"  # the reason of a Job whose policy ended it, which is for bad input alone (``body``)
PASSING = (ExitCode.UNAVAILABLE, ExitCode.KILLED, ExitCode.STOPPED)
_REFUSED = "`kubectl describe job` says more; the Job makes its pods as soon as they are accepted"


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What was read of a Job; what may not be read is empty."""

    job: Job
    pods: Sequence[Pod] = ()
    workloads: Sequence[Workload] = ()
    warnings: Mapping[str, str] = field(default_factory=dict)  # the last one about each object, by its name


@dataclass(frozen=True, kw_only=True)
class JobState:
    """What a Job is at, in one line; and what to do about it, "" for nothing."""

    phase: Phase
    told: str
    remedy: str = ""


def end_of_job(job: Job) -> Mapping[str, Any]:
    """Return the condition that a Job ended with; empty while its pods may run."""
    held = holding(job)
    return held.get("Complete") or held.get("Failed") or {}


def is_live(job: Job) -> bool:
    """Tell whether a Job works, or will."""
    return not end_of_job(job) and not job["metadata"].get("deletionTimestamp")


def is_suspended(job: Job) -> bool:
    """Tell whether a Job may have no pods at present: it waits in a queue, or somebody stopped it."""
    return bool(job["spec"].get("suspend"))


def is_held(job: Job, pods: Sequence[Pod]) -> bool:
    """Tell whether a Job waits for something: what that is, its Workloads or a warning say."""
    waits = is_suspended(job) or not pods or any(pod["status"].get("phase") == "Pending" for pod in pods)
    return is_live(job) and waits


def is_queued(job: Job) -> bool:
    """Tell whether a Job waits in a queue, so that nothing of it runs."""
    return is_suspended(job) and bool(labels_of(job).get(QUEUE_LABEL))


def image_of(job: Job) -> str:
    """Return the image that a Job's pods run."""
    (container,) = job["spec"]["template"]["spec"]["containers"]
    return str(container["image"])


def started_at(job: Job) -> datetime | None:
    """Return when a Job's clock began; it begins anew each time that the Job is resumed."""
    text = "" if is_suspended(job) else job.get("status", {}).get("startTime") or ""
    return datetime.fromisoformat(text) if text else None


def ending_of_job(seen: Seen) -> Ending | None:
    """Return why a Job failed, and the exit code that its step would have had; None where it did not fail."""
    end = end_of_job(seen.job)
    if end.get("type") != "Failed":
        return None
    endings = [ending for pod in _by_end(seen.pods) if (ending := ending_of_pod(pod))]
    refused = [each for each in endings if each.exit_code in FINAL]
    said = inert(f"{end.get('reason', '')}: {end.get('message', '')}")
    if refused or end.get("reason") == FAIL_JOB:
        return Ending(words_in(refused[0].why), refused[0].exit_code) if refused else Ending(said, _code_in(said))
    if end.get("reason") == "DeadlineExceeded" or not endings:  # its pods are gone
        return Ending(said)
    decisive = [each for pod in _of_failed_indexes(seen) if (each := ending_of_pod(pod))] or endings
    bugs = [each for each in decisive if each.exit_code not in PASSING]
    last = (bugs or decisive)[-1]
    return Ending(last.why, ExitCode.BUG if bugs else ExitCode.UNAVAILABLE)


def _code_in(said: str) -> int:
    """Return the exit code by which the policy ended a Job whose pods are gone, from Kubernetes' words."""
    match = re.search(r"exit code (\d+)", said)
    return int(match[1]) if match and int(match[1]) in FINAL else ExitCode.BAD_INPUT


def state_of_job(seen: Seen) -> JobState:
    """Return what a Job is at."""
    job = seen.job
    if end := end_of_job(job):
        ending = ending_of_job(seen)
        return JobState(phase="failed", told=ending.why) if ending else _complete(end)
    if job["metadata"].get("deletionTimestamp"):
        return JobState(phase="ending", told="it is being deleted")
    if is_suspended(job):
        return _suspended(seen)
    if "FailureTarget" in holding(job):
        return JobState(phase="ending", told="it has failed; its pods are ending")
    return _at_work(seen)


def _complete(end: Mapping[str, Any]) -> JobState:
    return JobState(phase="complete", told=inert(end.get("message", "")) or "complete")


def _suspended(seen: Seen) -> JobState:
    queue = labels_of(seen.job).get(QUEUE_LABEL, "")
    if not queue:
        return JobState(phase="suspended", told="suspended by somebody", remedy="set spec.suspend of the Job to false")
    hold = hold_of_workloads(seen.workloads)
    why = f": {hold.why}" if hold.why else ""
    return JobState(phase="queued", told=f"queued in {queue}{why}", remedy=hold.remedy)


def _at_work(seen: Seen) -> JobState:
    left = [pod for pod in seen.pods if not _has_ended(pod)]
    going = [pod for pod in left if pod["metadata"].get("deletionTimestamp")]
    live = [pod for pod in left if pod not in going]
    running = [pod for pod in live if pod["status"].get("phase") == "Running"]
    holds = Counter(_hold(pod, seen) for pod in live if pod not in running)
    total, done = seen.job["spec"].get("parallelism", 1), seen.job.get("status", {}).get("succeeded", 0)
    told = [f"{len(running)} of {total} pods run" if total > 1 else "its pod runs"] if running else []
    told += [f"{done} ended well"] if done and total > 1 else []
    told += [f"{_pods(len(going))} being taken away: {why_moved(going[0]) or 'deleted'}"] if going else []
    told += [_told(number, hold) for hold, number in holds.items()]
    if not left:
        refused = seen.warnings.get(seen.job["metadata"]["name"], "")
        told += [f"it gets no pods: {inert(refused)}" if refused else "its pods are being made"]
        holds[Hold(remedy=_REFUSED if refused else "")] = 1
    told += _losses(seen)
    remedy = next((hold.remedy for hold in holds if hold.remedy), "")
    return JobState(phase="running" if running else "starting", told="; ".join(told), remedy=remedy)


def _hold(pod: Pod, seen: Seen) -> Hold:
    if waiting_reason(pod)[0] != GATED:
        return hold_of_pod(pod, seen.warnings)
    hold = hold_of_workloads(seen.workloads)
    return Hold(f"for quota: {hold.why or 'kubectl describe workloads says how much'}", hold.remedy)


def _told(number: int, hold: Hold) -> str:
    verb = ("waits" if number == 1 else "wait") if hold.why else ("starts" if number == 1 else "start")
    return f"{_pods(number)} {verb} {hold.why}".rstrip()


def _losses(seen: Seen) -> Iterator[str]:
    """Yield how many pods were lost, and of what the last one died."""
    endings = [ending for pod in _by_end(seen.pods) if (ending := ending_of_pod(pod))]
    number = max(seen.job.get("status", {}).get("failed", 0), len(endings))
    if endings:
        yield f"{_pods(number)} ended before the work did, the last: {endings[-1].why}"
    elif number:
        yield f"{_pods(number)} ended before the work did"


def _pods(number: int) -> str:
    return "1 pod" if number == 1 else f"{number} pods"


def _has_ended(pod: Pod) -> bool:
    return bool(terminated(pod)) or pod["status"].get("phase") in ("Succeeded", "Failed")


def _by_end(pods: Sequence[Pod]) -> list[Pod]:
    return sorted(pods, key=lambda pod: str(terminated(pod).get("finishedAt", "")))


def _of_failed_indexes(seen: Seen) -> list[Pod]:
    """Return the last pod of each index that was given up."""
    failed = set(_indexes(seen.job.get("status", {}).get("failedIndexes") or ""))
    last = {labels_of(pod).get(INDEX_LABEL, ""): pod for pod in _by_end(seen.pods)}
    return [pod for index, pod in last.items() if index in failed]


def _indexes(text: str) -> Iterator[str]:
    """Read Kubernetes' way to write a set of indexes: 1,3-5."""
    for item in filter(None, text.split(",")):
        first, _, last = item.partition("-")
        yield from map(str, range(int(first), int(last or first) + 1))
