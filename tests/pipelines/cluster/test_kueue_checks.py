"""Which Kueue lets a Job grow and shrink while it runs, by the version and the feature gates of its controller."""

from typing import Any

import pytest

from pipelines.cluster.kubernetes_access import configure
from pipelines.cluster.kueue_checks import check_kueue
from tests.pipelines.cluster.conftest import KUEUE_DEPLOYMENT, Server, kueue

IMAGE = "registry.k8s.io/kueue/kueue"
ON, OFF = (f"--feature-gates=PartialAdmission=true,ElasticJobsViaWorkloadSlices={value}" for value in ("true", "false"))
RESTARTS = "restarts all pods of a queued Job whose number of pods changes; upgrade to 0.18"


@pytest.fixture(autouse=True)
def configured(cluster: Server) -> None:
    configure()


@pytest.mark.parametrize(
    ("image", "args", "passed", "said"),
    [
        (f"{IMAGE}:v0.19.2", [], True, "Kueue 0.19 lets a Job grow and shrink while it runs"),
        (f"{IMAGE}:v0.18.0@sha256:{'a' * 64}", [], True, "Kueue 0.18 lets"),
        (f"{IMAGE}:v0.17.4", [], None, f"Kueue 0.17 {RESTARTS}, or set --feature-gates=Elastic"),
        (f"{IMAGE}:v0.17.4", [ON], True, "Kueue 0.17 lets"),
        (f"{IMAGE}:v0.19.2", [OFF], None, f"Kueue 0.19 {RESTARTS}, or set"),
        (f"{IMAGE}:v0.12.1", [ON], None, f"Kueue 0.12 {RESTARTS}"),
        (f"mirror:5000/kueue@sha256:{'a' * 64}", [], None, "does not show in its image's tag; it has to be 0.18"),
    ],
)
def test_a_kueue_that_would_restart_pods_is_named_with_what_mends_it(
    image: str, args: list[str], passed: bool | None, said: str, cluster: Server
) -> None:
    cluster.on(f"GET {KUEUE_DEPLOYMENT}", kueue(image, *args))
    (finding,) = check_kueue()
    assert (finding.passed, said in finding.text) == (passed, True), finding.text


@pytest.mark.parametrize("status", [403, 404])
def test_a_kueue_that_cannot_be_seen_is_to_be_looked_at(status: int, cluster: Server) -> None:
    cluster.on(f"GET {KUEUE_DEPLOYMENT}", {"message": "no"}, status)
    (finding,) = check_kueue()
    assert finding.passed is None
    assert "so it is not known which Kueue this is" in finding.text


def test_without_kueue_there_is_nothing_to_say(cluster: Server) -> None:
    groups: dict[str, Any] = {"kind": "APIGroupList", "groups": []}
    cluster.on("GET /apis/", groups)
    assert list(check_kueue()) == []
