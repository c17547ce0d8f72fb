from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.manifests.comparing import by_name
from tests.manifests.schemas import kubernetes_versions, problems_of
from tests.manifests.tools import CHART, MANIFESTS, Tools, write_overlay

DIGEST = "sha256:" + "0" * 64
# Every folder that somebody may build as it stands.
BUILT = sorted(
    path.parent.relative_to(MANIFESTS).as_posix()
    for path in MANIFESTS.rglob("kustomization.yaml")
    if "\nkind: Kustomization\n" in path.read_text(encoding="utf-8")
)
OPTIONS = sorted(path.name for path in (MANIFESTS / "options").iterdir() if not path.name.startswith("jobs-"))
# What the chart is asked for where an overlay takes an option.
CHART_VALUES: dict[str, dict[str, Any]] = {
    "kueue": {"kueue__enabled": True},
    "network-policy": {"networkPolicy__enabled": True, "profile": "local"},
    "network-policy-gke": {"networkPolicy__enabled": True, "profile": "gke-a100-40g"},
    "network-policy-eks": {"networkPolicy__enabled": True, "profile": "eks-p4d"},
    "model-cache": {"modelCache__enabled": True},
    "plain-jobs": {"plainJobs__enabled": True},
    "trainer": {"trainer__enabled": True, "images__registry": "r", "images__train__digest": DIGEST},
    "judge": {
        "judge__enabled": True,
        "judge__model": "Qwen/Qwen2-Math-7B-Instruct",
        "images__registry": "r",
        "images__vllm__digest": DIGEST,
    },
}


@pytest.mark.parametrize("folder", BUILT)
def test_a_folder_builds_objects_that_every_supported_kubernetes_takes(folder: str, tools: Tools) -> None:
    objects = tools.build(MANIFESTS / folder)
    assert objects
    assert [problem for version in _versions(folder) for problem in problems_of(objects, version)] == []


def test_the_base_holds_what_the_chart_makes_without_values(tools: Tools) -> None:
    assert by_name(tools.build(MANIFESTS / "base")) == by_name(tools.render().objects)


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_adds_what_the_chart_adds_for_it(option: str, tools: Tools, tmp_path: Path) -> None:
    rendering = tools.render(**CHART_VALUES[option])
    assert rendering.objects, rendering.error
    patches = [_default_profile(str(CHART_VALUES[option]["profile"]))] if "profile" in CHART_VALUES[option] else []
    overlay = write_overlay(tmp_path, resources=["base"], components=[f"options/{option}"], patches=patches)
    assert by_name(tools.build(overlay)) == by_name(rendering.objects)


def test_judge_and_model_cache_together_are_what_the_chart_makes_of_both(tools: Tools, tmp_path: Path) -> None:
    rendering = tools.render(**CHART_VALUES["judge"], **CHART_VALUES["model-cache"])
    overlay = write_overlay(tmp_path, resources=["base"], components=["options/judge", "options/model-cache"])
    built, rendered = by_name(tools.build(overlay)), by_name(rendering.objects)
    for objects in (built, rendered):  # the two tools order what they add to a list differently
        pod = objects[("Deployment", "scalequest-judge")]["spec"]["template"]["spec"]
        for part, name in ((pod, "volumes"), (pod["containers"][0], "env"), (pod["containers"][0], "volumeMounts")):
            part[name].sort(key=lambda item: item["name"])
    assert built == rendered
    pod = built[("Deployment", "scalequest-judge")]["spec"]["template"]["spec"]
    (claim,) = [each["persistentVolumeClaim"] for each in pod["volumes"] if "persistentVolumeClaim" in each]
    assert claim["claimName"] == built[("PersistentVolumeClaim", "scalequest-model-cache")]["metadata"]["name"]


@pytest.mark.parametrize("name", ["gke", "eks", "local"])
def test_an_overlay_holds_what_the_chart_makes_of_the_example_of_its_name(name: str, tools: Tools) -> None:
    rendering = tools.render(CHART / "examples" / f"{name}.yaml")
    assert by_name(tools.build(MANIFESTS / "overlays" / name)) == by_name(rendering.objects)


def test_all_options_go_together(tools: Tools, tmp_path: Path) -> None:
    options = [f"options/{name}" for name in OPTIONS if not name.startswith("network-policy")]
    overlay = write_overlay(tmp_path, resources=["base"], components=[*options, "options/network-policy-eks"])
    objects = tools.build(overlay)
    assert problems_of(objects, kubernetes_versions()[-1]) == []
    assert {document["kind"] for document in objects} >= {
        "Deployment",
        "TrainingRuntime",
        "LocalQueue",
        "NetworkPolicy",
    }


def test_another_namespace_takes_the_bindings_along(tools: Tools, tmp_path: Path) -> None:
    objects = tools.build(write_overlay(tmp_path, namespace="team-a", resources=["base"]))
    assert {document["metadata"]["namespace"] for document in objects} == {"team-a"}
    bindings = [document for document in objects if document["kind"] == "RoleBinding"]
    assert [subject["namespace"] for binding in bindings for subject in binding["subjects"]] == ["team-a"]


@pytest.mark.parametrize("path", sorted((MANIFESTS / "cluster-admin").rglob("*.yaml")), ids=lambda path: path.stem)
def test_what_a_cluster_admin_applies_is_what_kubernetes_takes(path: Path) -> None:
    objects = [document for document in yaml.safe_load_all(path.read_text(encoding="utf-8")) if document]
    if path.name == "argo-retries.yaml":  # what argo_retries.py puts into a ConfigMap: tested with that
        return
    assert [problem for version in kubernetes_versions() for problem in problems_of(objects, version)] == []
    for document in objects:
        for text in document["data"].values() if document["kind"] == "ConfigMap" else ():
            assert yaml.safe_load(text)  # what stands in a ConfigMap is YAML of its own


def test_the_overlay_in_the_readme_builds_as_it_is_written(tools: Tools, tmp_path: Path) -> None:
    readme = (MANIFESTS / "README.md").read_text(encoding="utf-8")
    (written,) = re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL)
    fields = yaml.safe_load(written.replace("../manifests/", ""))
    options, job = tools.build(write_overlay(tmp_path, **fields))
    assert job["metadata"]["name"] == options["metadata"]["name"] == "filter-language-run-1"
    assert options["data"]["workspace"] == "gs://my-bucket/runs"


def test_the_example_is_copied_as_the_readme_says(tools: Tools, tmp_path: Path) -> None:
    readme = (MANIFESTS / "README.md").read_text(encoding="utf-8")
    (block,) = [each for each in re.findall(r"```sh\n(.*?)```", readme, re.DOTALL) if "our-job" in each]
    copying = "\n".join(line for line in block.splitlines() if not line.startswith("kubectl"))
    shutil.copytree(MANIFESTS, tmp_path / "manifests")
    subprocess.run(["bash", "-ec", copying], cwd=tmp_path, check=True)
    assert tools.build(tmp_path / "our-job") == tools.build(MANIFESTS / "examples/eight-pods")


def test_the_readme_lists_what_there_is() -> None:
    readme = (MANIFESTS / "README.md").read_text(encoding="utf-8")
    admin = [path.relative_to(MANIFESTS / "cluster-admin") for path in (MANIFESTS / "cluster-admin").rglob("*.*")]
    names = [*OPTIONS, *(path.as_posix() for path in admin)]
    assert [name for name in names if name not in readme] == []


def test_no_file_of_a_cluster_admin_is_part_of_a_build() -> None:
    assert not list((MANIFESTS / "cluster-admin").rglob("kustomization.yaml"))


def _versions(folder: str) -> list[str]:
    """Return the versions to try: the floor and the newest for a step's Job, which are all of one form."""
    versions = kubernetes_versions()
    return (
        versions
        if not folder.startswith("jobs/") or folder == "jobs/generate-responses"
        else [versions[0], versions[-1]]
    )


def _default_profile(profile: str) -> dict[str, str]:
    """Return the patch by which runs that name no profile take this one."""
    data = {"default.yaml": f'like: {profile}\nservice_account: "scalequest"\n'}
    metadata = {"name": "scalequest-profiles"}
    return {"patch": yaml.safe_dump({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})}
