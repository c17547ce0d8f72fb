from typing import Any

import pytest

from components.shared.errors import InputError
from pipelines.cluster.kubernetes_access import configure
from pipelines.cluster.launcher_checks import check_launcher, secret_of
from tests.pipelines.cluster.conftest import NAMESPACE, RIGHTS, Server
from tests.pipelines.cluster.recorded import body_of, status_of

CORE = f"/api/v1/namespaces/{NAMESPACE}"
CONFIG_MAP = f"GET {CORE}/configmaps/kfp-launcher"
SECRET = f"GET {CORE}/secrets/mlpipeline-minio-artifact"


@pytest.fixture
def plain(cluster: Server) -> Server:
    """Kubeflow's own installation: no ConfigMap, and its own store with its Secret."""
    configure()
    cluster.on(CONFIG_MAP, {}, 404)
    cluster.on(SECRET, {"metadata": {"name": "mlpipeline-minio-artifact"}, "data": {"accesskey": "eA=="}})
    return cluster


def found(server: Server) -> list[tuple[bool | None, str]]:
    return [(finding.passed, finding.text) for finding in check_launcher(NAMESPACE, "scalequest")]


def test_the_account_is_asked_about_the_secret_of_kubeflows_own_store(plain: Server) -> None:
    plain.on(f"POST {RIGHTS}", lambda review: review | {"status": body_of("rbac/account-allowed")["status"]}, 201)
    assert found(plain) == [
        (True, "Kubeflow's artifacts go to minio://mlpipeline/v2/artifacts, with the keys in the Secret "
         "mlpipeline-minio-artifact"),
        (True, "the service account scalequest may read the Secret mlpipeline-minio-artifact"),
    ]  # fmt: skip
    asked = plain.body_of(f"POST {RIGHTS}")["spec"]
    assert asked["user"] == "system:serviceaccount:team-a:scalequest"
    attributes = {"namespace": NAMESPACE, "verb": "get", "group": "", "resource": "secrets"}
    assert asked["resourceAttributes"] == attributes | {"name": "mlpipeline-minio-artifact"}


def test_an_account_that_may_not_read_that_secret_is_named_with_the_value_to_set(plain: Server) -> None:
    plain.on(f"POST {RIGHTS}", lambda review: review | {"status": body_of("rbac/account-denied")["status"]}, 201)
    passed, text = found(plain)[-1]
    assert passed is False
    assert (
        "the service account scalequest may not get secrets/mlpipeline-minio-artifact in team-a; helm upgrade" in text
    )
    assert text.endswith("--set secrets.pipelineStore.name=mlpipeline-minio-artifact")


def test_who_may_not_ask_for_the_account_is_told_what_is_assumed(plain: Server) -> None:
    name = "rbac/error-403-asking-about-another-account"
    plain.on(f"POST {RIGHTS}", body_of(name), status_of(name))
    passed, text = found(plain)[-1]
    assert passed is None
    assert (
        ": not known, assumed to be so; the Kubernetes API responds 403; ask an administrator to run: kubectl "
        "auth can-i " in text
    )
    assert "get secrets/mlpipeline-minio-artifact -n team-a --as system:serviceaccount:team-a:scalequest" in text


def test_a_secret_that_does_not_exist_is_named(plain: Server) -> None:
    plain.on(SECRET, body_of("rbac/error-404-secret"), 404)
    assert (False, "the Secret mlpipeline-minio-artifact does not exist in team-a; create it, or set another "
    "root in the "
            "ConfigMap kfp-launcher (manifests/cluster-admin)") in found(plain)  # fmt: skip


def test_a_secret_that_may_not_be_looked_at_is_no_fault(plain: Server) -> None:
    plain.on(SECRET, body_of("rbac/error-403-secret"), 403)
    assert [passed for passed, _ in found(plain)] == [True, True]


def test_a_config_map_that_may_not_be_looked_at_leaves_kubeflows_defaults(plain: Server) -> None:
    plain.on(CONFIG_MAP, {"kind": "Status", "code": 403}, 403)
    unknown, root, _ = found(plain)
    assert unknown[0] is None
    assert "so Kubeflow's defaults are assumed" in unknown[1]
    assert "minio://mlpipeline/v2/artifacts" in root[1]


def test_a_root_with_the_runs_own_identity_needs_no_secret(plain: Server) -> None:
    plain.on(CONFIG_MAP, {"data": {"defaultPipelineRoot": "gs://bucket/kfp", "providers": ENVIRONMENT}})
    what = "Kubeflow's artifacts go to gs://bucket/kfp, with the credentials of a run's pods"
    assert found(plain) == [(True, what)]


def test_providers_that_the_launcher_refuses_are_named(plain: Server) -> None:
    plain.on(
        CONFIG_MAP, {"data": {"defaultPipelineRoot": "s3://bucket/kfp", "providers": "s3: {default: {region: r}}"}}
    )
    ((passed, text),) = found(plain)
    assert passed is False
    assert "neither credentials.fromEnv nor credentials.secretRef.secretName" in text
    assert "kfp-launcher-s3.yaml" in text


ENVIRONMENT = "gs: {default: {credentials: {fromEnv: true}}}"
KEYS = "s3: {default: {credentials: {fromEnv: false, secretRef: {secretName: keys}}}}"
OVERRIDES = """
s3:
  default: {credentials: {fromEnv: true}}
  overrides:
    - {bucketName: bucket, keyPrefix: other, credentials: {secretRef: {secretName: others}}}
    - {bucketName: bucket, keyPrefix: kfp, credentials: {secretRef: {secretName: keys}}}
"""


@pytest.mark.parametrize(
    ("root", "providers", "secret"),
    [
        ("minio://mlpipeline/v2/artifacts", "", "mlpipeline-minio-artifact"),
        ("minio://mlpipeline/v2?endpoint=minio:9000", "", ""),
        ("minio://mlpipeline/v2", KEYS.replace("s3:", "minio:"), "keys"),
        ("s3://bucket/kfp", "", ""),
        ("s3://bucket/kfp", KEYS, "keys"),
        ("gs://bucket/kfp", KEYS, ""),
        ("s3://bucket/kfp", OVERRIDES, "keys"),
        ("s3://another/kfp", OVERRIDES, ""),
    ],
)
def test_the_secret_is_the_one_that_the_launcher_takes(root: str, providers: str, secret: str) -> None:
    assert secret_of(root, providers) == secret


@pytest.mark.parametrize("providers", ["s3: [", "s3: yes", "s3: {default: {credentials: {secretRef: {}}}}"])
def test_providers_that_are_no_providers_are_refused(providers: Any) -> None:
    with pytest.raises(InputError, match="its "):
        secret_of("s3://bucket/kfp", providers)
