"""A form that is right, in a pod of a namespace where something is not."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.shared.errors import ExitCode
from components.shared.jobs.job_profiles import profile_of_json
from pipelines.hardware_profiles import PROFILES
from pipelines.run_checks import check_task, own_account
from tests.components.shared.kubernetes_server import write_kubeconfig
from tests.pipelines.cluster.conftest import CLUSTER_QUEUE, NAMESPACE, QUEUE, QUOTA, Server
from tests.pipelines.run_checks.forms import Checked, check_form

CONFIG_MAP = f"/api/v1/namespaces/{NAMESPACE}/configmaps/scalequest-profiles"
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
DEFAULT = "like: gke-a100-80g\nqueue: scalequest-gpu\nservice_account: scalequest\n"


@pytest.fixture(autouse=True)
def pod(cluster: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A pod of the namespace, whose workspace is a directory that is not gone with it."""
    write_kubeconfig(tmp_path / "kubeconfig", cluster.url, NAMESPACE)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.delenv("KUBERNETES_SERVICE_PORT", raising=False)
    monkeypatch.setattr(check_task, "refuse_pod_disk", lambda *_, **__: None)
    files = {path.name: path.read_text() for path in PROFILES.glob("*.yaml")}
    cluster.on(f"GET {CONFIG_MAP}", {"data": {**files, "default.yaml": DEFAULT}})
    active = {"conditions": [{"type": "Active", "status": "True"}]}
    cluster.on(f"GET {CLUSTER_QUEUE}", {"spec": {"namespaceSelector": {}, "resourceGroups": [QUOTA]}, "status": active})
    return cluster


def checked_in_pod(tmp_path: Path, capsys: pytest.CaptureFixture[str], **fields: Any) -> Checked:
    return check_form("smoke", {"profile": "default", **fields}, tmp_path, capsys)


def test_the_profile_is_that_of_the_namespace_and_its_queue_is_looked_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checked = checked_in_pod(tmp_path, capsys)
    assert checked.exit_code == ExitCode.DONE, checked.message
    profile = profile_of_json(checked.output("profile"))
    assert (profile.queue, profile.tasks["training"].gpus) == ("scalequest-gpu", "8")
    assert checked.output("training_gpus") == "0"
    page = checked.page.replace("\\", "")
    assert "profile gke-a100-80g: the LocalQueue scalequest-gpu admits pods" in page
    assert "gpu_work job: the account of this pod may make and follow Jobs in" in page


@pytest.mark.parametrize(
    ("request_", "status", "answer", "message"),
    [
        (
            f"GET {QUEUE}",
            404,
            {},
            "profile gke-a100-80g: the LocalQueue scalequest-gpu does not exist; GPU steps would",
        ),
        (
            f"GET {CLUSTER_QUEUE}",
            200,
            {"spec": {"namespaceSelector": {}, "resourceGroups": []}},
            "the ClusterQueue gpus never has quota for a training pod (nvidia.com/gpu 8, cpu 88, memory 1100Gi)",
        ),
        (
            f"POST {REVIEWS}",
            201,
            {"spec": {}, "status": {"allowed": False}},
            "gpu_work job: the account of this pod may not create jobs.batch, get jobs.batch, ",
        ),
        (
            f"GET {CONFIG_MAP}",
            404,
            {},
            "there is no ConfigMap scalequest-profiles in the namespace team-a; the ",
        ),
        (
            f"GET {CONFIG_MAP}",
            403,
            {"message": 'User "x" cannot get resource "configmaps"', "kind": "Status"},
            "the Role scalequest-step of the Helm chart, or of manifests/base, allows it to the account of runs",
        ),
    ],
)
def test_what_the_namespace_lacks_is_one_message(
    request_: str,
    status: int,
    answer: dict[str, Any],
    message: str,
    cluster: Server,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    cluster.on(request_, answer, status)
    checked = checked_in_pod(tmp_path, capsys)
    assert checked.exit_code == ExitCode.BAD_INPUT
    assert message in checked.message


def test_where_tasks_do_the_work_no_right_to_make_jobs_is_asked_for(
    cluster: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.on(f"POST {REVIEWS}", {"spec": {}, "status": {"allowed": False}}, 201)
    checked = checked_in_pod(tmp_path, capsys, gpu_work="task")
    assert checked.exit_code == ExitCode.DONE, checked.message
    assert (checked.output("training_gpus"), checked.output("profile")) == ("8", "")


def test_a_cluster_queue_that_the_account_may_not_see_is_no_reason_to_refuse_a_run(
    cluster: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.on(f"GET {CLUSTER_QUEUE}", {"message": "forbidden"}, 403)
    checked = checked_in_pod(tmp_path, capsys)
    assert checked.exit_code == ExitCode.DONE, checked.message
    assert "not known" in checked.page


@pytest.mark.parametrize(("account", "says"), [("pipeline-runner", True), ("scalequest", False)])
def test_a_run_says_which_account_it_has_and_which_was_meant(
    account: str,
    says: bool,
    cluster: Server,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    be(monkeypatch, tmp_path, account)
    advice = "the run's service account is pipeline-runner, and scalequest was meant: Clone and New run"
    checked = checked_in_pod(tmp_path, capsys)
    assert f"| Service account | {account} |" in checked.page.replace("\\", "")
    assert (advice in checked.page.replace("\\", "").replace("&#39;", "'")) == says
    assert advice not in checked_in_pod(tmp_path, capsys, engine="gpt").message
    cluster.on(f"POST {REVIEWS}", {"spec": {}, "status": {"allowed": False}}, 201)
    refused = checked_in_pod(tmp_path, capsys).message
    assert f"the account {account} may not create jobs.batch" in refused
    assert (advice in refused) == says


@pytest.mark.parametrize("profile", ["default", "local", "gke-a100-80g", '{"service_account": "ml-runs"}'])
def test_the_account_that_was_meant_is_that_of_the_chart_or_of_what_was_submitted(
    profile: str, cluster: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {path.name: path.read_text() for path in PROFILES.glob("*.yaml")}
    default = DEFAULT.replace("account: scalequest", "account: ml-runs")
    cluster.on(f"GET {CONFIG_MAP}", {"data": {**files, "default.yaml": default}})
    cluster.on(f"POST {REVIEWS}", {"spec": {}, "status": {"allowed": False}}, 201)
    if profile.startswith("{"):
        profile = json.dumps({"tasks": yaml.safe_load(files["local.yaml"])["tasks"], **json.loads(profile)})
    be(monkeypatch, tmp_path, "ml-runs")
    assert "was meant" not in checked_in_pod(tmp_path, capsys, profile=profile).message
    be(monkeypatch, tmp_path, "pipeline-runner")
    assert "is pipeline-runner, and ml-runs was meant" in checked_in_pod(tmp_path, capsys, profile=profile).message


def be(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, account: str) -> None:
    """Have the token of a service account, as a pod has."""
    subject = json.dumps({"sub": f"system:serviceaccount:{NAMESPACE}:{account}"}).encode()
    token = tmp_path / "token"
    token.write_text(f"e30.{base64.urlsafe_b64encode(subject).decode().rstrip('=')}.x")
    monkeypatch.setattr(own_account, "TOKEN", str(token))
