import itertools
import subprocess
import sys
import time
from typing import Any

import pytest

from pipelines.cluster import store_pod
from pipelines.cluster.findings import Finding, PlannedRun
from pipelines.cluster.options import Cluster
from pipelines.cluster.store_pod import check_from_pod
from tests.pipelines.cluster.conftest import KUBEFLOW_DEPLOYMENT, NAMESPACE, Server, deployment
from tests.pipelines.cluster.pod_runner import CORE, PodRunner
from tests.pipelines.cluster.pod_runner import status_of as container_in
from tests.pipelines.cluster.recorded import body_of, status_of
from tests.stores import READER, Store

SECRET = "scalequest-store"


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """No waiting between two looks, and not for long: what is to come has come."""
    monkeypatch.setattr(store_pod, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(store_pod, "STORE_SECONDS", 1)


def planned(workspace: str) -> PlannedRun:
    return PlannedRun(workspace=workspace, cluster=Cluster(namespace=NAMESPACE), store_secret=SECRET)


def found(workspace: str) -> list[Finding]:
    return list(check_from_pod(planned(workspace)))


def test_a_pod_of_the_account_with_the_secrets_keys_tries_the_store_and_is_deleted(
    cluster: Server, s3_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in s3_store.environment:
        monkeypatch.delenv(name, raising=False)  # it has none of the caller's
    runner = PodRunner(cluster, {SECRET: dict(s3_store.environment)})
    findings = found(s3_store.uri)
    assert [finding.passed for finding in findings] == [True] * 4, findings
    assert findings[0].what == f"in a pod of scalequest: workspace {s3_store.uri}: can be written"
    assert "an existing object is not overwritten" in findings[2].what
    (pod,) = runner.created
    assert pod["spec"]["serviceAccountName"] == "scalequest"
    assert pod["spec"]["containers"][0]["image"] == "scalequest.invalid/cpu:0.1.0"
    assert runner.deleted == [pod["metadata"]["name"]]


def test_a_pod_without_keys_says_so(cluster: Server, s3_store: Store) -> None:
    runner = PodRunner(cluster)
    (finding,) = found(s3_store.uri)
    assert finding.passed is False
    assert "no credentials found for this store" in finding.what
    assert len(runner.deleted) == 1


def test_a_pod_whose_keys_may_only_read_says_so(cluster: Server, s3_store: Store) -> None:
    PodRunner(cluster, {SECRET: dict(s3_store.environment) | READER})
    (finding,) = found(s3_store.uri)
    assert finding.passed is False
    assert finding.what.startswith(f"in a pod of scalequest: workspace {s3_store.uri}: ")
    assert "access denied" in finding.what


@pytest.mark.parametrize("name", ["error-403-pod-security", "error-403-quota-exceeded"])
def test_a_pod_that_is_refused_is_told_in_the_clusters_words(name: str, cluster: Server) -> None:
    cluster.on(f"POST {CORE}/pods", body_of(f"jobs/{name}"), status_of(f"jobs/{name}"))
    (finding,) = found("s3://bucket/runs")
    assert finding.passed is False
    assert body_of(f"jobs/{name}")["message"] in finding.what
    assert "leave out --deep" in finding.remedy


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("unschedulable", "Unschedulable: 0/1 nodes are available: 1 Insufficient cpu"),
        ("image-pull", "ImagePullBackOff: Back-off pulling image"),
        ("secret-missing", 'CreateContainerConfigError: secret "nosuch-secret" not found'),
    ],
)
def test_a_pod_that_stays_pending_says_why_and_is_deleted(
    name: str, words: str, cluster: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_pod, "LIMIT_SECONDS", 0.05)
    (pod,) = body_of(f"jobs/{name}.pods")["items"]
    runner = PodRunner(cluster, status=pod["status"])
    (finding,) = found("s3://bucket/runs")
    assert finding.passed is False
    assert words in finding.what
    assert "kubectl get events --namespace team-a" in finding.remedy
    assert len(runner.deleted) == 1


def test_a_pod_that_hangs_in_its_creation_is_told_by_its_last_event(
    cluster: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_pod, "LIMIT_SECONDS", 0.05)
    PodRunner(cluster, status=container_in("Pending", {"waiting": {"reason": "ContainerCreating"}}))
    why = "the RuntimeClass handler does not support user namespaces"
    cluster.on(
        f"GET {CORE}/events", {"items": [event("Normal", "Scheduled", "to node1"), event("Warning", "Failed", why)]}
    )
    (finding,) = found("s3://bucket/runs")
    assert f"Failed: {why}" in finding.what


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (  # as a node says it whose devices went away: no container was ever tried
            {
                "phase": "Failed",
                "reason": "UnexpectedAdmissionError",
                "message": "Pod was rejected: no healthy devices",
            },
            "did not start: UnexpectedAdmissionError: Pod was rejected: no healthy devices",
        ),
        (
            container_in("Failed", {"waiting": {"reason": "ContainerCreating"}})
            | {
                "reason": "DeadlineExceeded",
                "message": "Pod was active on the node longer than the specified deadline",
            },
            "did not start: DeadlineExceeded: Pod was active on the node longer than the specified deadline",
        ),
    ],
    ids=["rejected", "its time was up"],
)
def test_a_pod_that_failed_before_its_container_began_says_why_and_is_not_asked_for_a_log(
    status: dict[str, Any], words: str, cluster: Server
) -> None:
    runner = PodRunner(cluster, status=status)
    (finding,) = found("s3://bucket/runs")
    assert finding.passed is False
    assert finding.what == f"a pod of scalequest {words}"
    assert not any(request.endswith("/log") for request, _ in cluster.asked)
    assert len(runner.deleted) == 1


def test_a_pod_outlives_the_time_that_it_is_waited_for(cluster: Server) -> None:
    pod = store_pod.pod_of(planned("s3://bucket/runs"), in_user_namespace=False)
    assert pod["spec"]["activeDeadlineSeconds"] == store_pod.LIMIT_SECONDS + 15


def test_a_pod_that_runs_and_runs_tells_its_last_line_and_is_deleted(
    cluster: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_pod, "LIMIT_SECONDS", 0.05)
    runner = PodRunner(cluster, status=container_in("Running", {"running": {"startedAt": "2026-11-29T12:00:00Z"}}))
    pod = store_pod.pod_of(planned("s3://bucket/runs"), in_user_namespace=False)
    monkeypatch.setattr(store_pod, "pod_of", lambda *_, **__: pod)
    name = pod["metadata"]["name"]
    cluster.on(f"GET {CORE}/pods/{name}/log", b"PUT s3://bucket: timed out; retrying in 0.5 s\n")
    (finding,) = found("s3://bucket/runs")
    assert finding.passed is False
    assert "did not finish" in finding.what
    assert finding.what.endswith("retrying in 0.5 s")
    assert runner.deleted == [name]


@pytest.mark.parametrize(("setting", "expected"), [("false", False), ("true", None), ("", None)])
def test_a_pod_stands_in_a_user_namespace_where_kubeflow_starts_steps_in_one(
    setting: str, expected: bool | None, cluster: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_pod, "LIMIT_SECONDS", 0.0)
    variable = {"name": "DEFAULT_SECURITY_CONTEXT_HOST_USERS", "value": setting}
    cluster.on(f"GET {KUBEFLOW_DEPLOYMENT}", deployment("2.17.0", variable))
    runner = PodRunner(cluster, status={"phase": "Pending"})
    found("s3://bucket/runs")
    assert runner.created[0]["spec"].get("hostUsers") is expected


def test_the_network_policy_and_the_mesh_treat_the_pod_as_a_step(cluster: Server) -> None:
    pod = store_pod.pod_of(planned("s3://bucket/runs"), in_user_namespace=False)
    assert pod["metadata"]["labels"]["pipelines.kubeflow.org/v2_component"] == "true"
    assert pod["metadata"]["labels"]["sidecar.istio.io/inject"] == "false"


_numbers = itertools.count()


def event(kind: str, reason: str, message: str) -> dict[str, Any]:
    metadata = {"name": f"event-{next(_numbers)}", "namespace": NAMESPACE}
    return {"metadata": metadata, "involvedObject": {}, "type": kind, "reason": reason, "message": message}


def test_the_pod_is_deleted_where_the_command_is_told_to_stop(kubeflow: Server, cluster: Server) -> None:
    runner = PodRunner(cluster, status={"phase": "Running"})
    options = [f"--namespace={NAMESPACE}", "--workspace=s3://bucket/runs", f"--host={kubeflow.url}", "--deep"]
    process = subprocess.Popen([sys.executable, "-c", "from pipelines.cli import main; main()", "doctor", *options])
    while not any(request.startswith(f"GET {CORE}/pods/") for request, _ in list(cluster.asked)):
        assert process.poll() is None
        time.sleep(0.05)
    process.terminate()
    assert process.wait() == 143
    assert len(runner.deleted) == 1
