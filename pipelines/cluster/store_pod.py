"""`scalequest doctor --deep`: a pod like those of a run, which tests the workspace's store and is then deleted."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import urllib3
from kubernetes import client
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException

from components.shared import stopping
from components.shared.kubernetes_api import TIMEOUT, answer_of, cause_of
from components.shared.stores.retries import LIMIT_VARIABLE
from pipelines import store_secret
from pipelines.cluster.bucket_checks import read_findings
from pipelines.cluster.controller_checks import steps_in_user_namespaces
from pipelines.cluster.findings import Finding, PlannedRun
from pipelines.cluster.kubeflow_home import find_home
from pipelines.cluster.kubernetes_access import configure
from pipelines.cluster.package import cpu_image
from pipelines.resources import GID, UID

LIMIT_SECONDS = 60.0
LONGER_SECONDS = 15  # that the pod has, so that it is still there to be asked when we no longer wait
POLL_SECONDS = 1.0
STORE_SECONDS = 20  # that the pod asks the store for, so that it says what is wrong within the limit
CONTAINER = "main"  # as a step's
TMP = "/tmp"  # noqa: S108 - of the pod
CHECKS = "pipelines.cluster.bucket_checks"
# Waiting a little longer does not help.
LASTING = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "CreateContainerConfigError", "CreateContainerError")


def check_from_pod(run: PlannedRun) -> Iterator[Finding]:
    """Yield what a pod finds that has the account, image, environment and place of a step without a GPU."""
    try:
        configure()
        pod = pod_of(run, in_user_namespace=_in_user_namespace(run.cluster.namespace))
        with stopping.listening():
            yield from _tried(pod, run)
    except ConfigException as error:
        yield Finding(False, f"no pod can be created: no Kubernetes cluster is configured ({error})", "set KUBECONFIG")
    except urllib3.exceptions.HTTPError as error:
        yield Finding(
            False, f"the Kubernetes API does not respond ({cause_of(error)})", "check kubectl's current context"
        )


def pod_of(run: PlannedRun, *, in_user_namespace: bool) -> dict[str, Any]:
    """Return the pod, as restricted as Pod Security Standards ask; the network policy for runs holds for it, too."""
    labels = {"app.kubernetes.io/name": "scalequest", "app.kubernetes.io/component": "doctor"}
    labels |= {"pipelines.kubeflow.org/v2_component": "true", "sidecar.istio.io/inject": "false"}
    spec = {
        "restartPolicy": "Never",
        "activeDeadlineSeconds": int(LIMIT_SECONDS)
        + LONGER_SECONDS,  # it ends by itself where nobody is left to delete it
        "terminationGracePeriodSeconds": 1,
        "serviceAccountName": run.account,
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": UID,
            "runAsGroup": GID,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(run)],
        "volumes": [{"name": "tmp", "emptyDir": {}}, store_secret.volume(run.store_secret)],
    } | ({"hostUsers": False} if in_user_namespace else {})
    name = f"scalequest-doctor-{uuid.uuid4().hex[:8]}"
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": spec}


def _container(run: PlannedRun) -> dict[str, Any]:
    return {
        "name": CONTAINER,
        "image": cpu_image(),
        "command": ["python3", "-m", CHECKS, run.workspace],
        "env": [
            {"name": "HOME", "value": TMP},
            {"name": LIMIT_VARIABLE, "value": str(STORE_SECONDS)},
            *store_secret.variables(run.store_secret),
        ],
        "resources": {
            "requests": {"cpu": "100m", "memory": "512Mi", "ephemeral-storage": "64Mi"},
            "limits": {"memory": "512Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [{"name": "tmp", "mountPath": TMP}, store_secret.MOUNT],
    }


def _in_user_namespace(namespace: str) -> bool:
    with contextlib.suppress(ApiException):
        home = find_home(namespace)
        return home is not None and steps_in_user_namespaces(home)
    return False


def _tried(pod: dict[str, Any], run: PlannedRun) -> list[Finding]:
    name, namespace = pod["metadata"]["name"], run.cluster.namespace
    api = client.CoreV1Api()
    try:
        api.create_namespaced_pod(namespace, pod, _request_timeout=TIMEOUT)
    except ApiException as error:
        remedy = "fix what it says, or leave out --deep: it needs permission to create and delete pods"
        return [Finding(False, f"no pod of {run.account} can be created in {namespace}: {answer_of(error)}", remedy)]
    try:
        ended = _ended(api, name, namespace)
        return _findings(api, ended, run)
    except ApiException as error:
        return [Finding(None, f"the pod {name}: the Kubernetes API responds {answer_of(error)}", "try again")]
    finally:
        with contextlib.suppress(ApiException):
            api.delete_namespaced_pod(name, namespace, grace_period_seconds=0, _request_timeout=TIMEOUT)


def _ended(api: client.CoreV1Api, name: str, namespace: str) -> client.V1Pod:
    """Return the pod once it has ended, or will not begin, or the time is up."""
    end = time.monotonic() + LIMIT_SECONDS
    while True:
        pod = api.read_namespaced_pod(name, namespace, _request_timeout=TIMEOUT)
        waiting = _waiting(pod)
        if pod.status.phase in ("Succeeded", "Failed") or (waiting and waiting.reason in LASTING):
            return pod
        if time.monotonic() > end:
            return pod
        stopping.sleep(POLL_SECONDS)


def _findings(api: client.CoreV1Api, pod: client.V1Pod, run: PlannedRun) -> list[Finding]:
    name, namespace = pod.metadata.name, run.cluster.namespace
    if not _has_begun(pod):
        see = f"kubectl get events --namespace {namespace} --field-selector involvedObject.name={name}"
        within = f" within {LIMIT_SECONDS:.0f} s" if pod.status.phase == "Pending" else ""
        what = f"a pod of {run.account} did not start{within}: {_reason(api, pod)}"
        return [Finding(False, what, f"steps of a run would not start either; see: {see}")]
    log = api.read_namespaced_pod_log(
        name, namespace, container=CONTAINER, _preload_content=False, _request_timeout=TIMEOUT
    )
    text = log.data.decode(errors="replace")
    told = [replace(finding, what=f"in a pod of {run.account}: {finding.what}") for finding in read_findings(text)]
    if pod.status.phase == "Succeeded" or any(finding.passed is False for finding in told):
        return told
    last = " ".join((text.strip().splitlines() or ["its log is empty"])[-1].split())
    how = pod.status.reason or f"phase {pod.status.phase} after {LIMIT_SECONDS:.0f} s"
    what = f"a pod of {run.account} did not finish ({how}): {last}"
    return [*told, Finding(False, what, "check that pods reach the store (networkPolicy.ports, its endpoint)")]


def _has_begun(pod: client.V1Pod) -> bool:
    """Tell whether the container has a log: a pod may fail without it, refused by its node or by its own deadline."""
    states = [each.state for each in pod.status.container_statuses or () if each.state]
    return any(state.running or (state.terminated and state.terminated.started_at) for state in states)


def _waiting(pod: client.V1Pod) -> client.V1ContainerStateWaiting | None:
    statuses = pod.status.container_statuses or ()
    return next((each.state.waiting for each in statuses if each.state and each.state.waiting), None)


def _reason(api: client.CoreV1Api, pod: client.V1Pod) -> str:
    """Return why a pod did not start: by its container, its node, its place, or by what happened to it last."""
    waiting = _waiting(pod)
    if waiting and waiting.message:
        return f"{waiting.reason}: {waiting.message}"
    if pod.status.message:
        return f"{pod.status.reason}: {pod.status.message}"
    for condition in pod.status.conditions or ():
        if condition.type == "PodScheduled" and condition.status == "False":
            return f"{condition.reason}: {condition.message}"
    selector = f"involvedObject.name={pod.metadata.name}"
    events = api.list_namespaced_event(pod.metadata.namespace, field_selector=selector, _request_timeout=TIMEOUT).items
    warnings = [each for each in events if each.type == "Warning"]
    return (
        f"{warnings[-1].reason}: {warnings[-1].message}"
        if warnings
        else waiting.reason
        if waiting
        else pod.status.phase
    )
