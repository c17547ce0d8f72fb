from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from helm.document import documented_readme, documented_values
from tests.helm.matrix import DIGEST, IMAGES, MATRIX, RECURRING
from tests.helm.objects import find_one
from tests.manifests.schemas import kubernetes_versions, problems_of
from tests.manifests.server_rules import refusals
from tests.manifests.tools import CHART, Tools

VALUES = (CHART / "values.yaml").read_text(encoding="utf-8")
SCHEMA = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
JUDGE = {"judge__enabled": True, "judge__model": "a/b", "images__registry": "r", "images__vllm__digest": DIGEST}


@pytest.mark.parametrize(
    ("wrong", "key", "said"),
    [
        ({"profil": "gke-a100-80g"}, "profil", "not allowed"),
        ({"judge__enable": True}, "enable", "not allowed"),
        ({"images__cpu__tag": "latest"}, "tag", "not allowed"),
        ({"kueue__localQueue": "default"}, "localQueue", "not allowed"),
        ({"kueue__clusterQueue__name": "My_Queue"}, "name", "pattern"),
        ({"kueue__clusterQueue__nodes": 0}, "nodes", "minimum"),
        ({"kueue__clusterQueue__queueingStrategy": "FIFO"}, "queueingStrategy", "one of"),
        ({"kueue__enabled": "yes"}, "enabled", "boolean"),
        ({"images__registry": "https://reg.example.com"}, "registry", "pattern"),
        ({"images__vllm__digest": "latest"}, "digest", "pattern"),
        ({"serviceAccount__awsRoleArn": "scalequest"}, "awsRoleArn", "pattern"),
        ({"serviceAccount__gcpServiceAccount": "scalequest"}, "gcpServiceAccount", "pattern"),
        ({"submitters": [{"name": "x"}]}, "kind", "missing"),
        ({"submitters": [{"kind": "Team", "name": "x"}]}, "kind", "one of"),
        ({"networkPolicy__ports": [0]}, "ports", "minimum"),
        ({"limitRange__ephemeralStorageRequest": "2 GB"}, "ephemeralStorageRequest", "pattern"),
        ({"judge__maxModelLen": "8k"}, "maxModelLen", "integer"),
        ({"trainer__numNodes": 1}, "numNodes", "minimum"),
        ({"recurring__schedule": "daily"}, "schedule", "pattern"),
        ({"recurring__workspace": "/runs"}, "workspace", "pattern"),
        ({"recurring__host": "ml-pipeline:8888"}, "host", "pattern"),
        ({"recurring__settings": ["seed"]}, "settings", "pattern"),
        ({"recurring__presetFile": {"extends": "paper"}}, "presetFile", "string"),
        ({"test__workspace": "bucket/runs"}, "workspace", "pattern"),
    ],
)
def test_a_wrong_value_is_refused_with_its_key(wrong: dict[str, Any], key: str, said: str, tools: Tools) -> None:
    rendering = tools.render(**wrong)
    assert rendering.objects == []
    assert key in rendering.error
    assert said in rendering.error


@pytest.mark.parametrize(
    ("incomplete", "message"),
    [
        ({"profile": "gke-a100"}, 'profile "gke-a100" is unknown; expected one of eks-p4d, eks-p4de, gke-a100-40g'),
        ({**JUDGE, "judge__model": ""}, "judge.model is empty and judge.enabled needs it"),
        ({**JUDGE, "images__registry": ""}, "images.registry is empty and judge.enabled needs it"),
        ({**JUDGE, "images__vllm__digest": ""}, "images.vllm.digest is empty and judge.enabled runs that image"),
        ({"trainer__enabled": True, "images__registry": "r"}, "images.train.digest is empty and trainer.enabled"),
        ({"images__cpu__digest": DIGEST}, "images.registry is empty and helm test needs it"),
        ({"recurring__enabled": True, **IMAGES}, "recurring.workspace is empty and recurring.enabled needs it"),
        ({"pipelines__enabled": True}, "images.registry is empty and pipelines.enabled needs it"),
        (
            {**RECURRING, "images__vllm__digest": ""},
            "images.vllm.digest is empty and recurring.enabled runs that image",
        ),
        (
            {"serviceAccount__create": False, "serviceAccount__awsRoleArn": "arn:aws:iam::123456789012:role/x"},
            "leave them empty with serviceAccount.create=false",
        ),
    ],
)
def test_what_is_missing_is_named_with_what_needs_it(incomplete: dict[str, Any], message: str, tools: Tools) -> None:
    rendering = tools.render(**incomplete)
    assert rendering.objects == []
    assert message in rendering.error


def test_names_that_look_like_numbers_stay_text(tools: Tools) -> None:
    named = {
        "submitters": [{"kind": "Group", "name": "true"}, {"kind": "User", "name": "*"}],
        "serviceAccount__name": "0123",
        "images__pullSecrets": ["1e3"],
        "secrets__hubToken__name": "123",
        "secrets__hubToken__key": "0x1f",
        "secrets__pipelineStore__name": "1e3",
        "kueue__clusterQueue__name": "123",
        "modelCache__storageClass": "123",
        "networkPolicy__pipelinesNamespace": "123",
        "recurring__preset": "123",
        "judge__revision": "1e10",
    }
    rendering = tools.render(release="123", namespace="456", **{**MATRIX["everything"], **named})
    assert rendering.objects, rendering.error
    assert problems_of(rendering.objects, kubernetes_versions()[0]) == []
    assert refusals(rendering.objects) == []
    subjects = find_one(rendering.objects, "RoleBinding", "scalequest-submit")["subjects"]
    assert [each["name"] for each in subjects] == ["true", "*", "scalequest-submit"]


def test_an_older_kubernetes_is_refused(tools: Tools) -> None:
    command = ("template", "x", str(CHART), "--kube-version")
    assert "1.30" in tools.run("helm", *command, "1.29").stderr
    assert tools.run("helm", *command, "1.30").returncode == 0


def test_the_schema_is_closed_everywhere() -> None:
    open_objects = [path for path, part in _objects(SCHEMA, "") if part.get("additionalProperties") is not False]
    # What Helm puts into every dependency, and rules of a NetworkPolicy, which Kubernetes checks itself.
    assert open_objects == [
        ".global",
        ".networkPolicy.extraEgress[].to[]",
        ".networkPolicy.extraEgress[].ports[]",
    ]


def test_the_schema_knows_each_value_and_no_other() -> None:
    assert _keys_of_schema(SCHEMA) - {"global"} == _keys(yaml.safe_load(VALUES))


def test_every_value_says_what_it_is() -> None:
    documented = dict(documented_values(VALUES))
    assert set(documented) == set(_leaves(yaml.safe_load(VALUES)))
    assert [path for path, comment in documented.items() if len(comment) < 5] == []


def test_the_readme_holds_the_table_of_values() -> None:
    assert documented_readme() == (CHART / "README.md").read_text(encoding="utf-8"), "run: python -m helm.document"


def test_a_comment_of_several_lines_is_one_sentence() -> None:
    text = "a:\n  # -- what it is,\n  # and what for\n  b: 1\n  c: 2\n# -- last\nd: []\n"
    assert list(documented_values(text)) == [("a.b", "what it is, and what for"), ("a.c", ""), ("d", "last")]


@pytest.mark.parametrize("path", sorted((CHART / "examples").glob("*.yaml")), ids=lambda path: path.stem)
def test_an_example_is_accepted_as_it_stands(path: Path, tools: Tools) -> None:
    assert tools.render(path).objects


def _leaves(values: Any, path: str = "") -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{path}{key}.")
        else:
            yield f"{path}{key}"


def _keys(values: dict[str, Any], path: str = "") -> set[str]:
    below = {name for key, value in values.items() if isinstance(value, dict) for name in _keys(value, f"{path}{key}.")}
    return {f"{path}{key}" for key in values} | below


def _keys_of_schema(part: dict[str, Any], path: str = "") -> set[str]:
    properties = part.get("properties", {})
    below = {name for key, value in properties.items() for name in _keys_of_schema(value, f"{path}{key}.")}
    return {f"{path}{key}" for key in properties} | below


def _objects(part: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if part.get("type") == "object":
        yield path, part
    for key, value in part.get("properties", {}).items():
        yield from _objects(value, f"{path}.{key}")
    if "items" in part:
        yield from _objects(part["items"], f"{path}[]")
