import base64

import pytest

from pipelines.cluster.findings import Finding, PlannedRun
from pipelines.cluster.kubernetes_access import configure
from pipelines.cluster.options import Cluster
from pipelines.cluster.store_checks import check_store_access
from tests.pipelines.cluster.conftest import NAMESPACE, Server
from tests.pipelines.cluster.recorded import body_of, status_of

CORE = f"/api/v1/namespaces/{NAMESPACE}"
SECRET, ACCOUNT = f"GET {CORE}/secrets/scalequest-store", f"GET {CORE}/serviceaccounts/scalequest"
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@pytest.fixture(autouse=True)
def plain(cluster: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A cluster whose account names no cloud identity, and a caller who names no endpoint."""
    configure()
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    cluster.on(ACCOUNT, body_of("rbac/serviceaccount-scalequest"))
    cluster.on(SECRET, body_of("rbac/error-404-secret"), 404)
    return cluster


def found(workspace: str = "s3://bucket/runs", secret: str = "scalequest-store") -> Finding:
    run = PlannedRun(workspace=workspace, cluster=Cluster(namespace=NAMESPACE), store_secret=secret)
    return check_store_access(run)


def hold(server: Server, *keys: str) -> None:
    data = {key: base64.b64encode(b"value-nobody-sees").decode() for key in keys}
    server.on(SECRET, {"metadata": {"name": "scalequest-store"}, "data": data})


def test_a_secret_with_keys_and_endpoint_passes_and_shows_no_value(plain: Server) -> None:
    hold(plain, *KEYS, "AWS_ENDPOINT_URL")
    finding = found()
    assert finding.passed is True
    assert finding.text == f"the Secret scalequest-store gives every step {', '.join(KEYS)}, AWS_ENDPOINT_URL"


def test_half_of_the_keys_is_named_with_the_command(plain: Server) -> None:
    hold(plain, "AWS_ACCESS_KEY_ID")
    finding = found()
    assert finding.passed is False
    assert "has no key AWS_SECRET_ACCESS_KEY; give both: kubectl create secret generic scalequest-store" in finding.text


@pytest.mark.parametrize("keys", [(), KEYS], ids=["no Secret", "without endpoint"])
def test_a_store_of_ones_own_that_pods_do_not_know_is_named(
    keys: tuple[str, ...], plain: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://localhost:9000")
    if keys:
        hold(plain, *keys)
    finding = found()
    assert finding.passed is False
    assert "you reach the store at http://localhost:9000, but pods would use AWS; kubectl create secret" in finding.text
    assert "--from-literal=AWS_ENDPOINT_URL=…" in finding.text


@pytest.mark.parametrize(
    ("workspace", "annotation", "identity"),
    [
        ("s3://bucket/runs", "eks.amazonaws.com/role-arn", "arn:aws:iam::1:role/runs"),
        ("gs://bucket/runs", "iam.gke.io/gcp-service-account", "runs@project.iam"),
    ],
)
def test_an_account_with_a_cloud_identity_needs_no_secret(
    workspace: str, annotation: str, identity: str, plain: Server
) -> None:
    account = body_of("rbac/serviceaccount-scalequest")
    account["metadata"]["annotations"] |= {annotation: identity}
    plain.on(ACCOUNT, account)
    finding = found(workspace)
    assert finding.passed is True
    assert finding.text == f"steps reach the store as {identity} ({annotation} of the account scalequest)"


@pytest.mark.parametrize(
    ("workspace", "command", "value"),
    [
        ("s3://bucket/runs", "--from-literal=AWS_ACCESS_KEY_ID=…", "--set serviceAccount.awsRoleArn=…"),
        ("gs://bucket/runs", "--from-file=key.json=…", "--set serviceAccount.gcpServiceAccount=…"),
    ],
)
def test_an_account_with_neither_is_said_with_what_may_give_it(workspace: str, command: str, value: str) -> None:
    finding = found(workspace)
    assert finding.passed is None
    assert "does not exist, and the account scalequest names no cloud identity; fine if the cloud knows" in finding.text
    assert "add --deep: a pod tests it" in finding.text
    assert command in finding.text
    assert value in finding.text


def test_keys_that_no_step_takes_are_named(plain: Server) -> None:
    hold(plain, "accesskey", "secretkey")
    finding = found()
    assert finding.passed is None
    assert "no credentials for the store (steps use no other keys: accesskey, secretkey)" in finding.text


def test_a_key_file_of_googles_passes(plain: Server) -> None:
    hold(plain, "GOOGLE_APPLICATION_CREDENTIALS", "key.json")
    assert found("gs://bucket/runs").passed is True


def test_a_secret_that_may_not_be_looked_at_is_said(plain: Server) -> None:
    plain.on(SECRET, body_of("rbac/error-403-secret"), status_of("rbac/error-403-secret"))
    finding = found()
    assert finding.passed is None
    assert finding.text.endswith("could not be read (the Kubernetes API responds 403); add --deep: a pod tests it")


def test_another_name_is_looked_for_where_the_run_has_one(plain: Server) -> None:
    finding = found(secret="minio-keys")
    assert "the Secret minio-keys does not exist" in finding.text
    assert "kubectl create secret generic minio-keys --namespace team-a" in finding.text
