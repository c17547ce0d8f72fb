"""What a pod that has not started waits for: a node, its image, quota, or what else it lacks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from components.shared.jobs.api_objects import conditions_of
from components.shared.jobs.pod_endings import Pod, step_spec, step_status
from components.shared.plain_text import inert

GATED = "SchedulingGated"  # by Kueue: its quota is not there yet
_IMAGES = {"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "ImageInspectError"}
_BEGINNING = {"", "ContainerCreating", "PodInitializing"}
_SCHEDULERS_OTHER_WORDS = re.compile(r"[.,;]? (?:no new claims to deallocate|preemption:).*", re.DOTALL)
_NAME_OF_IMAGE = re.compile(r'image "([^"]+)"')
_NODE = (
    "nothing to do if nodes are added automatically; otherwise add one, or `scalequest stop` the run, and submit "
    "it with what a node has (--profile, or --set cpu_step_cpu=… and the like)"
)
_IMAGE = "check the name, and whether the nodes may pull it; the pod then continues by itself"
_START = "`kubectl describe pods` says more; the pod then continues by itself"


@dataclass(frozen=True)
class Hold:
    """What something waits for, and what to do about that."""

    why: str = ""  # "" where it just begins
    remedy: str = ""


def hold_of_pod(pod: Pod, warnings: Mapping[str, str]) -> Hold:
    """Return what a pod waits for that is not gated; ``warnings``: the last one about each object, by its name."""
    reason, text = waiting_reason(pod)
    hold = hold_of_reason(reason, text, pod)
    warning = warnings.get(pod.get("metadata", {}).get("name", ""), "")
    return hold if hold.why or not warning else Hold(inert(f"to start: {warning}"), _START)


def hold_of_reason(reason: str, text: str, pod: Pod) -> Hold:
    """Return what a reason of Kubernetes means for a pod, whose object may not be there to see."""
    if reason == "Unschedulable":
        return Hold(inert(f"for a node{_asked(pod)}: {_SCHEDULERS_OTHER_WORDS.sub('', text)}"), _NODE)
    if reason in _IMAGES:
        return Hold(_image(pod, text), _IMAGE)
    if reason not in _BEGINNING:
        return Hold(inert(f"to start: {reason}: {text}").rstrip(": "), _START)
    return Hold()


def waiting_reason(pod: Pod) -> tuple[str, str]:
    """Return Kubernetes' own reason for a pod that waits, and its message; both "" where there is none."""
    scheduled = conditions_of(pod).get("PodScheduled", {})
    if scheduled.get("status") == "False":
        return scheduled.get("reason", ""), scheduled.get("message", "")
    statuses = [*(pod.get("status", {}).get("initContainerStatuses") or []), step_status(pod)]
    waiting = [each["state"]["waiting"] for each in statuses if "waiting" in each.get("state", {})]
    telling = [each for each in waiting if each.get("reason", "") not in _BEGINNING]
    return next(((each["reason"], each.get("message", "")) for each in telling), ("", ""))


def last_warnings(events: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the last warning about each object, by its name."""
    warnings = [event for event in events if event.get("type") == "Warning"]
    warnings.sort(key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "")
    return {event["involvedObject"].get("name", ""): str(event.get("message", "")) for event in warnings}


def _asked(pod: Pod) -> str:
    """Return what a pod's step asks of a node, for it is that which no node has."""
    requests = step_spec(pod).get("resources", {}).get("requests") or {}
    return f" with {', '.join(f'{name} {value}' for name, value in sorted(requests.items()))}" if requests else ""


def _image(pod: Pod, text: str) -> str:
    match = _NAME_OF_IMAGE.search(text)
    name = match[1] if match else step_status(pod).get("image", "")
    cause = text.rpartition('": ')[2]  # behind the names of image, reference and address
    return inert(f"for its image {name}, which cannot be pulled: {cause}").rstrip(": ")
