import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.cluster import kubernetes_checks, package
from pipelines.cluster.doctor_command import examine
from pipelines.cluster.findings import PlannedRun
from pipelines.cluster.options import Cluster
from tests.fault_proxy import fault_proxy, new_clients
from tests.manifests.trainer_rights import rights_of_a_step
from tests.pipelines.cluster.conftest import NAMESPACE, QUEUE, RIGHTS, RUNTIME, Server, kubeconfig_of, node
from tests.pipelines.cluster.pod_runner import PodRunner
from tests.stores import READER, Store, new_bucket

CORE = f"/api/v1/namespaces/{NAMESPACE}"
RIGHTS_OF_EVERY_STEP = {
    ("create", "workflowtaskresults"),
    ("patch", "workflowtaskresults"),
    ("get", "pods"),
    ("get", "configmaps"),
}
RIGHTS_OF_JOBS = {(verb, "jobs") for verb in ("create", "get", "list", "watch", "patch", "delete")} | {
    ("list", "pods"),
    ("get", "pods/log"),
    ("get", "configmaps"),
}
REVIEWS = "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


@pytest.fixture(autouse=True)
def released(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a release: a checkout before one has nothing to pin."""
    monkeypatch.setattr(package, "images_without_digest", lambda _: [])


@pytest.fixture
def healthy(kubeflow: Server, cluster: Server) -> Server:
    """A cluster where everything is as a run needs it: one server speaks both APIs."""
    assert kubeflow is cluster
    return cluster


@pytest.fixture
def workspace(gs_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    """A place in a bucket."""
    monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
    for name, value in gs_environment.items():
        monkeypatch.setenv(name, value)
    return new_bucket("gs")


def examined(
    server: Server,
    workspace: str,
    capsys: pytest.CaptureFixture[str],
    host: str = "",
    training_nodes: int = 1,
    deep: bool = False,
    **changes: Any,
) -> tuple[int, str]:
    cluster = Cluster(**{"host": host or server.url, "namespace": NAMESPACE, **changes})
    run = PlannedRun(
        workspace=workspace, cluster=cluster, training_nodes=training_nodes, store_secret="scalequest-store"
    )
    code = examine(run, deep=deep)
    return code, capsys.readouterr().out


def test_all_is_well_where_everything_is_there(
    healthy: Server, remote_store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = dict(remote_store.environment) if remote_store.uri.startswith("s3:") else {}
    runner = PodRunner(healthy, {"scalequest-store": keys})
    code, output = examined(healthy, remote_store.uri, capsys, deep=True)
    assert code == 0, output
    assert output.splitlines()[-1].endswith("0 failed, 0 to look at")
    assert "version 2.17.0" in output
    assert "a training pod fits the node gpu-1" in output
    assert f"from here, workspace {remote_store.uri}: an existing object is not overwritten" in output
    assert f"in a pod of scalequest: workspace {remote_store.uri}: an existing object is not overwritten" in output
    assert len(runner.deleted) == 1
    assert "secret-token" not in output
    assert "writer-secret" not in output


def test_as_json_each_check_is_a_fact(healthy: Server, s3_store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    cluster = Cluster(host=healthy.url, namespace=NAMESPACE)
    run = PlannedRun(workspace=s3_store.uri, cluster=cluster, store_secret="scalequest-store")
    PodRunner(healthy, {"scalequest-store": dict(s3_store.environment)})
    assert examine(run, deep=False, as_json=True) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["failed"], {each["passed"] for each in told["checks"]}) == (0, {True})
    assert any("version 2.17.0" in each["what"] for each in told["checks"])


def test_what_the_caller_may_not_do_fails_nothing_where_a_pod_could(
    healthy: Server, s3_store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    PodRunner(healthy, {"scalequest-store": dict(s3_store.environment)})
    with new_clients():
        for name, value in READER.items():
            monkeypatch.setenv(name, value)
        code, output = examined(healthy, s3_store.uri, capsys, deep=True)
    assert code == 0, output
    assert f"in a pod of scalequest: workspace {s3_store.uri}: can be written" in output
    assert f"?   from here, workspace {s3_store.uri}: " in output


def test_a_workspace_that_pods_do_not_share_is_refused_at_once(
    healthy: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = PlannedRun(
        workspace=str(tmp_path), cluster=Cluster(namespace=NAMESPACE, host=healthy.url), store_secret="scalequest-store"
    )
    assert examine(run, deep=True) == 2
    out, message = capsys.readouterr()
    assert f"--workspace '{tmp_path}' is a directory, which pods do not share; use gs://… or s3://…" in message
    assert (out, healthy.asked) == ("", [])


@pytest.mark.parametrize("name", ["", "a.b"])
def test_a_name_that_no_secret_of_a_pod_has_is_refused_at_once(
    name: str, healthy: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = Cluster(namespace=NAMESPACE, host=healthy.url)
    assert examine(PlannedRun(workspace="s3://bucket/runs", cluster=cluster, store_secret=name), deep=True) == 2
    assert f"store_secret {name!r} is not a valid name of a Secret" in capsys.readouterr().err
    assert healthy.asked == []


@pytest.mark.parametrize(
    ("request_", "status", "body", "line"),
    [
        ("GET /apis/v1beta1/healthz", 200, {"tag_name": "2.16.1"}, "version 2.16.1, which is too old: supported: "),
        (f"GET {CORE}", 404, {}, "the namespace team-a does not exist; create it, or check --namespace"),
        (f"GET {CORE}/serviceaccounts/scalequest", 404, {}, "scalequest does not exist; install the Helm chart"),
        (REVIEWS, 201, {"status": {"allowed": False}}, "you may not create runs.pipelines.kubeflow.org in team-a"),
        (f"POST {RIGHTS}", 201, {"status": {"allowed": False}}, "the service account scalequest may not create "
         "workflowtaskresults.argoproj.io, patch workflowtaskresults.argoproj.io, get pods, get "
         "configmaps/kfp-launcher in team-a; the role"),
        (f"GET {QUEUE}", 404, {}, "the LocalQueue scalequest-gpu does not exist; GPU steps would wait forever"),
        (f"GET {QUEUE}", 200, {"status": {"conditions": [{"type": "Active", "status": "False", "message": "no CQ"}]}},
         "does not admit pods; check its ClusterQueue: no CQ"),
        ("GET /api/v1/nodes", 200, {"items": [node(**{"nvidia.com/gpu": "0"})]}, "is the GPU driver installed"),
        ("GET /api/v1/nodes", 200, {"items": [node(memory="600Gi")]}, "fits none of the nodes, such as gpu-1"),
        ("GET /api/v1/nodes", 200, {"items": [node(**{"ephemeral-storage": "17Gi"})]}, "(nvidia.com/gpu 8, cpu 95690m, "
         "memory 1220Gi, ephemeral-storage 17Gi); is the GPU driver installed on them, are their local disks joined"),
        (f"GET {CORE}/secrets/rewriter-key", 200, {"data": {"apikey": "eA=="}},
         "the Secret rewriter-key has no key 'key'; create it: kubectl create secret generic rewriter-key"),
    ],
)  # fmt: skip
def test_what_is_missing_is_named_with_how_to_fix_it(
    request_: str,
    status: int,
    body: Any,
    line: str,
    healthy: Server,
    workspace: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    healthy.on(request_, (lambda sent: sent | body) if request_.startswith("POST") else body, status)
    code, output = examined(healthy, workspace, capsys)
    assert code == 2
    assert line in output


@pytest.mark.parametrize(
    ("request_", "status", "line"),
    [
        (
            f"GET {CORE}/secrets/huggingface-token",
            403,
            "the Secret huggingface-token could not be read (the Kubernetes API responds 403); only ",
        ),
        (
            "GET /api/v1/nodes",
            403,
            "could not be read (the Kubernetes API responds 403); manifests/cluster-admin/doctor.yaml allows it",
        ),
        (
            f"GET {CORE}/secrets/rewriter-key",
            500,
            "rewriter-key: the Kubernetes API responds 500 Internal Server Error",
        ),
        (f"GET {QUEUE}", 500, "the LocalQueue scalequest-gpu: the Kubernetes API responds 500 Internal Server Error"),
        (
            f"POST {RIGHTS}",
            403,
            "the Kubernetes API responds 403; ask an administrator to run: kubectl auth can-i create "
            "workflowtaskresults.argoproj.io -n team-a --as system:serviceaccount:team-a:scalequest",
        ),
        ("GET /apis/v2beta1/healthz", 200, "in its own namespace; prepare that one if it is not team-a"),
    ],
)
def test_what_may_not_be_looked_at_is_said_and_does_not_fail(
    request_: str, status: int, line: str, healthy: Server, workspace: str, capsys: pytest.CaptureFixture[str]
) -> None:
    healthy.on(request_, {}, status)
    code, output = examined(healthy, workspace, capsys)
    assert code == 0
    assert line in output
    asked = 2 if RIGHTS in request_ else 1  # of the account: what every step needs, what Jobs need
    assert f"{asked} to look at" in output


def test_a_queue_is_not_needed_where_kueue_is_not_installed(
    healthy: Server, workspace: str, capsys: pytest.CaptureFixture[str]
) -> None:
    healthy.on("GET /apis/", {"kind": "APIGroupList", "groups": []})
    code, output = examined(healthy, workspace, capsys)
    assert code == 0
    assert "Kueue is not installed: GPU steps start as soon as there are nodes" in output


@pytest.mark.parametrize("label", ["nvidia.com/cuda.driver-version.major", "nvidia.com/cuda.driver.major"])
def test_a_driver_that_is_too_old_is_named(
    label: str, healthy: Server, workspace: str, capsys: pytest.CaptureFixture[str]
) -> None:
    old = node()
    old["metadata"]["labels"] = {label: "550"}
    healthy.on("GET /api/v1/nodes", {"items": [node(), old]})
    code, output = examined(healthy, workspace, capsys)
    assert code == 2
    assert "GPU driver 550; the images' CUDA 13 needs 580 or newer" in output


def test_a_kubeflow_that_does_not_answer_leaves_the_other_checks(
    cluster: Server, workspace: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, output = examined(cluster, workspace, capsys, host="http://127.0.0.1:9")
    assert code == 2
    assert "http://127.0.0.1:9 does not respond" in output
    assert "the service account scalequest exists" in output
    assert "can be written" in output


def test_without_a_cluster_configured_the_other_checks_are_made(
    kubeflow: Server,
    workspace: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "nothing"))
    code, output = examined(kubeflow, workspace, capsys)
    assert code == 2
    assert "no Kubernetes cluster is configured" in output


def test_a_cluster_that_never_answers_leaves_the_other_checks(
    kubeflow: Server,
    silent: str,
    workspace: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig_of(silent, tmp_path)))
    monkeypatch.setattr(kubernetes_checks, "TIMEOUT", (5, 0.1))
    code, output = examined(kubeflow, workspace, capsys)
    assert code == 2
    assert "the Kubernetes API does not respond" in output
    assert "can be written" in output


def test_a_bucket_without_exclusive_create_is_named(
    healthy: Server, gs_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with fault_proxy(gs_environment["STORAGE_EMULATOR_HOST"], share=0) as proxy, new_clients():
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", proxy.url)
        workspace = new_bucket("gs")
        proxy.forgotten = "ifGenerationMatch"
        code, output = examined(healthy, workspace, capsys)
    assert code == 2
    assert f"workspace {workspace}: can be written" in output
    assert "an existing object was overwritten; this store does not honour preconditions" in output
    assert "1 failed" in output


def test_a_bucket_that_may_only_be_read_is_named(
    healthy: Server, s3_store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with new_clients():
        for name, value in READER.items():
            monkeypatch.setenv(name, value)
        code, output = examined(healthy, s3_store.uri, capsys)
    assert code == 2
    assert f"workspace {s3_store.uri}: " in output
    assert "can be written" not in output
    assert "Traceback" not in output


def test_a_bucket_that_is_not_there_is_named(
    healthy: Server, gs_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gs_environment["STORAGE_EMULATOR_HOST"])
    missing = "gs://no-such-bucket-at-all/runs"  # the S3 server of the tests would make it
    code, output = examined(healthy, missing, capsys)
    assert code == 2
    assert f"workspace {missing}: " in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("changes", "expected", "line"),
    [
        ({}, 2, "name images by tag (scalequest/cpu:0.1.0); release them (make release-images REGISTRY=…)"),
        ({"allow_tags": True}, 0, "name images by tag (scalequest/cpu:0.1.0); release them"),
        ({"profile": "local"}, 0, "name images by tag (scalequest/cpu:0.1.0): they have to be on the node"),
    ],
)
def test_images_that_were_not_released_are_named(
    changes: dict[str, Any],
    expected: int,
    line: str,
    healthy: Server,
    workspace: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(package, "images_without_digest", lambda _: ["scalequest/cpu:0.1.0"])
    code, output = examined(healthy, workspace, capsys, **changes)
    assert code == expected, output
    assert line in output


def test_all_that_submit_asks_of_kubeflow_is_among_the_rights_that_are_looked_at(
    healthy: Server, workspace: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, output = examined(healthy, workspace, capsys)
    assert code == 0, output
    asked = {_right_of(body["spec"]) for request, body in healthy.asked if request == REVIEWS}
    assert {("create", "runs"), ("list", "runs"), ("create", "experiments")} <= asked


@pytest.mark.parametrize("changes", [{"queue": False}, {"profile": "local"}], ids=str)
def test_no_queue_is_looked_for_where_none_is_used(
    changes: dict[str, Any], healthy: Server, workspace: str, capsys: pytest.CaptureFixture[str]
) -> None:
    healthy.on(f"GET {QUEUE}", {}, 404)
    code, output = examined(healthy, workspace, capsys, **changes)
    assert code == 0, output
    assert "GPU steps do not wait in a queue" in output


# --- trainings on several nodes ----------------------------------------------------------------------------------


def test_a_training_on_several_nodes_has_its_runtime_and_its_rights_looked_at(
    healthy: Server, workspace: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, output = examined(healthy, workspace, capsys, training_nodes=2)
    assert code == 0, output
    assert "Kubeflow Trainer is installed (trainer.kubeflow.org/v1alpha1)" in output
    assert "the TrainingRuntime scalequest-training exists" in output
    assert "the service account scalequest may start TrainJobs and follow them" in output
    assert _rights_asked_for(healthy) == rights_of_a_step() | RIGHTS_OF_JOBS | RIGHTS_OF_EVERY_STEP


def test_one_node_asks_nothing_of_kubeflow_trainer(
    healthy: Server, workspace: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, output = examined(healthy, workspace, capsys)
    assert code == 0
    assert "Trainer" not in output
    assert _rights_asked_for(healthy) == RIGHTS_OF_JOBS | RIGHTS_OF_EVERY_STEP


def test_an_account_that_may_make_no_jobs_is_told_how_to_do_without_them(
    healthy: Server, workspace: str, capsys: pytest.CaptureFixture[str]
) -> None:
    healthy.on(
        f"POST {RIGHTS}",
        lambda review: review | {"status": {"allowed": _right_of(review["spec"])[1] != "jobs"}},
    )
    code, output = examined(healthy, workspace, capsys)
    assert code == 2
    assert "may not create jobs.batch, get jobs.batch" in output
    assert "helm upgrade --set gpuWork=job; where runs may make no Jobs, submit with --gpu-work task" in output
    healthy.asked.clear()
    code, output = examined(healthy, workspace, capsys, gpu_work="task")
    assert (code, _rights_asked_for(healthy)) == (0, RIGHTS_OF_EVERY_STEP), output


@pytest.mark.parametrize(
    ("request_", "status", "body", "expected", "line"),
    [
        ("GET /apis/", 200, {"kind": "APIGroupList", "groups": []}, 2,
         "Kubeflow Trainer is not installed (trainer.kubeflow.org/v1alpha1); install 2.2 or newer, or train on one"),
        (f"GET {RUNTIME}", 404, {}, 2,
         "the TrainingRuntime scalequest-training does not exist; helm upgrade --set trainer.enabled=true"),
        (f"GET {RUNTIME}", 403, {}, 0, "the TrainingRuntime scalequest-training could not be read; see: kubectl"),
        (f"GET {RUNTIME}", 200, {"metadata": {"name": "scalequest-training"}}, 0,
         "exists, without the label kueue.x-k8s.io/queue-name; two trainings at the same time may each wait for "
         "the other's"),
        (f"POST {RIGHTS}", 403, {}, 0,
         "the service account scalequest may start TrainJobs and follow them: not known, assumed to be so; the "
         "Kubernetes API responds 403; ask an administrator to run: kubectl auth can-i create "
         "trainjobs.trainer.kubeflow.org -n team-a --as system:"),
    ],
)  # fmt: skip
def test_what_a_training_on_several_nodes_lacks_is_named(
    request_: str,
    status: int,
    body: Any,
    expected: int,
    line: str,
    healthy: Server,
    workspace: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    healthy.on(request_, body, status)
    code, output = examined(healthy, workspace, capsys, training_nodes=2)
    assert code == expected, output
    assert line in output


def test_the_rights_that_the_steps_account_lacks_are_named(
    healthy: Server, workspace: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def base_only(review: dict[str, Any]) -> dict[str, Any]:
        return review | {
            "status": {"allowed": _right_of(review["spec"])[1] in ("pods", "workflowtaskresults", "configmaps")}
        }

    healthy.on(f"POST {RIGHTS}", base_only)
    code, output = examined(healthy, workspace, capsys, training_nodes=2)
    assert code == 2
    assert "the service account scalequest may not create trainjobs.trainer.kubeflow.org, get trainingru" in output
    lacking = "get pods/log, list jobs.batch, patch jobs.batch in team-a; helm upgrade --set trainer.enabled=true"
    assert lacking in output
    assert "get pods," not in output


def _rights_asked_for(server: Server) -> set[tuple[str, str]]:
    """Return the rights that the steps' account was asked about, each in its namespace."""
    reviews = [body["spec"] for asked, body in server.asked if asked == f"POST {RIGHTS}"]
    assert {each["user"] for each in reviews} == {f"system:serviceaccount:{NAMESPACE}:scalequest"}
    assert all(each["resourceAttributes"]["namespace"] == NAMESPACE for each in reviews)
    return set(map(_right_of, reviews))


def _right_of(review: dict[str, Any]) -> tuple[str, str]:
    """Return the verb and the resource that a review asks for."""
    attributes = review["resourceAttributes"]
    name = "/".join(attributes[key] for key in ("resource", "subresource") if attributes.get(key))
    return attributes["verb"], name
