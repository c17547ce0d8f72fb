"""The pod that this process runs in, and what it hands on to those that it has made: owner, account, keys of stores."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kubernetes import client

from components.shared.jobs.api_objects import annotations_of, labels_of
from components.shared.jobs.pod_endings import Pod
from components.shared.kubernetes_api import TIMEOUT, ask_or_none
from components.shared.processes import host

DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
OF_RUN = "pipeline/runid"  # the label by which Kubeflow names the run of a pod
OF_TASK = "workflows.argoproj.io/node-name"  # by which Argo names what of a run a pod is an attempt of
# Variables with a plain value that say how the network is reached; all others are the pod's own.
_NETWORK = {
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE", "AWS_CA_BUNDLE",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Handed:
    """What pods get from the one that has them made; nothing where that is no pod."""

    owner: Mapping[str, Any] | None = None  # what is made is deleted together with it
    run: str = ""  # id of the run of Kubeflow Pipelines
    task: str = ""  # that the pod is an attempt of: the name of Argo's node
    image: str = ""
    service_account: str = ""
    pull_secrets: list[dict[str, str]] = field(default_factory=list)
    env: list[dict[str, Any]] = field(default_factory=list)  # variables from Secrets and ConfigMaps, proxies
    env_from: list[dict[str, Any]] = field(default_factory=list)  # whole Secrets and ConfigMaps as variables
    volumes: list[dict[str, Any]] = field(default_factory=list)  # of Secrets and ConfigMaps
    mounts: list[dict[str, Any]] = field(default_factory=list)


def read_own_pod(namespace: str, *, allowed_by: str = "") -> Pod | None:
    """Return the pod that this process runs in, None if it runs in none.

    Kubeflow tells a pod its name; elsewhere it is the host's, as Kubernetes names it.
    """
    name = os.environ.get("KFP_POD_NAME") or host()
    what = f"reading the pod {name}"
    return ask_or_none(what, lambda: read_pod(namespace, name, TIMEOUT), (404,), allowed_by=allowed_by)


def read_pod(namespace: str, name: str, timeout: tuple[int, int]) -> Pod:
    """Return a pod as the API gives it; ApiException where it does not."""
    answer = client.CoreV1Api().read_namespaced_pod(name, namespace, _preload_content=False, _request_timeout=timeout)
    pod: Pod = json.loads(answer.data)
    return pod


def handed_on(pod: Pod | None) -> Handed:
    """Return what pods get from the one that has them made.

    Their owner is its own owner, an Argo Workflow or a Job. That outlives the pod, so that the pod's successor finds
    them again; and if it is deleted, they are deleted, too. It does not control them: Kueue does not queue a Job whose
    controller has the label of a queue itself.
    """
    if pod is None:
        return Handed()
    spec, container = pod["spec"], _own_container(pod)
    volumes = [volume for volume in spec.get("volumes") or [] if {"secret", "configMap"} & set(volume)]
    names = {volume["name"] for volume in volumes}
    return Handed(
        owner=_owner(pod["metadata"]),
        run=labels_of(pod).get(OF_RUN, ""),
        task=annotations_of(pod).get(OF_TASK, ""),
        image=container["image"],
        service_account=spec.get("serviceAccountName", ""),
        pull_secrets=spec.get("imagePullSecrets") or [],
        env=[each for each in container.get("env") or [] if _is_handed_on(each)],
        env_from=[each for each in container.get("envFrom") or [] if {"secretRef", "configMapRef"} & set(each)],
        volumes=volumes,
        mounts=[mount for mount in container.get("volumeMounts") or [] if mount["name"] in names],
    )


def _is_handed_on(variable: Mapping[str, Any]) -> bool:
    kept_elsewhere = {"secretKeyRef", "configMapKeyRef"} & set(variable.get("valueFrom") or {})
    return bool(kept_elsewhere) or (variable["name"].upper() in _NETWORK and "value" in variable)


def _own_container(pod: Pod) -> Mapping[str, Any]:
    containers: list[Mapping[str, Any]] = pod["spec"]["containers"]
    name = annotations_of(pod).get(DEFAULT_CONTAINER, "")
    return next((each for each in containers if each["name"] == name), containers[0])


def _owner(metadata: Mapping[str, Any]) -> dict[str, Any]:
    found = next((each for each in metadata.get("ownerReferences") or [] if each.get("controller")), None)
    owner = found or {"apiVersion": "v1", "kind": "Pod", **metadata}
    return {key: owner[key] for key in ("apiVersion", "kind", "name", "uid")}
