"""How an attempt ended, and what that means for the run: from the step's termination message, its pod and Argo."""

from __future__ import annotations

import re

from components.shared.command.termination_message import FINISHED, REUSED
from components.shared.jobs.pod_endings import (
    DEADLINE_PASSED,
    SAYS_NOTHING,
    Ending,
    Pod,
    by_code,
    known_ending,
    terminated,
)
from components.shared.plain_text import inert

# Argo's words for a container that failed: which one, Kubernetes' reason, the code, and the termination message.
_CONTAINER = re.compile(r"(?:[\w.-]+: )?(?P<reason>\w+) \(exit code (?P<code>\d+)\)(?:: (?P<words>.*))?", re.DOTALL)
_SAID_BY_ARGO = {
    "pod deleted": "lost with its pod, which was deleted",
    "Step exceeded its deadline": DEADLINE_PASSED,
}


def ending_of(message: str, pod: Pod) -> Ending:
    """Return how a failed attempt ended: from Argo's message, and from its pod if that can be seen."""
    container = terminated(pod)
    match = _CONTAINER.fullmatch(message)
    words = (match and match["words"]) or container.get("message") or ""
    reason = (match and match["reason"]) or container.get("reason") or ""
    code = int(match["code"]) if match else container.get("exitCode", 0)
    if known := known_ending(words, reason, pod):
        return known
    if words.startswith((REUSED, FINISHED)):
        return Ending("its work was done, then Kubeflow's launcher failed")
    if words:
        return Ending(inert(words))
    return Ending(by_code(code) if match or code else inert(_SAID_BY_ARGO.get(message, message)) or SAYS_NOTHING)
