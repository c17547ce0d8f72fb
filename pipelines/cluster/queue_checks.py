"""Checks whether Kueue would ever admit a run's GPU steps: the LocalQueue, and its ClusterQueue.

A LocalQueue says that it is active also where its ClusterQueue leaves the namespace out, or has no quota for a pod.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException
from kubernetes.utils import parse_quantity

from components.shared.jobs.body import ACCELERATOR
from components.shared.jobs.pod_hardware import Task
from components.shared.jobs.selected_jobs import KUEUE, KUEUE_VERSIONS
from components.shared.kubernetes_api import TIMEOUT
from pipelines.cluster.findings import Finding
from pipelines.cluster.kubernetes_access import READER, SUBMITTER, not_told
from pipelines.cluster.options import Cluster
from pipelines.cluster.package import is_queued
from pipelines.hardware_profiles import Profile
from pipelines.resources import QUEUE


def check_queue(cluster: Cluster, profile: Profile) -> Iterator[Finding]:
    """Yield what Kueue would do with the GPU steps of a profile."""
    if not is_queued(profile, queue=cluster.queue):
        yield Finding(True, "GPU steps do not wait in a queue")
        return
    yield from check_local_queue(QUEUE, cluster.namespace, profile.tasks["training"], ACCELERATOR)


def check_local_queue(name: str, namespace: str, largest: Task, accelerator: str) -> Iterator[Finding]:
    """Yield what Kueue would do with pods in a queue; where it is not installed, its label on them means nothing."""
    try:
        version = version_of_kueue()
        if not version:
            yield Finding(True, "Kueue is not installed: GPU steps start as soon as there are nodes")
            return
        place = (KUEUE, version, namespace, "localqueues", name)
        queue = client.CustomObjectsApi().get_namespaced_custom_object(*place, _request_timeout=TIMEOUT)
    except ApiException as error:
        yield _no_queue(name) if error.status == 404 else not_told(f"the LocalQueue {name}", error, SUBMITTER)
        return
    yield (local := _active(f"the LocalQueue {name}", queue))
    if local.passed:
        asked = {accelerator: largest.gpus, "cpu": largest.cpu, "memory": largest.memory}
        yield from _cluster_queue(version, queue["spec"]["clusterQueue"], namespace, asked)


def version_of_kueue() -> str:
    """Return the newest version of Kueue's API that is served and that we know; "" where it is not installed."""
    groups = client.ApisApi().get_api_versions(_request_timeout=TIMEOUT).groups
    versions = {served.version for each in groups if each.name == KUEUE for served in each.versions}
    return next((each for each in KUEUE_VERSIONS if each in versions), "")


def _no_queue(name: str) -> Finding:
    remedy = "GPU steps would wait forever: helm upgrade --set kueue.enabled=true, or submit with --no-queue"
    return Finding(False, f"the LocalQueue {name} does not exist", remedy)


def _active(what: str, queue: Mapping[str, Any]) -> Finding:
    conditions = {each["type"]: each for each in queue.get("status", {}).get("conditions", [])}
    active = conditions.get("Active", {})
    working = active.get("status") == "True"
    remedy = f"check its ClusterQueue: {active.get('message', 'it has no status yet')}"
    return Finding(working, f"{what} {'admits pods' if working else 'does not admit pods'}", remedy)


def _cluster_queue(version: str, name: str, namespace: str, asked: Mapping[str, str]) -> Iterator[Finding]:
    what = f"the ClusterQueue {name}"
    try:
        api = client.CustomObjectsApi()
        queue = api.get_cluster_custom_object(KUEUE, version, "clusterqueues", name, _request_timeout=TIMEOUT)
        labels = client.CoreV1Api().read_namespace(namespace, _request_timeout=TIMEOUT).metadata.labels or {}
    except ApiException as error:
        yield not_told(f"{what}, so it is not known what it admits,", error, READER)
        return
    edit = f"kubectl edit clusterqueue {name}"
    admitted = selects(queue["spec"].get("namespaceSelector"), labels)
    verb = "admits" if admitted else "leaves out"
    yield Finding(admitted, f"{what} {verb} the namespace {namespace}", f"let its namespaceSelector match: {edit}")
    yield _quota(what, edit, queue["spec"], asked)


def selects(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Tell whether a label selector of Kubernetes matches: an empty one everything, a missing one nothing."""
    if selector is None:
        return False
    equal = all(labels.get(key) == value for key, value in (selector.get("matchLabels") or {}).items())
    return equal and all(_meets(each, labels) for each in selector.get("matchExpressions") or [])


def _meets(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or []
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels


def _quota(what: str, edit: str, spec: Mapping[str, Any], asked: Mapping[str, str]) -> Finding:
    """Compare the most that a pod can get with what the profile's largest asks for; a cohort may lend the rest."""
    lends = bool(spec.get("cohortName") or spec.get("cohort"))
    lacking = [name for name, value in asked.items() if not _fits(name, value, spec.get("resourceGroups") or [], lends)]
    if not lacking:
        return Finding(True, f"{what} has quota for a training pod")
    wanted = ", ".join(f"{name} {asked[name]}" for name in lacking)
    remedy = f"it would wait forever: raise nominalQuota, or helm upgrade --set kueue.clusterQueue.nodes=…: {edit}"
    return Finding(False, f"{what} never has quota for a training pod ({wanted})", remedy)


def _fits(name: str, value: str, groups: Sequence[Mapping[str, Any]], lends: bool) -> bool:
    quotas = [
        quota
        for group in groups
        for flavor in group["flavors"]
        for quota in flavor["resources"]
        if quota["name"] == name
    ]
    return any(_most(quota, lends) >= parse_quantity(value) for quota in quotas)


def _most(quota: Mapping[str, Any], lends: bool) -> Any:
    if lends and quota.get("borrowingLimit") is None:
        return float("inf")
    return parse_quantity(quota["nominalQuota"]) + (parse_quantity(quota.get("borrowingLimit") or "0") if lends else 0)
