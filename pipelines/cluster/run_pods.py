"""The pods of a run, if the caller may list them: they tell more, and sooner, than Argo's nodes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import urllib3
from kubernetes import client
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException

from components.shared.jobs.selected_jobs import warnings_of
from pipelines.cluster.kubeflow_home import find_home
from pipelines.cluster.kubernetes_access import configure, name_of_cluster

TIMEOUT = (5, 60)  # seconds to connect and to read
OF_RUN = "pipeline/runid"  # the label that Kubeflow gives to each pod of a run
OF_NODE = "workflows.argoproj.io/node-id"

Pod = Mapping[str, Any]


@dataclass(frozen=True)
class Pods:
    """The pods of a run that are in the cluster."""

    by_node: Mapping[str, Pod] = field(default_factory=dict)
    warnings: Mapping[str, str] = field(default_factory=dict)  # the last one of each pod, and of what it waits for
    workflow_is_gone: bool | None = False  # asked where there is no pod; None where that does not tell
    cluster: str = ""  # that was asked
    not_seen_because: str = ""  # "" where they were looked at


def pods_of(run_id: str, namespace: str, workflow: str, *, finished: bool = True) -> Pods:
    """Return a run's pods, without those that ended well unless ``finished``; never an error: they are optional."""
    try:
        api = client.CoreV1Api(connect_to_kubernetes())
        of_run = {"label_selector": f"{OF_RUN}={run_id}"}
        phases = {} if finished else {"field_selector": "status.phase!=Succeeded"}
        pods = items_of(api.list_namespaced_pod, namespace, **of_run, **phases)
        by_node = {pod["metadata"].get("annotations", {}).get(OF_NODE, ""): pod for pod in pods}
        warnings = warnings_if_allowed(api, namespace) if any(map(_waits, pods)) else {}
        left = pods or items_of(api.list_namespaced_pod, namespace, **of_run, limit=1)
        gone = False if left else _is_gone(api.api_client, namespace, workflow)
    except ConfigException:
        return Pods(not_seen_because="no Kubernetes cluster is configured")
    except ApiException as error:
        return Pods(not_seen_because=f"the Kubernetes API responds {error.status} {error.reason}")
    except (urllib3.exceptions.HTTPError, OSError) as error:
        return Pods(not_seen_because=f"the Kubernetes API does not respond ({error})")
    return Pods(by_node, warnings, gone, name_of_cluster())


def connect_to_kubernetes() -> client.ApiClient:
    """Return a client of the cluster that does not try again: whoever asks knows more without, or asks once more."""
    configure()
    configuration = client.Configuration.get_default_copy()
    configuration.retries = False
    return client.ApiClient(configuration)


def items_of(call: Any, *arguments: str, **options: Any) -> list[dict[str, Any]]:
    """Return what a call of the client lists, as the API has it."""
    answer = call(*arguments, _preload_content=False, _request_timeout=TIMEOUT, **options)
    items: list[dict[str, Any]] = json.loads(answer.data)["items"]
    return items


def _waits(pod: Pod) -> bool:
    return pod["status"].get("phase") == "Pending"


def warnings_if_allowed(api: client.CoreV1Api, namespace: str) -> dict[str, str]:
    """Return the last warning about each object by its name; none where events may not be read."""
    try:
        return warnings_of(api, namespace)
    except ApiException:
        return {}


def _is_gone(api: client.ApiClient, namespace: str, workflow: str) -> bool | None:
    """Return whether a Workflow is gone; None where that is not known: kubectl's context may be another cluster."""
    place = ("argoproj.io", "v1alpha1", namespace, "workflows", workflow)
    try:
        client.CustomObjectsApi(api).get_namespaced_custom_object(*place, _request_timeout=TIMEOUT)
        return False
    except ApiException as error:
        if not _says_that_it_is_gone(error, workflow):
            return None
    return True if _is_kubeflows(api, namespace) else None


def _says_that_it_is_gone(error: ApiException, workflow: str) -> bool:
    """Return whether an answer is about this one: a cluster without Argo has no such path, and says 404, too."""
    if error.status != 404:
        return False
    try:
        details = json.loads(error.body or "")["details"]
        return bool((details["kind"], details["name"]) == ("workflows", workflow))
    except (ValueError, LookupError, TypeError):
        return False


def _is_kubeflows(api: client.ApiClient, namespace: str) -> bool:
    """Return whether the cluster is seen to have the run's namespace, and Kubeflow Pipelines."""
    try:
        client.CoreV1Api(api).read_namespace(namespace, _request_timeout=TIMEOUT)
        return find_home(namespace) is not None
    except ApiException:
        return False
