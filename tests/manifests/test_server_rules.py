from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.helm.matrix import MATRIX
from tests.manifests.server_rules import refusals
from tests.manifests.test_overlays import BUILT
from tests.manifests.tools import MANIFESTS, Objects, Tools, write_overlay


@pytest.mark.parametrize("name", MATRIX)
def test_no_server_refuses_what_the_chart_makes(name: str, tools: Tools) -> None:
    assert refusals(tools.render(**MATRIX[name]).objects) == []


@pytest.mark.parametrize("folder", BUILT)
def test_no_server_refuses_what_a_folder_builds(folder: str, tools: Tools) -> None:
    objects = tools.build(MANIFESTS / folder)
    assert objects
    assert refusals(objects) == []


@pytest.mark.parametrize("profile", ["gke-a100-80g-spot", "eks-p4d", "local"])
def test_no_server_refuses_a_job_with_options(profile: str, tools: Tools, tmp_path: Any) -> None:
    options = ["options/jobs-queued", "options/jobs-model-cache", f"options/jobs-on-{profile}"]
    overlay = write_overlay(tmp_path, resources=["jobs/train-sft"], components=options)
    assert refusals(tools.build(overlay)) == []


def _to(peer: dict[str, Any]) -> dict[str, Any]:
    return {"spec": {"egress": [{"to": [peer]}]}}


def _pod(job: dict[str, Any]) -> Any:
    return job["spec"]["template"]["spec"]


def _rules(job: dict[str, Any]) -> Any:
    return job["spec"]["podFailurePolicy"]["rules"]


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (lambda job: job["spec"]["podFailurePolicy"]["rules"][2]["onExitCodes"].update(values=[137, 75]), "not sorted"),
        (lambda job: job["spec"]["podFailurePolicy"]["rules"][1]["onExitCodes"].update(values=[0, 2]), "above 0"),
        (
            lambda job: (_rules(job)[1].update(action="FailIndex"), job["spec"].pop("backoffLimitPerIndex")),
            "FailIndex needs backoffLimitPerIndex",
        ),
        (lambda job: job["spec"].pop("completions"), "needs completions"),
        (lambda job: job["spec"].update(completionMode="NonIndexed"), "is for Indexed Jobs"),
        (lambda job: job["spec"].update(podReplacementPolicy="TerminatingOrFailed"), "podReplacementPolicy Failed"),
        (lambda job: _pod(job).update(restartPolicy="OnFailure"), "restartPolicy Never"),
        (lambda job: _pod(job)["containers"][0].update(name="main"), "no container step"),
        (lambda job: _pod(job)["volumes"].pop(), "which is no volume"),
        (lambda job: _pod(job)["volumes"].append({"name": "tmp", "emptyDir": {}}), "volume tmp twice"),
        (lambda job: _pod(job)["containers"][0]["env"].append({"name": "HOME", "value": "/"}), "variable HOME twice"),
        (lambda job: _pod(job)["containers"][0]["resources"]["limits"].update(memory="1Gi"), "more memory than"),
        (
            lambda job: _pod(job)["containers"][0]["resources"]["requests"].update({"nvidia.com/gpu": "2"}),
            "of a device are one",
        ),
        (lambda job: job["metadata"].update(name="Generate_Questions"), "is no name"),
        (lambda job: job["metadata"]["labels"].update({"scalequest.dev/run": "a b"}), "is no label"),
    ],
)
def test_what_a_server_refuses_is_found(spoil: Callable[[dict[str, Any]], Any], found: str, tools: Tools) -> None:
    objects = copy.deepcopy(tools.build(MANIFESTS / "jobs/generate-questions"))
    (job,) = [each for each in objects if each["kind"] == "Job"]
    spoil(job)
    assert any(found in line for line in refusals(objects)), refusals(objects)


@pytest.mark.parametrize(
    ("kind", "spec", "found"),
    [
        ("NetworkPolicy", _to({"ipBlock": {"cidr": "10.0.0.0/8", "except": ["169.254.0.0/16"]}}),
         "169.254.0.0/16 is not a part of 10.0.0.0/8"),
        ("NetworkPolicy", _to({}), "names nothing"),
        ("RoleBinding", {"subjects": [{"kind": "ServiceAccount", "name": "a"}]}, "an account has a namespace"),
        ("RoleBinding", {"subjects": [{"kind": "Group", "name": "a"}]}, "apiGroup is rbac"),
        ("ConfigMap", {"data": {"a b": "c"}}, "key 'a b'"),
        ("ConfigMap", {"data": {"a": 1}}, "a: not text"),
        ("Deployment", {"spec": {"selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {}}}}},
         "does not select its own pods"),
    ],
)  # fmt: skip
def test_other_kinds_have_rules_as_well(kind: str, spec: dict[str, Any], found: str) -> None:
    objects: Objects = [{"kind": kind, "metadata": {"name": "x"}, **spec}]
    (line,) = refusals(objects)
    assert found in line
