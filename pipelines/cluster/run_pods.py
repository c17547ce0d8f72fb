"""The pods of a run, where the caller may list them: they know sooner and more than Argo's nodes do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import urllib3
from kubernetes import client
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException

from pipelines.cluster.asking import configure

TIMEOUT = (5, 60)  # seconds to connect and to read
OF_RUN = "pipeline/runid"  # the label that Kubeflow gives to each pod of a run
OF_NODE = "workflows.argoproj.io/node-id"
MAX_EVENTS = 1000

Pod = Mapping[str, Any]


@dataclass(frozen=True)
class Pods:
    """What stands in the cluster of a run's pods."""

    by_node: Mapping[str, Pod] = field(default_factory=dict)
    warnings: Mapping[str, str] = field(default_factory=dict)  # the last one of each pod, and of what it waits for
    workflow_is_gone: bool | None = False  # asked where there is no pod; None where it may not be looked at
    not_seen_because: str = ""  # "" where they were looked at


def pods_of(run_id: str, namespace: str, workflow: str, *, finished: bool = True) -> Pods:
    """Return a run's pods, without those that ended well unless ``finished``; never an error: they are optional."""
    try:
        api = client.CoreV1Api(_connect())
        of_run = {"label_selector": f"{OF_RUN}={run_id}"}
        phases = {} if finished else {"field_selector": "status.phase!=Succeeded"}
        pods = _items(api.list_namespaced_pod, namespace, **of_run, **phases)
        by_node = {pod["metadata"].get("annotations", {}).get(OF_NODE, ""): pod for pod in pods}
        warnings = _warnings(api, namespace) if any(map(_waits, pods)) else {}
        left = pods or _items(api.list_namespaced_pod, namespace, **of_run, limit=1)
        gone = False if left else _is_gone(api.api_client, namespace, workflow)
    except ConfigException:
        return Pods(not_seen_because="no Kubernetes cluster is configured")
    except ApiException as error:
        return Pods(not_seen_because=f"the Kubernetes API answers {error.status} {error.reason}")
    except (urllib3.exceptions.HTTPError, OSError) as error:
        return Pods(not_seen_because=f"the Kubernetes API does not answer ({error})")
    return Pods(by_node, warnings, gone)


def _connect() -> client.ApiClient:
    configure()
    configuration = client.Configuration.get_default_copy()
    configuration.retries = False  # what does not answer is not waited for: the run's state is known without
    return client.ApiClient(configuration)


def _items(call: Any, *arguments: str, **options: Any) -> list[dict[str, Any]]:
    answer = call(*arguments, _preload_content=False, _request_timeout=TIMEOUT, **options)
    items: list[dict[str, Any]] = json.loads(answer.data)["items"]
    return items


def _waits(pod: Pod) -> bool:
    return pod["status"].get("phase") == "Pending"


def _warnings(api: client.CoreV1Api, namespace: str) -> dict[str, str]:
    """Return the last warning about each object by its name; none where events may not be read."""
    try:
        events = _items(api.list_namespaced_event, namespace, field_selector="type=Warning", limit=MAX_EVENTS)
    except ApiException:
        return {}
    warnings = [event for event in events if event.get("type") == "Warning"]
    warnings.sort(key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "")
    return {event["involvedObject"].get("name", ""): str(event.get("message", "")) for event in warnings}


def _is_gone(api: client.ApiClient, namespace: str, workflow: str) -> bool | None:
    place = ("argoproj.io", "v1alpha1", namespace, "workflows", workflow)
    try:
        client.CustomObjectsApi(api).get_namespaced_custom_object(*place, _request_timeout=TIMEOUT)
    except ApiException as error:
        return True if error.status == 404 else None
    return False
