from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.compiled_pipeline import COMPILED, executors_on_kubernetes, read_documents
from tests.helm.matrix import IMAGES, MATRIX
from tests.helm.objects import find_all
from tests.manifests.pod_security import pod_metadata_of, pods_of, violations
from tests.manifests.schemas import kubernetes_versions, problems_of
from tests.manifests.tools import CHART, Objects, Tools


@pytest.mark.parametrize("values", [None, *sorted((CHART / "examples").glob("*.yaml"))], ids=str)
def test_the_strict_lint_is_content(values: Path | None, tools: Tools) -> None:
    assert tools.lint(*([values] if values else [])) == ""


@pytest.mark.parametrize("version", kubernetes_versions())
def test_every_supported_kubernetes_takes_what_is_rendered(version: str, rendered: dict[str, Objects]) -> None:
    assert {name: found for name, objects in rendered.items() if (found := problems_of(objects, version))} == {}


@pytest.mark.parametrize("name", MATRIX)
def test_every_pod_template_is_restricted_with_a_read_only_root(name: str, rendered: dict[str, Objects]) -> None:
    for owner, pod in pods_of(rendered[name]):
        assert violations(pod) == [], owner
        for container in pod["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True, owner
            assert {"mountPath": "/tmp", "name": "tmp"} in container["volumeMounts"], owner
            asked, limits = container["resources"]["requests"], container["resources"]["limits"]
            assert limits["ephemeral-storage"] == asked["ephemeral-storage"], owner
            assert limits["memory"] == asked["memory"], owner


@pytest.mark.parametrize("name", ["everything", "no-network-policy"])
def test_everything_that_ends_ends_some_day_even_if_it_never_starts(name: str, rendered: dict[str, Objects]) -> None:
    runtimes = find_all(rendered[name], "TrainingRuntime")
    nodes = [each["template"]["spec"] for it in runtimes for each in it["spec"]["template"]["spec"]["replicatedJobs"]]
    recurring = [each["spec"]["jobTemplate"]["spec"] for each in find_all(rendered[name], "CronJob")]
    tests = [each["spec"] for each in find_all(rendered[name], "Pod")]
    assert nodes
    assert all(each["activeDeadlineSeconds"] > 0 for each in [*nodes, *recurring, *tests])


@pytest.mark.parametrize("name", MATRIX)
def test_images_are_named_by_registry_and_digest(name: str, rendered: dict[str, Objects]) -> None:
    images = [container["image"] for _, pod in pods_of(rendered[name]) for container in pod["containers"]]
    registry, digest = IMAGES["images__registry"], IMAGES["images__cpu__digest"]
    assert set(images) <= {f"{registry}/{image}@{digest}" for image in ("cpu", "vllm", "train")}


@pytest.mark.parametrize("name", MATRIX)
def test_only_what_submits_runs_holds_a_token_of_the_cluster(name: str, rendered: dict[str, Objects]) -> None:
    holders = {owner for owner, pod in pods_of(rendered[name]) if pod["automountServiceAccountToken"] is not False}
    assert holders <= {"CronJob scalequest-submit"}


@pytest.mark.parametrize("name", MATRIX)
def test_secrets_are_named_and_never_made(name: str, rendered: dict[str, Objects]) -> None:
    assert not find_all(rendered[name], "Secret")


@pytest.mark.parametrize("name", MATRIX)
def test_no_role_grants_everything_or_writes_what_is_not_its_own(name: str, rendered: dict[str, Objects]) -> None:
    for role in find_all(rendered[name], "Role"):
        for rule in role["rules"]:
            assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
            assert "secrets" not in rule["resources"] or rule["resourceNames"]
            assert not {"pods/exec", "roles", "rolebindings", "serviceaccounts/token"} & set(rule["resources"])
    assert not find_all(rendered[name], "ClusterRole")


@pytest.mark.parametrize("name", ["everything", "judge", "no-network-policy"])
def test_no_pod_gets_a_proxy_and_none_that_works_long_is_evicted_to_save_nodes(
    name: str, rendered: dict[str, Objects]
) -> None:
    (of_run, *_) = executors_on_kubernetes(read_documents(COMPILED / "scalequest-paper.yaml")).values()
    templates = dict(pod_metadata_of(rendered[name]))
    assert templates
    for owner, metadata in templates.items():
        assert metadata["labels"]["sidecar.istio.io/inject"] == "false", owner
        if not owner.startswith("Pod "):  # helm test
            assert metadata["annotations"] == of_run["podMetadata"]["annotations"], owner
