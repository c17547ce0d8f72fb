from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.manifests.schemas import custom_resources, kubernetes_versions, problems_of
from tests.manifests.tools import Tools
from tests.source_tree import ROOT

NEWEST = kubernetes_versions()[-1]


@pytest.fixture(scope="module")
def objects(tools: Tools) -> dict[str, dict[str, Any]]:
    built = [*tools.build(ROOT / "manifests/examples/eight-pods"), *tools.build(ROOT / "manifests/overlays/gke")]
    return {document["kind"]: document for document in built}


def test_every_version_from_the_floor_on_is_known() -> None:
    versions = kubernetes_versions()
    assert versions[0] == "1.30"
    assert len(versions) >= 8


def test_an_unknown_field_is_found_however_deep(objects: dict[str, dict[str, Any]]) -> None:
    job = copy.deepcopy(objects["Job"])
    job["spec"]["template"]["spec"]["containers"][0]["resource"] = {}
    assert "'resource' was unexpected" in problems_of([job], NEWEST)[0]


def test_an_unknown_kind_is_a_problem_and_not_a_warning(objects: dict[str, dict[str, Any]]) -> None:
    assert "Couldn't find schema" in problems_of([{**objects["Job"], "kind": "Jub"}], NEWEST)[0]
    queue = {**objects["LocalQueue"], "apiVersion": "kueue.x-k8s.io/v1alpha1"}
    assert "Couldn't find schema" in problems_of([queue], NEWEST)[0]


def test_a_custom_resource_is_held_to_its_own_schema(objects: dict[str, dict[str, Any]]) -> None:
    queue = copy.deepcopy(objects["LocalQueue"])
    queue["spec"]["clusterqueue"] = queue["spec"].pop("clusterQueue")
    assert "'clusterqueue' was unexpected" in problems_of([queue], NEWEST)[0]


def test_a_field_that_kubeflow_trainer_took_away_is_found() -> None:
    runtime = {
        "apiVersion": "trainer.kubeflow.org/v1alpha1",
        "kind": "TrainingRuntime",
        "metadata": {"name": "x"},
        "spec": {"mlPolicy": {"numNodes": 2, "torch": {"numProcPerNode": "auto"}}},  # there until 2.2
    }
    assert "numProcPerNode" in problems_of([runtime], NEWEST)[0]


@pytest.mark.parametrize("kind", sorted(custom_resources()))
def test_a_schema_of_a_custom_resource_is_a_schema_and_closed(kind: str) -> None:
    validator = custom_resources()[kind]
    validator.check_schema(validator.schema)
    api_version, _, name = kind.rpartition("/")
    document = {"apiVersion": api_version, "kind": name, "metadata": {"name": "x"}, "spec": {"noSuchField": 1}}
    assert problems_of([document], NEWEST)
