from pathlib import Path

import pytest

from pipelines.cluster.kubeflow_checks import check_kubeflow
from tests.pipelines.cluster.conftest import KUBEFLOW_DEPLOYMENT, NAMESPACE, Server, deployment
from tests.pipelines.cluster.recorded import body_of

HEALTHZ = "GET /apis/v1beta1/healthz"


def version(server: Server) -> tuple[bool | None, str]:
    finding = list(check_kubeflow(server.url, NAMESPACE))[1]
    return finding.passed, finding.text


@pytest.fixture
def untagged(kubeflow: Server, cluster: Server) -> Server:
    """A server that was built without its tag, as a real one answered."""
    kubeflow.on(HEALTHZ, body_of("kfp/healthz.v1beta1"))
    return kubeflow


SUPPORTED = "supported: 2.17.0 to 2.18.x, tested: 2.17.0"


@pytest.mark.parametrize(
    ("tag", "passed", "words"),
    [
        ("2.17.0", True, f"has the version 2.17.0: {SUPPORTED}"),
        ("v2.18.3", True, f"has the version v2.18.3: {SUPPORTED}"),
        ("2.16.1", False, f"2.16.1, which is too old: {SUPPORTED}; upgrade it to 2.17.0 or newer"),
        ("2.17.0-rc.1", False, "2.17.0-rc.1, which is too old"),
        ("2.19.0", False, f"2.19.0, which is too new: {SUPPORTED}; install 2.18, or a newer scalequest"),
    ],
)
def test_the_version_that_the_api_says_is_judged(tag: str, passed: bool, words: str, kubeflow: Server) -> None:
    kubeflow.on(HEALTHZ, {"tag_name": tag})
    found = version(kubeflow)
    assert found[0] is passed
    assert words in found[1]


@pytest.mark.parametrize(
    ("tag", "passed", "words"),
    [
        ("2.17.0", True, "has the version 2.17.0, from the image of ml-pipeline: supported: "),
        ("2.17.1@sha256:0123", True, "has the version 2.17.1, from the image of ml-pipeline"),
        ("2.14.3", False, "2.14.3, from the image of ml-pipeline, which is too old"),
        ("master", None, f"does not report its version (it says 'unknown'); {SUPPORTED}; see: kubectl get deployment"),
    ],
)
def test_a_version_that_the_api_does_not_say_is_that_of_its_image(
    tag: str, passed: bool | None, words: str, untagged: Server
) -> None:
    untagged.on(f"GET {KUBEFLOW_DEPLOYMENT}", deployment(tag))
    found = version(untagged)
    assert found[0] is passed
    assert words in found[1]


@pytest.mark.parametrize("status", [404, 501])
def test_a_server_without_the_old_api_has_the_version_of_its_image(status: int, untagged: Server) -> None:
    untagged.on(HEALTHZ, {"code": 5, "message": "Not Found"}, status)
    passed, words = version(untagged)
    assert passed
    assert words == f"Kubeflow Pipelines has the version 2.17.0, from the image of ml-pipeline: {SUPPORTED}"


def test_a_server_that_wants_a_token_gets_it_with_each_request(guarded: Server) -> None:
    findings = list(check_kubeflow(guarded.url, NAMESPACE))
    assert [finding.passed for finding in findings] == [True, True, True]
    assert guarded.authorizations == {"Bearer secret"}


def test_an_image_that_is_named_by_digest_alone_says_no_version(untagged: Server) -> None:
    by_digest = deployment("x")
    by_digest["spec"]["template"]["spec"]["containers"][0]["image"] = "mirror:5000/kfp-api-server@sha256:2170"
    untagged.on(f"GET {KUBEFLOW_DEPLOYMENT}", by_digest)
    assert version(untagged)[0] is None


def test_a_deployment_that_may_not_be_looked_at_leaves_the_version_open(untagged: Server) -> None:
    untagged.on(f"GET {KUBEFLOW_DEPLOYMENT}", {"kind": "Status"}, 403)
    assert version(untagged)[0] is None


def test_without_a_cluster_configured_the_version_is_left_open(
    untagged: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "nothing"))
    assert version(untagged)[0] is None
