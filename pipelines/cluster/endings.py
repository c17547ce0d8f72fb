"""How an attempt ended, and what that means for the run: from the step's termination message, its pod and Argo."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.shared.command.termination_message import BAD_INPUT, BUG, FINISHED, REUSED
from components.shared.errors import ExitCode
from components.shared.plain_text import inert
from pipelines.cluster.run_pods import Pod

# Argo's words for a container that failed: which one, Kubernetes' reason, the code, and the termination message.
_CONTAINER = re.compile(r"(?:[\w.-]+: )?(?P<reason>\w+) \(exit code (?P<code>\d+)\)(?:: (?P<words>.*))?", re.DOTALL)
_SAID_BY_ARGO = {
    "pod deleted": "lost with its pod, which was deleted",
    "Step exceeded its deadline": "its deadline passed",
}
SAYS_NOTHING = "killed: it left no termination message"


@dataclass(frozen=True)
class Ending:
    """Why an attempt failed, in words, and the exit code that says who can fix it."""

    why: str
    exit_code: int = ExitCode.UNAVAILABLE  # which is what a retry fixes


def ending_of(message: str, pod: Pod) -> Ending:
    """Return how a failed attempt ended: from Argo's message, and from its pod if that can be seen."""
    container = main_container(pod).get("state", {}).get("terminated", {})
    match = _CONTAINER.fullmatch(message)
    words = (match and match["words"]) or container.get("message") or ""
    reason = (match and match["reason"]) or container.get("reason") or ""
    code = int(match["code"]) if match else container.get("exitCode", 0)
    if words.startswith(BAD_INPUT):
        return Ending(inert(words), ExitCode.BAD_INPUT)
    if words.startswith(BUG):
        return Ending(inert(words), ExitCode.BUG)
    if moved := _moved(pod):
        return Ending(moved)
    if "OOMKilled" in (reason, container.get("reason")):
        return Ending(f"out of memory: killed at its limit of {_memory_limit(pod)}")
    if words.startswith((REUSED, FINISHED)):
        return Ending("its work was done, then Kubeflow's launcher failed")
    if words:
        return Ending(inert(words))
    return Ending(_by_code(code) if match or code else inert(_SAID_BY_ARGO.get(message, message)) or SAYS_NOTHING)


def main_container(pod: Pod) -> Mapping[str, Any]:
    """Return the status of a pod's container that runs the step; empty where it has none yet."""
    statuses = pod.get("status", {}).get("containerStatuses") or []
    return next((each for each in statuses if each["name"] == "main"), {})


def _moved(pod: Pod) -> str:
    """Return why the cluster took a pod away or never let it start, "" where it did not."""
    status = pod.get("status", {})
    if status.get("reason"):
        return _taken(status["reason"], status.get("message", ""))
    for condition in status.get("conditions") or []:
        if condition["type"] == "DisruptionTarget" and condition["status"] == "True":
            return _taken(condition.get("reason", ""), condition.get("message", ""))
    return ""


def _taken(reason: str, message: str) -> str:
    if reason == "DeadlineExceeded":
        return _SAID_BY_ARGO["Step exceeded its deadline"]
    taken_away = reason.startswith(("Evict", "Preempt", "Deletion", "Termination"))
    return inert(f"{'evicted' if taken_away else f'refused by its node ({reason})'}: {message}").rstrip(": ")


def _memory_limit(pod: Pod) -> str:
    containers = pod.get("spec", {}).get("containers") or []
    main: Mapping[str, Any] = next((each for each in containers if each["name"] == "main"), {})
    return str(main.get("resources", {}).get("limits", {}).get("memory", "memory"))


def _by_code(code: int) -> str:
    match code:
        case ExitCode.BUG:  # what Kubeflow's launcher makes of a process that was killed
            return SAYS_NOTHING
        case ExitCode.KILLED:
            return "killed, exit code 137: most often out of memory"
        case ExitCode.STOPPED:
            return "lost with its pod, exit code 143"
    return f"exit code {code}"
