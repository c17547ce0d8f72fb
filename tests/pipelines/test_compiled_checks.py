import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from kfp import compiler, dsl, kubernetes

from components.shared.images import image, read_names
from pipelines.compiled_checks import find_defects, find_images_without_digest, images_without_digest
from pipelines.compiled_pipeline import COMPILED, read_documents
from pipelines.figure import Figure, Preset, figure
from pipelines.parameters import Common, parameter
from pipelines.resources import on_inference_gpus
from pipelines.task_outputs import TOLD, task_output
from tests.pipelines.echo_component import echo


def defects_of(pipeline: Any, folder: Path) -> list[str]:
    path = folder / "pipeline.yaml"
    compiler.Compiler().compile(pipeline.for_preset(Preset()) if isinstance(pipeline, Figure) else pipeline, str(path))
    return find_defects(read_documents(path))


@dataclass(frozen=True, kw_only=True)
class Items(Common):
    items: list[int] = parameter([0], help="what a loop goes through")
    gpus: int = parameter(1, help="wrong: not text")


def hardware_of(run: Items) -> dict[str, Any]:
    names = [*(task_output("First", what) for what in TOLD), "accelerator", "gpu_tolerations"]
    return {name: run.hardware[name] for name in names}


def with_whole_numbers(run: Items) -> Items:
    return replace(run, hardware={**hardware_of(run), "first_gpus": run.gpus})


@figure("sound")
def sound(run: Items) -> None:
    with dsl.ParallelFor(run.items) as item:
        on_inference_gpus(echo(name="a", shard=item), run, "First")


@figure("whole-number")
def gpus_as_a_whole_number(run: Items) -> None:
    on_inference_gpus(echo(name="a"), with_whole_numbers(run), "First")


@figure("whole-number-in-a-loop")
def gpus_as_a_whole_number_in_a_loop(run: Items) -> None:
    with dsl.ParallelFor(run.items) as item:
        on_inference_gpus(echo(name="a", shard=item), with_whole_numbers(run), "First")


@dsl.pipeline(name="whole-number-of-bytes")
def memory_as_a_whole_number(memory: int = 1) -> None:
    echo(name="a").set_memory_limit(memory)


@dsl.pipeline(name="unregistered")
def gpus_not_registered_in_a_loop(items: list[int], gpus: str = "1") -> None:
    with dsl.ParallelFor(items) as item:
        echo(name="a", shard=item).set_accelerator_type("nvidia.com/gpu").set_accelerator_limit(gpus)


@dsl.pipeline(name="unregistered-in-a-condition")
def cpu_not_registered_in_a_condition(cpu: str = "1", name: str = "") -> None:
    with dsl.If(name == ""):
        echo(name="a").set_cpu_request(cpu)


@dsl.pipeline(name="short-retry")
def retry_with_the_default_end() -> None:
    echo(name="a").set_retry(3)


def test_a_sound_pipeline_has_no_defects(tmp_path: Path) -> None:
    assert defects_of(sound, tmp_path) == []


@pytest.mark.parametrize(
    ("pipeline", "message"),
    [
        (
            gpus_as_a_whole_number,
            "root/echo: 'pipelinechannel--gpus' sets a resource and has the type NUMBER_INTEGER",
        ),
        (gpus_as_a_whole_number_in_a_loop, "comp-for-loop-1/echo: 'pipelinechannel--gpus' sets a resource"),
        (memory_as_a_whole_number, "root/echo: 'pipelinechannel--memory' sets a resource"),
        (gpus_not_registered_in_a_loop, "comp-for-loop-1/echo: input 'pipelinechannel--gpus' is not declared"),
        (cpu_not_registered_in_a_condition, "comp-condition-1/echo: input 'pipelinechannel--cpu' is not declared"),
        (retry_with_the_default_end, "root/echo: retries end 3600 s after the first start"),
    ],
)
def test_each_planted_defect_is_found(pipeline: Callable[..., Any], message: str, tmp_path: Path) -> None:
    defects = defects_of(pipeline, tmp_path)
    assert len(defects) == 1
    assert defects[0].startswith(message)


def test_a_setting_for_kubernetes_that_reads_an_undeclared_input_is_found(tmp_path: Path) -> None:
    @dsl.pipeline(name="secret")
    def secret_by_name(secret: str) -> None:
        kubernetes.use_secret_as_env(echo(name="a"), secret, {"key": "KEY"})

    path = tmp_path / "pipeline.yaml"
    compiler.Compiler().compile(secret_by_name, str(path))
    path.write_text(path.read_text().replace("componentInputParameter: secret", "componentInputParameter: other"))
    (defect,) = find_defects(read_documents(path))
    assert defect.startswith("root/echo: input 'other' is not declared by its graph")


PINNED = f"registry.example.com/team/cpu@sha256:{'0' * 64}"


def with_images(*images: str, of_run: str = PINNED, of_job: str = PINNED) -> list[dict[str, Any]]:
    """Return a compiled pipeline with the images of its tasks, the default of a parameter, and that of a Job."""

    def defaults(**texts: str) -> dict[str, Any]:
        return {"inputDefinitions": {"parameters": {name: {"defaultValue": text} for name, text in texts.items()}}}

    executors = {name: {"container": {"image": name}} for name in images} | {"import": {"importer": {}}}
    component = defaults(image=of_job, images="no/image:1")
    spec = {"root": defaults(training_image=of_run), "components": {"comp-a": component, "comp-b": {}}}
    return [spec | {"deploymentSpec": {"executors": executors}}]


def test_an_image_without_a_digest_is_named() -> None:
    assert find_images_without_digest(with_images(PINNED, "{{$.inputs.parameters['image']}}")) == []
    (defect,) = find_images_without_digest(with_images(PINNED, "scalequest/cpu:0.1.0"))
    assert defect == "the image 'scalequest/cpu:0.1.0' has no digest; release it (python -m images.release)"


def test_an_image_without_a_digest_is_named_where_it_is_the_default_of_a_parameter() -> None:
    assert images_without_digest(with_images(of_run="a/train:1", of_job="a/vllm:1")) == ["a/train:1", "a/vllm:1"]


@pytest.mark.parametrize("path", sorted(COMPILED.glob("*.yaml")), ids=lambda path: path.stem)
def test_each_image_of_a_compiled_pipeline_is_looked_at(path: Path) -> None:
    if read_names()["digests"]:
        pytest.skip("this tree was released: its images have digests")
    named = set(re.findall(r"(?:image|defaultValue): (\S+/(?:cpu|vllm|train):\S+)", path.read_text()))
    assert set(images_without_digest(read_documents(path))) == named
    assert {image("vllm"), image("train")} <= named


def spoiled(executor: str, **container: Any) -> list[dict[str, Any]]:
    """Return our own compiled pipeline with another container for one executor."""
    documents = read_documents(COMPILED / "scalequest-paper.yaml")
    documents[0]["deploymentSpec"]["executors"][executor]["container"] |= container
    return documents


def test_an_input_that_is_passed_as_an_argument_is_found() -> None:
    args = ["--executor-input", "{{$}}", "--seed", "{{$.inputs.parameters['seed']}}"]
    (defect,) = find_defects(spoiled("exec-sample-difficulty", args=args))
    assert "/sample-difficulty: passes the input 'seed' as an argument; the step reads it from" in defect


@pytest.mark.parametrize("executor", ["generate-responses", "score-responses", "train-sft", "filter-solvability"])
@pytest.mark.parametrize(
    "resources",
    [
        {},
        {"resourceCpuRequest": "8"},
        {"accelerator": {"resourceType": "nvidia.com/gpu"}},
        {"accelerator": {"resourceType": "nvidia.com/gpu", "resourceCount": "0"}},
        {"accelerator": {"resourceCount": "1"}},
    ],
    ids=str,
)
def test_a_step_that_loads_a_model_and_asks_for_no_accelerator_is_found(
    executor: str, resources: dict[str, Any]
) -> None:
    (defect,) = find_defects(spoiled(f"exec-{executor}", resources=resources))
    assert f"/{executor}: loads a model but requests no accelerator" in defect


def test_a_number_of_accelerators_that_is_written_down_is_one() -> None:
    asked = {"accelerator": {"resourceType": "nvidia.com/gpu", "resourceCount": "8"}}
    assert find_defects(spoiled("exec-train-sft", resources=asked)) == []


def test_imports_of_models_need_no_accelerator() -> None:
    executors = read_documents(COMPILED / "scalequest-paper.yaml")[0]["deploymentSpec"]["executors"].values()
    containers = [each["container"] for each in executors]
    without = {each["command"][-1] for each in containers if "accelerator" not in each["resources"]}
    assert {"components.import_model.several", "components.import_questions"} <= without
    assert find_defects(read_documents(COMPILED / "scalequest-paper.yaml")) == []
