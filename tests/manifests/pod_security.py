"""The Pod Security Standard "restricted", as a function of a pod's spec.

Source: kubernetes.io, Concepts, Pod Security Standards, restricted (which holds baseline).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipelines.nested import walk
from tests.manifests.tools import Objects

VOLUMES = {
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret",
}  # fmt: skip
SECCOMP = ("RuntimeDefault", "Localhost")
Pod = dict[str, Any]


def pods_of(objects: Objects) -> Iterator[tuple[str, Pod]]:
    """Yield the name and spec of every pod and pod template, however deep in whatever kind it stands."""
    for document in objects:
        name = f"{document['kind']} {document['metadata']['name']}"
        yield from ((name, pod) for pod in _pods(document))


def pod_metadata_of(objects: Objects) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name and the pods' metadata of everything that is or makes pods."""
    for document in objects:
        name = f"{document['kind']} {document['metadata']['name']}"
        yield from ((name, metadata) for metadata in _pod_metadata(document))


def violations(pod: Pod) -> list[str]:
    """Return what "restricted" forbids of a pod, one line each."""
    security = pod.get("securityContext", {})
    found = [f"{field} is set" for field in ("hostNetwork", "hostPID", "hostIPC") if pod.get(field)]
    found += [f"sysctl {item['name']}" for item in security.get("sysctls", [])]
    found += [f"volume {v['name']}" for v in pod.get("volumes", []) if not set(v) - {"name"} <= VOLUMES]
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        for container in pod.get(kind, []):
            found += [f"{container['name']}: {problem}" for problem in _of_container(container, security)]
    return found


def _of_container(container: dict[str, Any], pod: dict[str, Any]) -> Iterator[str]:
    own = container.get("securityContext", {})
    capabilities = own.get("capabilities", {})
    if own.get("privileged"):
        yield "privileged"
    if own.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation is not false"
    if "ALL" not in capabilities.get("drop", []):
        yield "capabilities are not dropped"
    if set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}:
        yield f"adds capabilities {capabilities['add']}"
    if not own.get("runAsNonRoot", pod.get("runAsNonRoot")):
        yield "runAsNonRoot is not true"
    if own.get("runAsUser", pod.get("runAsUser", 1)) == 0:
        yield "runs as user 0"
    if own.get("seccompProfile", pod.get("seccompProfile", {})).get("type") not in SECCOMP:
        yield "no seccomp profile"
    if own.get("procMount", "Default") != "Default":
        yield "procMount"
    if any(port.get("hostPort") for port in container.get("ports", [])):
        yield "a port of the host"


def _pods(document: Any) -> Iterator[Pod]:
    for _, value in walk(document):
        if isinstance(value, dict) and isinstance(value.get("containers"), list) and "pipelineInfo" not in value:
            yield value


def _pod_metadata(document: Any) -> Iterator[dict[str, Any]]:
    for _, value in walk(document):
        if isinstance(value, dict) and "metadata" in value and "containers" in value.get("spec", {}):
            yield value["metadata"]
