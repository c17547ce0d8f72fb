from typing import Any

import pytest

from pipelines.cluster.hardware import find_profile
from pipelines.cluster.kubernetes_access import configure
from pipelines.cluster.options import Cluster
from pipelines.cluster.queue_checks import check_queue, selects
from tests.pipelines.cluster.conftest import NAMESPACE, QUEUE, QUOTA, Server
from tests.pipelines.cluster.recorded import body_of, status_of


@pytest.fixture(autouse=True)
def configured(cluster: Server) -> None:
    configure()


def found() -> list[tuple[bool | None, str]]:
    findings = check_queue(Cluster(namespace=NAMESPACE), find_profile("gke-a100-80g"))
    return [(finding.passed, finding.text) for finding in findings]


def behind(server: Server, name: str, **changes: Any) -> str:
    """Put a recorded ClusterQueue behind a recorded LocalQueue that says that it is active; return its name."""
    queue = body_of(f"kueue/clusterqueue-{name}")
    queue["spec"] |= changes
    local = body_of("kueue/localqueue-active")
    local["spec"]["clusterQueue"] = queue["metadata"]["name"]
    server.on(f"GET {QUEUE}", local)
    server.on(f"GET /apis/kueue.x-k8s.io/v1beta2/clusterqueues/{queue['metadata']['name']}", queue)
    return str(queue["metadata"]["name"])


def test_a_queue_that_admits_the_namespace_and_has_quota_passes(cluster: Server) -> None:
    behind(cluster, "active", resourceGroups=[QUOTA])
    assert found() == [
        (True, "the LocalQueue scalequest-gpu admits pods"),
        (True, "the ClusterQueue rec-active admits the namespace team-a"),
        (True, "the ClusterQueue rec-active has quota for a training pod"),
    ]


def test_a_namespace_selector_that_leaves_the_namespace_out_is_named(cluster: Server) -> None:
    behind(cluster, "other-namespaces", resourceGroups=[QUOTA])
    _, selector, _ = found()
    assert selector == (
        False,
        "the ClusterQueue rec-other-namespaces leaves out the namespace team-a; let its namespaceSelector match: "
        "kubectl edit clusterqueue rec-other-namespaces",
    )


@pytest.mark.parametrize("name", ["quota-zero", "active", "gpu-only"])
def test_a_quota_that_no_training_pod_fits_is_named(name: str, cluster: Server) -> None:
    queue = behind(cluster, name)
    passed, text = found()[-1]
    assert passed is False
    lacking = "(nvidia.com/gpu 8, cpu 88, memory 1100Gi)"
    assert f"the ClusterQueue {queue} never has quota for a training pod {lacking}; it would wait forever" in text
    assert "--set kueue.clusterQueue.nodes=…" in text


def test_what_a_cohort_may_lend_counts(cluster: Server) -> None:
    groups = body_of("kueue/clusterqueue-quota-zero")["spec"]["resourceGroups"]
    behind(cluster, "quota-zero", cohortName="all")
    assert found()[-1][0] is True
    for quota in groups[0]["flavors"][0]["resources"]:
        quota["borrowingLimit"] = "2"
    behind(cluster, "quota-zero", cohortName="all", resourceGroups=groups)
    assert found()[-1][0] is False


def test_a_cluster_queue_that_is_stopped_is_told_by_the_local_queue(cluster: Server) -> None:
    cluster.on(f"GET {QUEUE}", body_of("kueue/localqueue-stopped"))
    ((passed, text),) = found()
    assert passed is False
    assert text.startswith(
        "the LocalQueue scalequest-gpu does not admit pods; check its ClusterQueue: Can't submit new"
    )


def test_a_cluster_queue_that_may_not_be_looked_at_is_said(cluster: Server) -> None:
    name = behind(cluster, "active")
    at = f"GET /apis/kueue.x-k8s.io/v1beta2/clusterqueues/{name}"
    cluster.on(at, body_of("rbac/error-403-nodes"), status_of("rbac/error-403-nodes"))
    passed, text = found()[-1]
    assert passed is None
    assert "manifests/cluster-admin/doctor.yaml allows it" in text


LABELS = {"team": "a", "kubernetes.io/metadata.name": NAMESPACE}


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        (None, False),
        ({}, True),
        ({"matchLabels": {"team": "a"}}, True),
        ({"matchLabels": {"team": "b"}}, False),
        ({"matchLabels": {"team": "a"}, "matchExpressions": [{"key": "x", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "team", "operator": "In", "values": ["a", "b"]}]}, True),
        ({"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["a", "b"]}]}, False),
        ({"matchExpressions": [{"key": "x", "operator": "NotIn", "values": ["a"]}]}, True),
        ({"matchExpressions": [{"key": "x", "operator": "DoesNotExist"}]}, True),
    ],
)
def test_a_selector_matches_as_kubernetes_has_it(selector: Any, expected: bool) -> None:
    assert selects(selector, LABELS) is expected
