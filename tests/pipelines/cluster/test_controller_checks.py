import copy
from typing import Any

import pytest
import yaml

from pipelines.cluster import argo_retries
from pipelines.cluster.controller_checks import check_controller
from pipelines.cluster.kubernetes_access import configure
from tests.pipelines.cluster.conftest import CONTROLLER, KUBEFLOW_DEPLOYMENT, NAMESPACE, Server, deployment
from tests.pipelines.cluster.recorded import body_of, status_of

NODES = "GET /api/v1/nodes"
CONFIG_MAP = {"metadata": {"name": "workflow-controller-configmap", "namespace": "kubeflow"}}
# As Kubeflow Pipelines 2.17 installs it.
DEFAULTS = {"spec": {"templateDefaults": {"retryStrategy": {"limit": 2, "retryPolicy": "OnError"}}}}
FROM_CONFIG_MAP = {
    "name": "DEFAULT_SECURITY_CONTEXT_HOST_USERS",
    "valueFrom": {"configMapKeyRef": {"name": "pipeline-install-config", "key": "defaultSecurityContextHostUsers"}},
}


@pytest.fixture
def kubeflows(cluster: Server) -> Server:
    """A cluster with Kubeflow's own defaults, which our policy was put onto, and the nodes of a real one."""
    configure()
    installed = CONFIG_MAP | {"data": {"workflowDefaults": yaml.safe_dump(DEFAULTS)}}
    cluster.on(f"GET {CONTROLLER}", argo_retries.merged(installed))
    cluster.on(NODES, body_of("rbac/nodes"))
    return cluster


def found(namespace: str = NAMESPACE) -> list[tuple[bool | None, str]]:
    return [(finding.passed, finding.text) for finding in check_controller(namespace)]


def user_namespaces(server: Server, setting: str) -> tuple[bool | None, str]:
    server.on(f"GET {KUBEFLOW_DEPLOYMENT}", deployment("2.17.0", FROM_CONFIG_MAP))
    config = {"data": {"defaultSecurityContextHostUsers": setting}}
    server.on("GET /api/v1/namespaces/kubeflow/configmaps/pipeline-install-config", config)
    _, host_users = found()
    return host_users


# --- Argo's retries ----------------------------------------------------------------------------------------------


def test_our_policy_on_kubeflows_defaults_passes(kubeflows: Server) -> None:
    assert found()[0] == (
        True,
        "Argo retries steps by our policy (the ConfigMap workflow-controller-configmap in kubeflow)",
    )


@pytest.mark.parametrize("data", [None, {}, {"workflowDefaults": yaml.safe_dump(DEFAULTS)}], ids=str)
def test_defaults_without_our_policy_are_named_with_the_command(data: Any, kubeflows: Server) -> None:
    kubeflows.on(f"GET {CONTROLLER}", CONFIG_MAP | {"data": data})
    passed, text = found()[0]
    assert passed is False
    assert "lacks our retry policy: the first step that fails with an exit code fails the run" in text
    assert text.endswith(
        "python -m pipelines.cluster.argo_retries | kubectl apply --server-side --force-conflicts -f -"
    )


def test_a_policy_that_was_changed_is_named(kubeflows: Server) -> None:
    changed = copy.deepcopy(kubeflows.answers[f"GET {CONTROLLER}"][1])
    changed["data"]["workflowDefaults"] = changed["data"]["workflowDefaults"].replace("Always", "OnError")
    kubeflows.on(f"GET {CONTROLLER}", changed)
    assert found()[0][0] is False


@pytest.mark.parametrize(
    ("status", "data", "passed", "words"),
    [
        (403, {}, None, "could not be read (the Kubernetes API responds 403); manifests/cluster-admin/doctor.yaml"),
        (404, {}, False, "does not exist; install Kubeflow Pipelines with its own manifests"),
        (200, {"workflowDefaults": "spec: ["}, False, "is not valid YAML"),
    ],
)
def test_a_config_map_that_cannot_be_compared_is_said(
    status: int, data: dict[str, str], passed: bool | None, words: str, kubeflows: Server
) -> None:
    kubeflows.on(f"GET {CONTROLLER}", CONFIG_MAP | {"data": data}, status)
    finding = found()[0]
    assert finding[0] is passed
    assert words in finding[1]


def test_a_kubeflow_in_the_runs_namespace_is_found_where_its_own_may_not_be_looked_at(kubeflows: Server) -> None:
    kubeflows.on(f"GET {KUBEFLOW_DEPLOYMENT}", {"kind": "Status"}, 403)
    kubeflows.on(f"GET /apis/apps/v1/namespaces/{NAMESPACE}/deployments/ml-pipeline", deployment("2.17.0"))
    at = f"GET /api/v1/namespaces/{NAMESPACE}/configmaps/workflow-controller-configmap"
    kubeflows.on(at, kubeflows.answers[f"GET {CONTROLLER}"][1])
    assert [passed for passed, _ in found()] == [True, True]


@pytest.mark.parametrize(("status", "words"), [(403, "could not be read"), (404, "is not in kubeflow or team-a")])
def test_a_kubeflow_that_is_not_found_is_said(status: int, words: str, kubeflows: Server) -> None:
    kubeflows.on(f"GET {KUBEFLOW_DEPLOYMENT}", {"kind": "Status"}, status)
    ((passed, text),) = found()
    assert passed is None
    assert words in text


# --- hostUsers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("setting", ["", "true"])
def test_steps_in_the_nodes_user_namespace_start_anywhere(setting: str, kubeflows: Server) -> None:
    assert user_namespaces(kubeflows, setting)[0] is True


def test_nodes_that_cannot_start_steps_in_user_namespaces_are_named_with_the_setting(kubeflows: Server) -> None:
    passed, text = user_namespaces(kubeflows, "false")
    assert passed is False
    assert (
        "(hostUsers: false), which 1 of 1 nodes do not support (node1, containerd://1.6.20); pods there never start"
        in text
    )
    assert (
        "kubectl set env deployment/ml-pipeline --namespace=kubeflow DEFAULT_SECURITY_CONTEXT_HOST_USERS=true" in text
    )


def test_nodes_that_can_pass(kubeflows: Server) -> None:
    kubeflows.on(NODES, {"items": [able()]})
    assert user_namespaces(kubeflows, "false") == (
        True,
        "Kubeflow starts steps in their own user namespaces (hostUsers: false), which all nodes support",
    )


def test_nodes_of_which_some_cannot_are_named(kubeflows: Server) -> None:
    kubeflows.on(NODES, {"items": [able(), *body_of("rbac/nodes")["items"]]})
    passed, text = user_namespaces(kubeflows, "false")
    assert passed is None
    assert "which 1 of 2 nodes do not support (node1" in text


def test_nodes_of_an_older_kubernetes_leave_the_setting_out(kubeflows: Server) -> None:
    nodes = body_of("rbac/nodes")
    nodes["items"][0]["status"]["nodeInfo"]["kubeletVersion"] = "v1.31.4"
    kubeflows.on(NODES, nodes)
    assert user_namespaces(kubeflows, "false")[0] is True


def test_nodes_that_may_not_be_looked_at_are_said(kubeflows: Server) -> None:
    kubeflows.on(NODES, body_of("rbac/error-403-nodes"), status_of("rbac/error-403-nodes"))
    passed, text = user_namespaces(kubeflows, "false")
    assert passed is None
    assert "manifests/cluster-admin/doctor.yaml allows it" in text


def able() -> dict[str, Any]:
    """A node whose runtime has user namespaces, as its kubelet says it."""
    (node,) = body_of("rbac/nodes")["items"]
    node["status"]["runtimeHandlers"] = [{"name": "", "features": {"userNamespaces": True}}, {"name": "other"}]
    return dict(node)
