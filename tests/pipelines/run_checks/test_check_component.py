import re
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from kfp import compiler, dsl

from pipelines.compiled_checks import find_defects
from pipelines.compiled_pipeline import CHECK, CHECK_NAME, CompiledPipeline, read_documents
from pipelines.figure import Preset, figure
from pipelines.local_runner import run_compiled
from pipelines.parameters import OwnQuestions, parameters_of
from pipelines.preset_files import options_in, read_preset
from pipelines.run_checks.checked_page import report
from pipelines.run_checks.hardware_outputs import CheckedHardware
from pipelines.run_checks.runs_here import checked_here, prepare_here
from tests.pipelines.echo_component import echo
from tests.pipelines.run_checks.forms import form_of
from tests.pipelines.test_local_runner import Recorder
from tests.source_tree import ROOT


@figure("answer-questions")
def answer_questions(run: OwnQuestions) -> None:
    """Check, then echo what was resolved, in a loop, too."""
    outputs = run.hardware
    first = echo(name="first", inputs=outputs["inference_gpus"])
    first.set_cpu_request(outputs["cpu_step_cpu"]).set_container_image(outputs["inference_image"]).set_retry(20)
    with dsl.ParallelFor(["a", "b"]) as name:
        echo(name=name, inputs=outputs["training_memory"], shard=outputs["training_nodes"]).set_retry(20)


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("compiled") / "checked.yaml"
    preset = Preset(name="answer-smoke", options=options_in(read_preset("answer-smoke")))
    compiler.Compiler().compile(answer_questions.for_preset(preset), str(path))
    return path


def test_on_a_laptop_the_command_answers_it_and_the_tasks_behind_it_get_its_outputs(
    pipeline: Path, tmp_path: Path
) -> None:
    recorder, expected, declared = Recorder(), CheckedHardware(), CompiledPipeline(pipeline).parameters
    run = prepare_here("answer-smoke", [], str(tmp_path))
    checked = checked_here(run, [])
    run_compiled(
        pipeline,
        {name: value for name, value in run.arguments.items() if name in declared},
        recorder,
        answers={CHECK_NAME: lambda told: report(checked, told["outputs"])},
    )
    assert [each["inputs"] for each in recorder.given("first")] == [expected.inference_gpus]
    assert [each["inputs"] for each in recorder.given("b")] == [expected.training_memory]
    assert "started check_run" not in recorder.lines, "it is no step of the method"
    assert {path.name for path in tmp_path.iterdir() if path.name[0] not in "._"} == {"import_model"}


@pytest.mark.parametrize(
    ("fields", "exit_code", "last_line"),
    [
        ({}, 0, r"answer_questions: \d+ steps, \d+ new"),
        ({"engine": "gpt"}, 2, "check_run: error: parameter engine: 'gpt' is not accepted; expected one of vllm, scri"),
    ],
)
def test_the_task_is_a_process_with_one_message_an_exit_code_and_outputs_for_those_behind_it(
    fields: dict[str, str], exit_code: int, last_line: str, tmp_path: Path
) -> None:
    told = form_of("answer-smoke", fields, tmp_path)
    ended = subprocess.run(
        [sys.executable, "-m", CHECK, "--executor-input", told], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == exit_code, ended.stderr
    assert re.match(last_line, (ended.stdout or ended.stderr).splitlines()[-1])
    outputs = tmp_path / "outputs"
    assert (outputs / "executor_output.json").is_file() == (exit_code == 0)
    assert not [path for path in (tmp_path / "runs").rglob("*") if path.is_file()]
    if exit_code == 0:
        assert (outputs / "report.md").read_text().startswith("# answer")


def test_its_task_is_given_every_parameter_of_the_pipeline_and_is_compiled_without_a_known_trap(pipeline: Path) -> None:
    spec = read_documents(pipeline)[0]
    task = spec["root"]["dag"]["tasks"]["check-run"]
    given = set(task["inputs"]["parameters"])
    declared = {field.name for field in parameters_of(OwnQuestions)} - asdict(CheckedHardware()).keys()
    assert declared | {"asked_profile", "pipeline", "preset"} <= given
    assert task["taskInfo"]["name"] == "Check"
    outputs = spec["components"]["comp-check-run"]["outputDefinitions"]["parameters"]
    asked = {"inference_gpus", "cpu_step_cpu", "inference_image", "training_memory", "training_nodes"}
    assert asked | {"cpu_step_memory"} == outputs.keys(), "what tasks ask for, and no more"
    assert outputs["training_nodes"]["parameterType"] == "NUMBER_INTEGER"
    assert not [defect for defect in find_defects(read_documents(pipeline)) if "check-run" in defect]


def test_it_is_none_of_the_steps_that_a_run_plans(pipeline: Path) -> None:
    compiled = CompiledPipeline(pipeline)
    assert "check_run" not in compiled.steps
    planned = compiled.planned_steps({"workspace": "/nowhere"})
    assert [step.options.get("name", step.name) for step in planned] == ["first", "a", "b"]
