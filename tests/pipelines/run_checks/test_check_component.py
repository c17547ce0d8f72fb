import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import pytest
from kfp import compiler, dsl

from pipelines.boxes import box
from pipelines.compiled_checks import find_defects
from pipelines.compiled_pipeline import CompiledPipeline, read_documents
from pipelines.local_runner import StepFailedError, run_compiled
from pipelines.parameters import Importing, parameter
from pipelines.run_checks.check_component import checked_run
from pipelines.run_checks.hardware_outputs import CheckedHardware
from tests.pipelines.echo_component import echo
from tests.pipelines.test_local_runner import Recorder


@dataclass(frozen=True, kw_only=True)
class Checked(Importing):
    profile: str = parameter("default", help="the hardware")
    gpu_work: str = parameter("job", help="where GPU work is done")
    sources: list[dict[str, str]] = parameter(help="sources")


@box("checked")
def checked(run: Checked) -> None:
    """Check, then echo what was resolved, in a loop, too."""
    check = checked_run(run, pipeline="checked", preset="smoke")
    outputs = check.outputs
    first = echo(name="first", inputs=outputs["inference_gpus"])
    first.set_cpu_request(outputs["cpu_step_cpu"]).set_container_image(outputs["inference_image"]).set_retry(20)
    with dsl.ParallelFor(run.sources) as source:
        echo(name=source.source, inputs=outputs["training_memory"], shard=outputs["training_nodes"]).set_retry(20)


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("compiled") / "checked.yaml"
    compiler.Compiler().compile(checked.pipeline, str(path))  # type: ignore[attr-defined]
    return path


def run(pipeline: Path, **arguments: Any) -> Recorder:
    recorder = Recorder()
    given = {"workspace": "/nowhere", "sources": [{"source": "a"}, {"source": "b"}], "profile": ""} | arguments
    run_compiled(pipeline, given, recorder)
    return recorder


def test_on_a_laptop_the_tasks_behind_it_get_its_outputs_without_a_cluster(pipeline: Path) -> None:
    recorder, expected = run(pipeline), CheckedHardware()
    assert [each["inputs"] for each in recorder.given("first")] == [expected.inference_gpus]
    assert [each["inputs"] for each in recorder.given("b")] == [expected.training_memory]
    assert "started check_run" not in recorder.lines, "it is no step of the method"


def test_it_fails_with_2_and_one_message_and_nothing_behind_it_starts(pipeline: Path) -> None:
    with pytest.raises(StepFailedError) as caught:
        run(pipeline, gpu_work="both")
    assert (caught.value.step, caught.value.exit_code) == ("check_run", 2)
    assert caught.value.last_lines == [
        "check_run: error: gpu_work 'both' is not accepted; expected one of job, task",
    ]


def test_its_task_is_given_every_parameter_of_the_pipeline_and_is_compiled_without_a_known_trap(pipeline: Path) -> None:
    spec = read_documents(pipeline)[0]
    task = spec["root"]["dag"]["tasks"]["check-run"]
    given = set(task["inputs"]["parameters"])
    declared = {field.name for field in fields(Checked)} - asdict(CheckedHardware()).keys()
    assert declared | {"asked_profile", "pipeline", "preset"} <= given
    assert task["taskInfo"]["name"] == "Check"
    outputs = spec["components"]["comp-check-run"]["outputDefinitions"]["parameters"]
    assert outputs.keys() == asdict(CheckedHardware()).keys()
    assert outputs["gpu_node_selector"]["parameterType"] == "STRUCT"
    assert not [defect for defect in find_defects(read_documents(pipeline)) if "check-run" in defect]


def test_it_is_none_of_the_steps_that_a_run_plans(pipeline: Path) -> None:
    compiled = CompiledPipeline(pipeline)
    assert "check_run" not in compiled.steps
    planned = compiled.planned_steps({"sources": [{"source": "a"}], "workspace": "/nowhere", "profile": ""})
    assert [step.options["name"] for step in planned] == ["first", "a"]


def test_what_it_tells_kubeflow_is_what_its_launcher_reads(tmp_path: Path) -> None:
    from pipelines.run_checks.check_task import main

    names = [field.name for field in fields(CheckedHardware)]
    told = {
        "inputs": {"parameterValues": {"pipeline": "checked", "asked_profile": "", "workspace": "/nowhere"}},
        "outputs": {
            "parameters": {name: {"outputFile": str(tmp_path / name)} for name in names},
            "artifacts": {
                "report": {"artifacts": [{"name": "report", "uri": str(tmp_path / "report.md")}]},
                "executor-logs": {"artifacts": [{"name": "executor-logs", "uri": str(tmp_path / "logs")}]},
            },
            "outputFile": str(tmp_path / "executor_output.json"),
        },
    }
    assert main(["--executor-input", json.dumps(told)]) == 0
    answer = json.loads((tmp_path / "executor_output.json").read_text())
    assert answer["artifacts"].keys() == {"report"}
    assert (tmp_path / "gpu_tolerations").read_text() == "[]"
    assert (tmp_path / "training_nodes").read_text() == "1"
    assert (tmp_path / "report.md").read_text().startswith("#")
