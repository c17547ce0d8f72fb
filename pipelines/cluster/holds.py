"""What an attempt that has not started waits for: node, image or quota; from its pod or Argo's message."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.shared.plain_text import inert
from pipelines.cluster.endings import main_container
from pipelines.cluster.run_pods import Pod
from pipelines.resources import QUEUE, QUEUE_LABEL

_IMAGES = {"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "ImageInspectError"}
_BEGINNING = {"", "ContainerCreating", "PodInitializing"}
_SCHEDULERS_OTHER_WORDS = re.compile(r"[.,;]? (?:no new claims to deallocate|preemption:).*", re.DOTALL)
_NAME_OF_IMAGE = re.compile(r'image "([^"]+)"')
_NODE = (
    "nothing to do if nodes are added automatically; otherwise add one, or submit again with what a node has "
    "(--profile, or --set cpu_step_cpu=… and the like)"
)
_IMAGE = "check the name, and whether the nodes may pull it; the pod then continues by itself"
_QUOTA = (
    'nothing to do while others use the quota; "maximum capacity", "doesn\'t exist", "inactive" mean never: see '
    "`scalequest doctor`, or submit again with --no-queue"
)
_START = "`kubectl describe pods` says more; the pod then continues by itself"
_BACK_OFF = re.compile(r"Backoff for (.*)")


@dataclass(frozen=True)
class Hold:
    """What an attempt waits for, and what to do about that."""

    why: str = ""  # "" where it just begins
    remedy: str = ""


def hold_of(message: str, pod: Pod, warnings: Mapping[str, str]) -> Hold:
    """Return what an attempt waits for: by its pod, or by Argo's message where that is not to be seen."""
    reason, text = _of_pod(pod) if pod else _of_argo(message)
    if reason == "SchedulingGated":
        return Hold(_quota(pod, warnings), _QUOTA)
    if reason == "Unschedulable":
        return Hold(inert(f"for a node{_asked(pod)}: {_SCHEDULERS_OTHER_WORDS.sub('', text)}"), _NODE)
    if reason in _IMAGES:
        return Hold(_image(pod, text), _IMAGE)
    if reason not in _BEGINNING:
        return Hold(inert(f"to start: {reason}: {text}").rstrip(": "), _START)
    warning = warnings.get(pod.get("metadata", {}).get("name", ""), "")
    return Hold(inert(f"to start: {warning}"), _START) if warning else Hold()


def pause_of(message: str) -> str:
    """Return when the next attempt comes: "again in a minute"."""
    match = _BACK_OFF.fullmatch(message)
    if not match:
        return "again soon"
    pause = inert(match[1]).removesuffix(" 0 seconds")
    return f"again in {'a minute' if pause == '1 minute' else pause}"


def _of_pod(pod: Pod) -> tuple[str, str]:
    for condition in pod.get("status", {}).get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return condition.get("reason", ""), condition.get("message", "")
    statuses = [*(pod.get("status", {}).get("initContainerStatuses") or []), main_container(pod)]
    waiting = [each["state"]["waiting"] for each in statuses if "waiting" in each.get("state", {})]
    telling = [each for each in waiting if each.get("reason", "") not in _BEGINNING]
    return next(((each["reason"], each.get("message", "")) for each in telling), ("", ""))


def _of_argo(message: str) -> tuple[str, str]:
    reason, _, text = message.partition(": ")
    return reason, text


def _asked(pod: Pod) -> str:
    """Return what a pod's step asks of a node, for it is that which no node has."""
    containers = pod.get("spec", {}).get("containers") or []
    main: Mapping[str, Any] = next((each for each in containers if each["name"] == "main"), {})
    requests = main.get("resources", {}).get("requests") or {}
    return f" with {', '.join(f'{name} {value}' for name, value in sorted(requests.items()))}" if requests else ""


def _quota(pod: Pod, warnings: Mapping[str, str]) -> str:
    """Say what Kueue says: the warning is about its Workload, whose name is made from the pod's."""
    metadata = pod.get("metadata", {})
    queue = metadata.get("labels", {}).get(QUEUE_LABEL, QUEUE)
    made_from = f"pod-{metadata.get('name', '')}-"
    said = next((text for name, text in warnings.items() if name.startswith(made_from)), "")
    return inert(f"for quota in Kueue's queue {queue}: {said or 'kubectl describe workloads says how much'}")


def _image(pod: Pod, text: str) -> str:
    match = _NAME_OF_IMAGE.search(text)
    name = match[1] if match else main_container(pod).get("image", "")
    cause = text.rpartition('": ')[2]  # behind the names of image, reference and address
    return inert(f"for its image {name}, which cannot be pulled: {cause}").rstrip(": ")
