"""How a pod of a step ended, and what that means: by its container's exit code and message, and by what ended the pod.

Of a task's pod of Kubeflow the exit code says nothing, since its launcher ends with 1 whatever the step ended with; of
a Job's pod it is the step's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.shared.command.termination_message import FINISHED, REUSED, UNFINISHED, code_of
from components.shared.errors import ExitCode
from components.shared.jobs.api_objects import holding
from components.shared.plain_text import inert

CONTAINERS = ("main", "step")  # of a task's pod of Kubeflow, of a Job's pod
DISRUPTED = "DisruptionTarget"  # the condition of a pod that Kubernetes drains, preempts or evicts
DEADLINE_PASSED = "its deadline passed"
SAYS_NOTHING = "killed: it left no termination message"

Pod = Mapping[str, Any]


@dataclass(frozen=True)
class Ending:
    """Why an attempt failed, in words, and the exit code that says who can fix it."""

    why: str
    exit_code: int = ExitCode.UNAVAILABLE  # which is what a retry fixes


def step_status(pod: Pod) -> Mapping[str, Any]:
    """Return the status of a pod's container that runs the step; empty where it has none yet."""
    statuses = pod.get("status", {}).get("containerStatuses") or []
    return next((each for each in statuses if each["name"] in CONTAINERS), {})


def step_spec(pod: Pod) -> Mapping[str, Any]:
    """Return what a pod's container that runs the step was to be; empty where that cannot be seen."""
    containers = pod.get("spec", {}).get("containers") or []
    return next((each for each in containers if each["name"] in CONTAINERS), {})


def terminated(pod: Pod) -> Mapping[str, Any]:
    """Return how the container that runs the step ended; empty where it did not."""
    state: Mapping[str, Any] = step_status(pod).get("state", {}).get("terminated") or {}
    return state


def ending_of_pod(pod: Pod) -> Ending | None:
    """Return how a Job's pod failed; None where it did not, or not yet."""
    end = terminated(pod)
    if not end and pod.get("status", {}).get("phase") != "Failed":
        return None
    if end and end.get("exitCode") == ExitCode.DONE:
        return None
    words, code = end.get("message") or "", int(end.get("exitCode", ExitCode.STOPPED))
    known = known_ending(words, end.get("reason") or "", pod)
    if known and code != ExitCode.BAD_INPUT:
        return known
    return Ending(inert(words) or by_code(code), code)


def known_ending(words: str, reason: str, pod: Pod) -> Ending | None:
    """Return how an attempt failed where that does not need its exit code; ``reason``: Kubernetes' own."""
    if (code := code_of(words)) is not None:
        return Ending(inert(words), code)
    if moved := why_moved(pod):
        return Ending(moved)
    if "OOMKilled" in (reason, terminated(pod).get("reason")):
        return Ending(f"out of memory: killed at its limit of {_memory_limit(pod)}")
    return None


def folder_of_pod(pod: Pod) -> str:
    """Return the folder that a pod says it worked on as it ended well, "" where it says none."""
    words = str(terminated(pod).get("message") or "")
    return next((words.removeprefix(begin) for begin in (FINISHED, REUSED, UNFINISHED) if words.startswith(begin)), "")


def why_moved(pod: Pod) -> str:
    """Return why the cluster took a pod away or never let it start, "" where it did not."""
    status = pod.get("status", {})
    if status.get("reason"):
        return _taken(status["reason"], status.get("message", ""))
    condition = holding(pod).get(DISRUPTED, {})
    return _taken(condition.get("reason", ""), condition.get("message", "")) if condition else ""


def by_code(code: int) -> str:
    """Return what an exit code says where nothing else does."""
    match code:
        case ExitCode.BUG:  # what Kubeflow's launcher makes of a process that was killed
            return SAYS_NOTHING
        case ExitCode.KILLED:
            return "killed, exit code 137: most often out of memory"
        case ExitCode.STOPPED:
            return "lost with its pod, exit code 143"
    return f"exit code {code}"


def _taken(reason: str, message: str) -> str:
    if reason == "DeadlineExceeded":
        return DEADLINE_PASSED
    taken_away = reason.startswith(("Evict", "Preempt", "Deletion", "Termination", "NodeLost", "NodeShutdown"))
    return inert(f"{'evicted' if taken_away else f'refused by its node ({reason})'}: {message}").rstrip(": ")


def _memory_limit(pod: Pod) -> str:
    return str(step_spec(pod).get("resources", {}).get("limits", {}).get("memory", "memory"))
