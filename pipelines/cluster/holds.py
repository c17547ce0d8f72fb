"""What an attempt that has not started waits for: node, image or quota; from its pod or Argo's message."""

from __future__ import annotations

import re
from collections.abc import Mapping

from components.shared.jobs.body import QUEUE_LABEL
from components.shared.jobs.pod_endings import Pod
from components.shared.jobs.pod_holds import GATED, Hold, hold_of_pod, hold_of_reason, waiting_reason
from components.shared.jobs.queue_holds import hold_of_quota
from components.shared.plain_text import inert
from pipelines.resources import QUEUE

_BACK_OFF = re.compile(r"Backoff for (.*)")


def hold_of(message: str, pod: Pod, warnings: Mapping[str, str]) -> Hold:
    """Return what an attempt waits for: by its pod, or by Argo's message where that is not to be seen."""
    reason, text = waiting_reason(pod) if pod else _of_argo(message)
    if reason == GATED:
        return _quota(pod, warnings)
    return hold_of_pod(pod, warnings) if pod else hold_of_reason(reason, text, {})


def pause_of(message: str) -> str:
    """Return when the next attempt comes: "again in a minute"."""
    match = _BACK_OFF.fullmatch(message)
    if not match:
        return "again soon"
    pause = inert(match[1]).removesuffix(" 0 seconds")
    return f"again in {'a minute' if pause == '1 minute' else pause}"


def _of_argo(message: str) -> tuple[str, str]:
    reason, _, text = message.partition(": ")
    return reason, text


def _quota(pod: Pod, warnings: Mapping[str, str]) -> Hold:
    """Say what Kueue says: the warning is about its Workload, whose name is made from the pod's."""
    metadata = pod.get("metadata", {})
    queue = metadata.get("labels", {}).get(QUEUE_LABEL, QUEUE)
    made_from = f"pod-{metadata.get('name', '')}-"
    said = next((text for name, text in warnings.items() if name.startswith(made_from)), "")
    hold = hold_of_quota(said)
    why = inert(f"for quota in Kueue's queue {queue}: {said or 'kubectl describe workloads says how much'}")
    return Hold(why, hold.remedy)
