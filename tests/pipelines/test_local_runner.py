import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from kfp import compiler, components, dsl, local
from kfp.local import logging_utils, subprocess_task_handler
from kfp.local.orchestrator import task_spec_utils
from kfp.pipeline_spec import pipeline_spec_pb2

from pipelines.local_runner import (
    StepFailedError,
    _iteration_task_spec,
    _quiet,
    run_compiled,
)
from pipelines.loop_values import as_text
from pipelines.run_command import INTERRUPTED
from pipelines.step_processes import RunInterruptedError
from tests.components.shared.mortals import is_alive
from tests.components.shared.otlp_receiver import receiving
from tests.pipelines.echo_component import echo

SECONDS = 60.0  # for what takes no time, on a busy machine
STOPPING = "stopping: step tests.pipelines.echo_step was told to stop; a second signal stops everything immediately"


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

    def stopping(self, step_was_told: bool) -> None:
        self.lines.append("stopping" if step_was_told else "stopping between steps")

    def ends_at_once(self) -> None:
        self.lines.append("ends at once")

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


@dsl.pipeline(name="image-by-parameter")
def image_by_parameter(items: list[int], image: str = "scalequest/vllm:default") -> None:
    with dsl.ParallelFor(items) as item:
        echo(name="looped", shard=item).set_container_image(image)


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


def test_a_run_that_ends_well_leaves_no_temporary_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    assert run_pipeline(one_step, tmp_path, name="a").folders
    assert not [*temporary.iterdir()]


def test_nothing_starts_behind_the_last_step_of_a_run(tmp_path: Path) -> None:
    path, recorder = tmp_path / "pipeline.yaml", Recorder()
    compiler.Compiler().compile(loops, str(path))
    arguments = {"items": [{"model": "m1", "label": "one"}], "shards": [0]}
    run_compiled(path, arguments, recorder, last_step="tests.pipelines.echo_step")
    assert recorder.folders == ["first()"]


def test_an_argument_that_says_python3_reaches_the_step_as_it_is(tmp_path: Path) -> None:
    recorder = run_pipeline(one_step, tmp_path, name="/opt/python3/x 'y' \"z\" é")
    assert recorder.given("after")[0]["inputs"] == "/opt/python3/x 'y' \"z\" é()"


def test_a_task_is_told_the_image_that_a_parameter_names(tmp_path: Path) -> None:
    """The containers' run takes it from there: kfp.local gives a container the placeholder."""
    recorder = run_pipeline(image_by_parameter, tmp_path, items=[0, 1], image="scalequest/vllm:1")
    told = {(each["shard"], each["pipelinechannel--image"]) for each in recorder.given("looped")}
    assert told == {(0.0, "scalequest/vllm:1"), (1.0, "scalequest/vllm:1")}


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


def test_a_run_leaves_print_as_it_was(tmp_path: Path) -> None:
    """kfp replaces it in each thread of a loop, and the last to leave puts back what another one had put there."""
    before, threads = print, [logging_utils.indented_print(), logging_utils.indented_print()]
    with _quiet(tmp_path / "kfp.log"):
        for thread in threads:
            thread.__enter__()
        for thread in threads:
            thread.__exit__(None, None, None)
        assert print is not before
    assert print is before


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
def test_a_signal_ends_the_run_with_its_step_and_no_other_step_begins(number: signal.Signals, tmp_path: Path) -> None:
    stopping = threading.Event()

    class Interrupter(Recorder):
        def step_said(self, line: str) -> None:
            os.kill(os.getpid(), number)
            assert stopping.wait(SECONDS)  # this is the thread of a loop

        def stopping(self, step_was_told: bool) -> None:
            super().stopping(step_was_told)
            stopping.set()

    path, before = tmp_path / "pipeline.yaml", signal.getsignal(number)
    compiler.Compiler().compile(loops, str(path))
    interrupter = Interrupter()
    items = [{"model": "m1", "label": "one"}, {"model": "m2", "label": "two"}]
    with pytest.raises(RunInterruptedError) as caught:
        run_compiled(path, {"items": items, "shards": [0, 1]}, interrupter)
    assert caught.value.exit_code == 128 + number
    assert interrupter.lines == ["started tests.pipelines.echo_step", "stopping"]
    assert signal.getsignal(number) == before


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_run_that_is_told_to_stop_in_a_loop_says_so_at_once_and_ends_with_its_step(
    number: signal.Signals, exit_code: int, tmp_path: Path
) -> None:
    with running_loop(tmp_path, "wait") as (run, pids):
        run.send_signal(number)
        said, errors = run.communicate(timeout=SECONDS)
        assert run.returncode == exit_code
        assert said.splitlines() == [STOPPING, INTERRUPTED]
        assert errors == ""
        assert not any(map(is_alive, pids))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_a_run_at_once_with_all_that_its_step_started(
    number: signal.Signals, tmp_path: Path
) -> None:
    with running_loop(tmp_path, "hang") as (run, pids):
        run.send_signal(number)
        assert run.stdout is not None
        assert run.stdout.readline().rstrip() == STOPPING
        assert len(pids) == 2
        assert all(map(is_alive, pids))
        run.send_signal(number)
        assert run.wait(SECONDS) == 128 + number
        wait_until_gone(pids)


@pytest.mark.parametrize("reader", ["gone", "asleep"])
def test_a_second_signal_is_heeded_where_nobody_reads_what_the_first_one_says(reader: str, tmp_path: Path) -> None:
    with unread_pipe(reader) as said, running_loop(tmp_path, "hang", said) as (run, pids):
        run.send_signal(signal.SIGINT)
        run.send_signal(signal.SIGTERM)
        assert run.wait(SECONDS) in (128 + signal.SIGINT, 128 + signal.SIGTERM)  # whichever came second
        wait_until_gone(pids)


@contextlib.contextmanager
def unread_pipe(reader: str) -> Iterator[int]:
    """Yield a pipe's end for writing: each write fails, or waits forever."""
    read_end, write_end = os.pipe()
    if reader == "gone":
        os.close(read_end)
    else:
        os.set_blocking(write_end, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(write_end, b"x")
        os.set_blocking(write_end, True)
    try:
        yield write_end
    finally:
        os.close(write_end)
        if reader != "gone":
            os.close(read_end)


def test_the_log_of_each_step_is_kept_with_its_exit_code_as_the_step_ends(tmp_path: Path) -> None:
    path, kept = tmp_path / "pipeline.yaml", list[tuple[str, int, str]]()
    compiler.Compiler().compile(one_step, str(path))
    run_compiled(path, {"name": "a"}, Recorder(), lambda log, code: kept.append((log.name, code, log.read_text())))
    assert [(name, code) for name, code, _ in kept] == [
        ("001-tests.pipelines.echo_step.log", 0),
        ("002-tests.pipelines.echo_step.log", 0),
    ]
    assert all(text.startswith("echo ") for _, _, text in kept)


def test_the_end_of_a_run_is_told_to_the_webhook_and_logged_as_objects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCALEQUEST_LOG_FORMAT", "json")
    with receiving() as refusing:
        monkeypatch.setenv("SCALEQUEST_WEBHOOK_URL", f"{refusing.endpoint}/canary-path")
        with running_loop(tmp_path, "1") as (run, _):
            said, errors = run.communicate(timeout=SECONDS)
    assert (run.returncode, said, refusing.requests) == (1, "", 1)
    objects = [json.loads(line) for line in errors.splitlines()]
    assert any("failed with exit code 1; its log is " in each["message"] for each in objects)
    assert objects[-1]["message"].startswith("the webhook was not told that run ")
    assert ": it refuses this: 404 " in objects[-1]["message"]
    assert "canary" not in errors


def test_a_step_that_fails_in_a_loop_says_why_and_kfp_nothing(tmp_path: Path) -> None:
    with running_loop(tmp_path, "1") as (run, _):
        said, errors = run.communicate(timeout=SECONDS)
        assert run.returncode == 1
        assert said == ""
        assert "Task " not in errors
        assert errors.splitlines()[-1].startswith("step tests.pipelines.echo_step failed with exit code 1; its log is ")


def test_a_step_ends_with_its_killed_runner(tmp_path: Path) -> None:
    options = ["--questions", str(tmp_path), "--workspace", str(tmp_path)]
    command = [sys.executable, "-m", "tests.pipelines.killed_runner", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as runner:
        assert runner.stdout is not None
        step = int(runner.stdout.readline())
        assert is_alive(step)
        runner.kill()
    wait_until_gone([step])


@contextlib.contextmanager
def running_loop(
    folder: Path, fate: str, said: int = subprocess.PIPE
) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """Start a run with a loop of steps; yield it and the processes that its first step waits with, if it waits."""
    (folder / "fates").write_text(fate)
    environment = os.environ | {"TMPDIR": str(folder), "COLUMNS": "200"}
    command = [sys.executable, "-m", "tests.pipelines.interrupted_run", str(folder)]
    with subprocess.Popen(command, env=environment, stdout=said, stderr=subprocess.PIPE, text=True) as run:
        try:
            waits = fate in ("wait", "hang")
            while waits and not (folder / "fates.pids").exists():
                assert run.poll() is None, run.communicate()
                time.sleep(0.05)
            yield run, [int(pid) for pid in (folder / "fates.pids").read_text().split()] if waits else []
        finally:
            run.kill()


def wait_until_gone(pids: list[int]) -> None:
    deadline = time.monotonic() + SECONDS
    while any(map(is_alive, pids)):
        assert time.monotonic() < deadline
        time.sleep(0.02)


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
