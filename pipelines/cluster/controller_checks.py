"""Checks Kubeflow's settings that a run needs: Argo's retries, and user namespaces for its pods."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from components.shared.kubernetes_api import TIMEOUT
from pipelines.cluster.argo_retries import merged
from pipelines.cluster.findings import Finding
from pipelines.cluster.kubeflow_api import OWN_NAMESPACE
from pipelines.cluster.kubeflow_home import DEPLOYMENT, Home, find_home
from pipelines.cluster.kubernetes_access import READER, not_told

CONTROLLER = "workflow-controller-configmap"
HOST_USERS = "DEFAULT_SECURITY_CONTEXT_HOST_USERS"
HOST_USERS_KEY = "defaultSecurityContextHostUsers"  # of pipeline-install-config, which the variable comes from
USER_NAMESPACES_SINCE = 33  # minor version of Kubernetes; older ones ignore hostUsers unless configured otherwise


def check_controller(namespace: str) -> Iterator[Finding]:
    """Yield one finding for Argo's retries and one for hostUsers."""
    what = f"the Deployment {DEPLOYMENT} of Kubeflow Pipelines"
    try:
        home = find_home(namespace)
    except ApiException as error:
        yield not_told(f"{what}, so it is not known how steps are started,", error, READER)
        return
    if home is None:
        places = " or ".join(dict.fromkeys((OWN_NAMESPACE, namespace)))
        yield Finding(None, f"{what} is not in {places}", "check kubectl's current context")
        return
    yield _retries(home.namespace)
    yield _host_users(home)


def _retries(namespace: str) -> Finding:
    """Compare the controller's defaults with what they are after our policy was put onto them."""
    what = f"the ConfigMap {CONTROLLER} in {namespace}"
    apply = (
        f"kubectl get configmap {CONTROLLER} --namespace={namespace} --output=yaml "
        "| python -m pipelines.cluster.argo_retries | kubectl apply --server-side --force-conflicts -f -"
    )
    try:
        api = client.CoreV1Api()
        found = api.read_namespaced_config_map(CONTROLLER, namespace, _request_timeout=TIMEOUT)
    except ApiException as error:
        if error.status == 404:
            return Finding(False, f"{what} does not exist", "install Kubeflow Pipelines with its own manifests")
        return not_told(f"{what}, so it is not known whether steps are retried,", error, READER)
    data = found.data or {}
    try:
        wanted = merged({"metadata": {"name": CONTROLLER, "namespace": namespace}, "data": data})["data"]
        applied = all(yaml.safe_load(data.get(key, "")) == yaml.safe_load(text) for key, text in wanted.items())
    except yaml.YAMLError as error:
        return Finding(
            False, f"{what} is not valid YAML ({' '.join(str(error).split())})", "apply Kubeflow's manifests again"
        )
    if applied:
        return Finding(True, f"Argo retries steps by our policy ({what})")
    # Kubeflow's own policy does not retry after exit codes: the first failed attempt would end a run of days.
    lacks = f"{what} lacks our retry policy: the first step that fails with an exit code fails the run"
    return Finding(False, lacks, apply)


def steps_in_user_namespaces(home: Home) -> bool:
    """Tell whether Kubeflow starts steps with hostUsers: false; its own manifests have it so."""
    return home.setting(HOST_USERS).strip().lower() in ("false", "f", "0")


def _host_users(home: Home) -> Finding:
    what = "Kubeflow starts steps in their own user namespaces (hostUsers: false)"
    try:
        if not steps_in_user_namespaces(home):
            return Finding(True, "Kubeflow starts steps in the node's user namespace (hostUsers)")
        answer = client.CoreV1Api().list_node(_preload_content=False, _request_timeout=TIMEOUT)
    except ApiException as error:
        return not_told(f"whether nodes can start Kubeflow's pods ({HOST_USERS})", error, READER)
    nodes = json.loads(answer.data)["items"]  # the client's own classes leave features.userNamespaces out
    unable = [node for node in nodes if not _has_user_namespaces(node)]
    if not unable:
        return Finding(True, f"{what}, which all nodes support" if nodes else f"{what}; there are no nodes now")
    named = f"{unable[0]['metadata']['name']}, {unable[0]['status']['nodeInfo']['containerRuntimeVersion']}"
    remedy = (
        f"pods there never start: kubectl set env deployment/{DEPLOYMENT} --namespace={home.namespace} "
        f'{HOST_USERS}=true, and {HOST_USERS_KEY}: "true" in pipeline-install-config, so that it stays; or give the '
        "nodes containerd 2 and Linux 6.3"
    )
    cannot = f"{what}, which {len(unable)} of {len(nodes)} nodes do not support ({named})"
    return Finding(False if len(unable) == len(nodes) else None, cannot, remedy)


def _has_user_namespaces(node: Mapping[str, Any]) -> bool:
    minor = re.match(r"v?\d+\.(\d+)", node["status"]["nodeInfo"]["kubeletVersion"])
    if minor and int(minor[1]) < USER_NAMESPACES_SINCE:
        return True
    handlers = node["status"].get("runtimeHandlers") or []
    return any((each.get("features") or {}).get("userNamespaces") for each in handlers if not each.get("name"))
