# No postponed annotations: kfp reads them as they stand.
import subprocess
import sys
from pathlib import Path

import yaml
from kfp import compiler, dsl
from kfp.compiler.compiler_utils import KubernetesManifestOptions

from manifests.generate import GENERATED, WITH_IMAGES, generated_files, pipeline_files, pipeline_objects
from pipelines.compiled_pipeline import COMPILED
from tests.manifests.schemas import custom_resources, kubernetes_versions, problems_of
from tests.manifests.server_rules import refusals
from tests.manifests.tools import MANIFESTS, Tools
from tests.source_tree import ROOT


def test_what_is_generated_is_up_to_date() -> None:
    stale = [name for name, text in generated_files() if (MANIFESTS / name).read_text(encoding="utf-8") != text]
    assert stale == [], "run: python -m manifests.generate"


def test_nothing_stands_where_files_are_generated_that_is_not() -> None:
    standing = {path.relative_to(MANIFESTS).as_posix() for pattern in GENERATED for path in MANIFESTS.glob(pattern)}
    assert standing == {name for name, _ in generated_files()} - set(WITH_IMAGES)


def test_the_check_passes_as_a_command() -> None:
    command = [sys.executable, "-m", "manifests.generate", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_compiled_pipeline_is_registered_as_it_was_compiled() -> None:
    written = dict(pipeline_files())
    for path in sorted(COMPILED.glob("*.yaml")):
        spec, *platform = yaml.safe_load_all(path.read_text(encoding="utf-8"))
        pipeline, version = yaml.safe_load_all(written[path.name])
        assert version["spec"]["pipelineSpec"] == spec
        assert version["spec"].get("platformSpec") == (platform[0] if platform else None)
        assert version["spec"]["pipelineName"] == pipeline["metadata"]["name"]


def test_pipelines_are_written_for_gitops_as_a_folder_that_kustomize_builds(tools: Tools, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "manifests.generate", "gitops", "--to", str(tmp_path / "team" / "pipelines")]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    objects = tools.build(tmp_path / "team" / "pipelines")
    names = {(each["kind"], each["metadata"]["name"].rpartition("-")[0]) for each in objects}
    assert {("PipelineVersion", "scalequest-smoke"), ("PipelineVersion", "construct-dataset-paper")} <= names
    assert problems_of(objects, kubernetes_versions()[0]) == []
    assert refusals(objects) == []


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    command = [sys.executable, "-m", "manifests.generate", "gitops", "--to", str(tmp_path / "file" / "below")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.endswith("cannot be written: Not a directory; give a folder that can\n")


def test_another_content_is_another_version(tmp_path: Path) -> None:
    text = (COMPILED / "scalequest-paper.yaml").read_text(encoding="utf-8")
    names = []
    for content in (text, text, text + "# another\n"):
        (tmp_path / "scalequest-paper.yaml").write_text(content, encoding="utf-8")
        names.append(pipeline_objects(tmp_path / "scalequest-paper.yaml")[1]["metadata"]["name"])
    assert names[0] == names[1] != names[2]


def test_kubeflows_own_compiler_writes_the_same_fields(tmp_path: Path) -> None:
    @dsl.container_component  # type: ignore[untyped-decorator]
    def step() -> dsl.ContainerSpec:
        return dsl.ContainerSpec(image="scalequest/cpu:0.1.0", command=["true"])

    @dsl.pipeline(name="tiny")  # type: ignore[untyped-decorator]
    def tiny() -> None:
        step()

    path = tmp_path / "tiny.yaml"
    options = KubernetesManifestOptions(
        pipeline_name="tiny", pipeline_version_name="tiny-1", include_pipeline_manifest=True
    )
    compiler.Compiler().compile(tiny, str(path), kubernetes_manifest_format=True, kubernetes_manifest_options=options)
    theirs = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    ours = pipeline_objects(COMPILED / "scalequest-paper.yaml")
    for their, our in zip(theirs, ours, strict=True):
        assert (their["apiVersion"], their["kind"]) == (our["apiVersion"], our["kind"])
        assert set(our["spec"]) - {"platformSpec"} == set(their["spec"])
        custom_resources()[f"{their['apiVersion']}/{their['kind']}"].validate(their)
