import json
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from kfp import compiler, components, dsl, local
from kfp.local import subprocess_task_handler
from kfp.local.orchestrator import task_spec_utils
from kfp.pipeline_spec import pipeline_spec_pb2

from pipelines import local_runner
from pipelines.fan_out import as_text
from pipelines.local_runner import (
    RunInterruptedError,
    StepFailedError,
    _iteration_task_spec,
    _Processes,
    run_compiled,
)
from tests.pipelines.echo_component import echo


class Recorder:
    """An observer that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.folders: list[str] = []

    def step_started(self, step: str, options: Mapping[str, Any]) -> None:
        self.lines.append(f"started {step}")

    def step_said(self, line: str) -> None:
        self.lines.append(line)

    def step_died(self, exit_code: int, attempt: int, attempts: int) -> None:
        self.lines.append(f"died of {exit_code}, {attempt} of {attempts}")

    def step_finished(self, step: str, folder: str, seconds: float) -> None:
        self.folders.append(folder)

    def given(self, name: str) -> list[dict[str, Any]]:
        """Return the options of every echo step of that name."""
        options = [json.loads(line.removeprefix("echo ")) for line in self.lines if line.startswith("echo ")]
        return [entry for entry in options if entry["name"] == name]


def run_pipeline(pipeline: Any, folder: Path, **arguments: Any) -> Recorder:
    path = folder / "pipeline.yaml"
    compiler.Compiler().compile(pipeline, str(path))
    recorder = Recorder()
    run_compiled(path, arguments, recorder)
    return recorder


def retried(task: Any) -> Any:
    return task.set_retry(3, backoff_duration="60s", backoff_factor=2, backoff_max_duration="604800s")


@dsl.pipeline(name="one-step")
def one_step(name: str, fail_with: int = 0, fates: str = "") -> None:
    first = retried(echo(name=name, fail_with=fail_with, fates=fates))
    retried(echo(name="after", inputs=first.outputs["folder"]))


@dsl.pipeline(name="loops")
def loops(items: list[dict[str, str]], shards: list[int]) -> None:
    first = echo(name="first")
    with dsl.ParallelFor(items) as item:
        made = echo(name=item.model, inputs=first.outputs["folder"])
        with dsl.ParallelFor(shards) as shard:
            part = echo(name="inner", inputs=made.outputs["folder"], shard=shard)
        echo(name=item.label, inputs=as_text(dsl.Collected(part.outputs["folder"])))
    echo(name="last", inputs=as_text(dsl.Collected(part.outputs["folder"])))


def test_steps_run_in_order_and_report_their_folders(tmp_path: Path) -> None:
    recorder = run_pipeline(one_step, tmp_path, name="a")
    assert recorder.folders == ["a()", "after(a())"]


def test_an_argument_that_says_python3_reaches_the_step_as_it_is(tmp_path: Path) -> None:
    recorder = run_pipeline(one_step, tmp_path, name="/opt/python3/x 'y' \"z\" é")
    assert recorder.given("after")[0]["inputs"] == "/opt/python3/x 'y' \"z\" é()"


def test_loops_keep_their_items_and_the_outputs_of_earlier_steps_apart(tmp_path: Path) -> None:
    items = [{"model": "m1", "label": "one"}, {"model": "m2", "label": "two"}]
    recorder = run_pipeline(loops, tmp_path, items=items, shards=[0, 1])
    assert recorder.given("m1")[0]["inputs"] == "first()"
    assert recorder.given("m2")[0]["inputs"] == "first()"
    inner = {(entry["inputs"], float(entry["shard"])) for entry in recorder.given("inner")}
    assert inner == {("m1(first())", 0), ("m1(first())", 1), ("m2(first())", 0), ("m2(first())", 1)}
    assert recorder.given("one")[0]["inputs"] == ["inner(m1(first()))"] * 2
    assert recorder.given("last")[0]["inputs"] == [
        ["inner(m1(first()))"] * 2,
        ["inner(m2(first()))"] * 2,
    ]


def test_a_failed_step_ends_the_run_with_its_exit_code_and_last_lines(tmp_path: Path) -> None:
    with pytest.raises(StepFailedError, match="exit code 2") as caught:
        run_pipeline(one_step, tmp_path, name="a", fail_with=2)
    assert caught.value.exit_code == 2
    assert json.loads(caught.value.last_lines[-1].removeprefix("echo "))["name"] == "a"
    assert caught.value.log.read_text().startswith("echo")


def test_a_failed_step_in_a_loop_stops_the_other_iterations(tmp_path: Path) -> None:
    @dsl.pipeline(name="failing-loop")
    def failing_loop(codes: list[int]) -> None:
        with dsl.ParallelFor(codes) as code:
            retried(echo(name="looped", fail_with=code))

    with pytest.raises(StepFailedError, match="exit code 3") as caught:
        run_pipeline(failing_loop, tmp_path, codes=[3, 3, 3, 3])
    assert len(list(caught.value.log.parent.glob("*-*.log"))) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_with_its_step_and_no_other_step_begins(
    number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[_Processes] = []

    def keep(*given: Any) -> _Processes:
        runs.append(_Processes(*given))
        return runs[0]

    monkeypatch.setattr(local_runner, "_Processes", keep)

    class Interrupter(Recorder):
        def step_said(self, line: str) -> None:
            os.kill(os.getpid(), number)
            while not runs[0].signal:  # this is the thread of a loop; the signal goes to the main one
                time.sleep(0.01)

    path, before = tmp_path / "pipeline.yaml", signal.getsignal(number)
    compiler.Compiler().compile(loops, str(path))
    interrupter = Interrupter()
    items = [{"model": "m1", "label": "one"}, {"model": "m2", "label": "two"}]
    with pytest.raises(RunInterruptedError) as caught:
        run_compiled(path, {"items": items, "shards": [0, 1]}, interrupter)
    assert caught.value.exit_code == 128 + number
    assert len(interrupter.lines) == 1  # one step was started
    assert signal.getsignal(number) == before


@pytest.mark.parametrize(("fates", "exit_codes"), [([-9], [137]), ([75, -15, 143], [75, 143, 143]), ([-11], [139])])
def test_a_step_that_died_of_what_may_pass_is_started_again_at_once(
    fates: list[int], exit_codes: list[int], tmp_path: Path
) -> None:
    recorder = run_pipeline(one_step, tmp_path, name="a", fates=_written(fates, tmp_path))
    died = [line for line in recorder.lines if line.startswith("died")]
    assert died == [f"died of {code}, {number} of 4" for number, code in enumerate(exit_codes, start=1)]
    assert recorder.folders == ["a()", "after(a())"]


@pytest.mark.parametrize("fate", [1, 2, -2])
def test_a_step_that_would_fail_again_or_was_interrupted_is_started_once(fate: int, tmp_path: Path) -> None:
    with pytest.raises(StepFailedError) as caught:
        run_pipeline(one_step, tmp_path, name="a", fates=_written([fate], tmp_path))
    assert caught.value.exit_code == (fate if fate > 0 else 128 - fate)
    assert caught.value.log.read_text().count("echo ") == 1


def test_a_step_that_dies_each_time_ends_the_run_after_as_many_attempts_as_its_retry_policy_says(
    tmp_path: Path,
) -> None:
    with pytest.raises(StepFailedError, match="exit code 137") as caught:
        run_pipeline(one_step, tmp_path, name="a", fates=_written([-9] * 9, tmp_path))
    assert caught.value.log.read_text().count("echo ") == 1 + 3
    assert len((tmp_path / "fates").read_text().splitlines()) == 9 - 4


def test_a_step_without_a_retry_policy_is_started_once(tmp_path: Path) -> None:
    @dsl.pipeline(name="no-retries")
    def no_retries(fates: str) -> None:
        echo(name="a", fates=fates)

    with pytest.raises(StepFailedError, match="exit code 75"):
        run_pipeline(no_retries, tmp_path, fates=_written([75], tmp_path))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.xfail(strict=True, reason="kfp.local refuses steps that are commands", raises=RuntimeError)
def test_kfp_runs_a_container_component(tmp_path: Path) -> None:
    path = tmp_path / "pipeline.yaml"
    compiler.Compiler().compile(one_step, str(path))
    local.init(local.SubprocessRunner(use_venv=False), pipeline_root=str(tmp_path / "root"))
    components.load_component_from_file(str(path))(name="a")


@pytest.mark.xfail(strict=True, reason="kfp.local rewrites python3 in every argument")
def test_kfp_leaves_arguments_alone() -> None:
    command = subprocess_task_handler.replace_python_executable(["python3", "/opt/python3/x"], "/usr/bin/python")
    assert command == ["/usr/bin/python", "/opt/python3/x"]


def _written(fates: list[int], folder: Path) -> str:
    path = folder / "fates"
    path.write_text("\n".join(map(str, fates)))
    return str(path)


def loop_task() -> Any:
    task = pipeline_spec_pb2.PipelineTaskSpec()
    task.parameter_iterator.item_input = "shards-loop-item"
    task.parameter_iterator.items.input_parameter = "shards"
    task.inputs.parameters["shards"].component_input_parameter = "shards"
    task.inputs.parameters["generators-loop-item"].component_input_parameter = "generators-loop-item"
    task.inputs.parameters["questions"].task_output_parameter.producer_task = "import-questions"
    return task


def unharmed(iteration: Any) -> bool:
    inputs = iteration.inputs.parameters
    return bool(
        inputs["shards-loop-item"].runtime_value.constant.number_value == 7
        and inputs["generators-loop-item"].component_input_parameter == "generators-loop-item"
        and inputs["questions"].task_output_parameter.producer_task == "import-questions"
    )


def test_an_iteration_gets_its_item_and_nothing_else() -> None:
    assert unharmed(_iteration_task_spec(loop_task(), 7, "for-loop-1"))


@pytest.mark.xfail(strict=True, reason="kfp.local puts the loop's item into other inputs, too")
def test_kfp_gives_an_iteration_its_item_and_nothing_else() -> None:
    assert unharmed(task_spec_utils.create_parameter_loop_iteration_task_spec(loop_task(), 7, "for-loop-1"))
