"""The pods of a run, if the caller may list them: they tell more, and sooner, than Argo's nodes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from components.shared.jobs.own_pod import OF_RUN
from components.shared.jobs.pod_endings import Pod
from pipelines.cluster.kubeflow_home import find_home
from pipelines.cluster.kubernetes_access import name_of_cluster
from pipelines.cluster.run_namespace import NOT_SEEN, TIMEOUT, RunNamespace, items_of, why_not_seen

OF_NODE = "workflows.argoproj.io/node-id"


@dataclass(frozen=True)
class Pods:
    """The pods of a run that are in the cluster."""

    by_node: Mapping[str, Pod] = field(default_factory=dict)
    warnings: Mapping[str, str] = field(default_factory=dict)  # the last one of each pod, and of what it waits for
    workflow_is_gone: bool | None = False  # asked where there is no pod; None where that does not tell
    cluster: str = ""  # that was asked
    not_seen_because: str = ""  # "" where they were looked at


def pods_of(run_id: str, namespace: RunNamespace, workflow: str, *, finished: bool = True) -> Pods:
    """Return a run's pods, without those that ended well unless ``finished``; never an error: they are optional."""
    try:
        api = client.CoreV1Api(namespace.api)
        of_run = {"label_selector": f"{OF_RUN}={run_id}"}
        phases = {} if finished else {"field_selector": "status.phase!=Succeeded"}
        pods = items_of(api.list_namespaced_pod, namespace.name, **of_run, **phases)
        by_node = {pod["metadata"].get("annotations", {}).get(OF_NODE, ""): pod for pod in pods}
        warnings = namespace.warnings if any(map(_waits, pods)) else {}
        left = pods or items_of(api.list_namespaced_pod, namespace.name, **of_run, limit=1)
        gone = False if left else _is_gone(namespace.api, namespace.name, workflow)
    except NOT_SEEN as error:
        return Pods(not_seen_because=why_not_seen(error))
    return Pods(by_node, warnings, gone, name_of_cluster())


def _waits(pod: Pod) -> bool:
    return pod["status"].get("phase") == "Pending"


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
