"""SIGTERM ends a step within seconds, with its own exit code; started again, it makes what an undisturbed run makes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from components.shared.errors import ExitCode
from components.shared.stores.inventory import list_objects
from components.shared.workspace import Workspace
from components.shared.workspace._attempts import judge, read_attempts, work_of
from components.shared.workspace._leases import LEASES
from components.shared.workspace.manifests import read_manifest
from tests.components.shared.deadly import ROW_SECONDS
from tests.components.shared.engines.served import Answer, reply, serve
from tests.components.shared.mortals import is_alive
from tests.conftest import WriteRows
from tests.processor_time import cpu_seconds_of

pytestmark = pytest.mark.slow

MAX_SECONDS = 15.0  # what a node of GKE leaves that is taken away; an idle machine takes a fraction of one
SECONDS = 60.0  # for what takes no time, on a busy machine
AS_ASKED = "stopped as requested; finished parts are kept, and the same command continues"
TEXTS = [f"What is {number} + 1?" for number in range(30)]

Process = subprocess.Popen[str]


@contextlib.contextmanager
def running(name: str, options: Sequence[str], row_seconds: float = 0.0) -> Iterator[Process]:
    """Run a step as a process, in a session of its own, that takes its time for each row."""
    command = [sys.executable, "-m", "tests.components.shared.deadly", name, *options]
    environment = os.environ | {ROW_SECONDS: str(row_seconds)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def stop(process: Process, number: int = signal.SIGTERM) -> str:
    """Send a signal; return the step's last words, once it has ended as it has to, and all that it had started."""
    assert process.poll() is None, process.communicate()
    started = time.monotonic()
    process.send_signal(number)
    _, said = process.communicate(timeout=SECONDS)
    assert time.monotonic() - started < MAX_SECONDS
    assert process.returncode == 143, said
    assert "Traceback" not in said
    while _processes_of_session(process.pid):  # those that it started see at once that it is gone
        assert time.monotonic() - started < MAX_SECONDS
        time.sleep(0.02)
    return said.splitlines()[-1]


def wait_until(process: Process, there: Callable[[], object]) -> None:
    """Wait for something that the process does."""
    deadline = time.monotonic() + SECONDS
    while not there():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def finish(name: str, options: Sequence[str]) -> str:
    """Run a step to its end; return its folder."""
    with running(name, options) as process:
        folder, said = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, said
        return folder.strip()


@pytest.mark.parametrize(
    ("name", "options", "row_seconds"),
    [
        pytest.param("generate_responses", ("--engine", "scripted", "--model", "scripted:solver"), 0.2, id="engine"),
        pytest.param("filter_language", (), 0.2, id="filter", marks=pytest.mark.faults),
        pytest.param("score_difficulty", ("--scorer-engine", "scripted"), 0.2, id="scorer", marks=pytest.mark.faults),
    ],
)
def test_a_stopped_step_keeps_its_parts_and_continues(
    name: str, options: Sequence[str], row_seconds: float, tmp_path: Path, write_questions: WriteRows
) -> None:
    folders = []
    for place in ("stopped", "undisturbed"):
        workspace = Workspace(str(tmp_path / place))
        words = ["--questions", write_questions(workspace, TEXTS), "--rows-per-part", "4", *options]
        words += ["--workspace", workspace.uri]
        if place == "stopped":
            with running(name, words, row_seconds) as process:
                wait_until(process, lambda: list(tmp_path.glob(f"stopped/{name}/*/part-*")))
                assert stop(process) == f"{name}: {AS_ASKED}"
            (folder,) = (tmp_path / "stopped" / name).iterdir()
            parts = {path.stem for path in folder.glob("part-*")}
            assert 1 <= len(parts) < 8
            leases = read_attempts(list_objects(str(folder / LEASES)))  # those of written parts stay as they are
            assert judge([each for each in leases if each.work not in parts], lambda *_: True).parts == {}
        folders.append(finish(name, words))
    stopped, undisturbed = map(read_manifest, folders)
    assert stopped.parts == undisturbed.parts
    assert stopped.rejected == undisturbed.rejected


def test_an_import_stops_and_continues(tmp_path: Path) -> None:
    source = tmp_path / "questions.jsonl"
    source.write_text("".join(json.dumps({"question": text, "answer": ""}) + "\n" for text in TEXTS))
    words = ["--source", str(source), "--rows-per-part", "4", "--workspace"]
    with running("import_questions", [*words, str(tmp_path / "stopped")], 0.2) as process:
        wait_until(process, lambda: list(tmp_path.glob("stopped/import_questions/*/part-*")))
        assert stop(process) == f"import_questions: {AS_ASKED}"
    folders = [finish("import_questions", [*words, str(tmp_path / place)]) for place in ("stopped", "undisturbed")]
    assert read_manifest(folders[0]).parts == read_manifest(folders[1]).parts


def test_a_step_that_waits_for_an_endpoint_stops(tmp_path: Path, write_questions: WriteRows) -> None:
    workspace = Workspace(str(tmp_path))
    questions = write_questions(workspace, TEXTS)
    asked: list[int] = []
    stopped = threading.Event()

    def answer(_: object, number: int) -> Answer:
        asked.append(number)
        if number > 1:  # the first one is something harmless
            stopped.wait(SECONDS)
        return reply("\\boxed{1}")

    with serve(answer) as served:
        words = ["--questions", questions, "--engine", "openai", "--endpoint", served.url, "--model", "openai:served"]
        words += ["--num-samples", "1", "--max-concurrency", "8", "--workspace", workspace.uri]
        with running("generate_responses", words) as process:
            wait_until(process, lambda: len(asked) == 9)
            assert stop(process) == f"generate_responses: {AS_ASKED}"
        stopped.set()
        manifest = read_manifest(finish("generate_responses", words))
    assert (manifest.rows_in, manifest.rows_out) == (30, 30)


def test_a_step_that_waits_for_an_endpoint_to_come_back_stops(tmp_path: Path, write_questions: WriteRows) -> None:
    workspace = Workspace(str(tmp_path))
    words = ["--questions", write_questions(workspace, TEXTS), "--engine", "openai", "--model", "openai:served"]
    words += ["--endpoint", "http://127.0.0.1:9/v1", "--workspace", workspace.uri]
    with running("generate_responses", words) as process:
        assert process.stderr is not None
        assert "retrying in" in process.stderr.readline()
        assert stop(process) == f"generate_responses: {AS_ASKED}"


def test_comparisons_of_answers_stop_with_their_step(tmp_path: Path, write_questions: WriteRows) -> None:
    workspace = Workspace(str(tmp_path))
    questions = write_questions(workspace, TEXTS[:1], answers=["10^{10^{9}}+1"])
    hang = "\\boxed{9^{10^{9}}+1}"  # takes its whole time limit, and longer
    with serve(lambda *_: reply(*[hang] * 4)) as served:
        words = ["--questions", questions, "--engine", "openai", "--endpoint", served.url, "--model", "openai:served"]
        words += ["--num-samples", "4", "--workspace", workspace.uri]
        with running("measure_fail_rate", words) as process:
            wait_until(process, lambda: len(_processes_of_session(process.pid)) >= 4)
            begun = {pid: cpu_seconds_of(pid) for pid in _processes_of_session(process.pid)}
            wait_until(process, lambda: _num_computing(process, begun) >= 2)  # as many compare side by side
            assert stop(process) == f"measure_fail_rate: {AS_ASKED}"


@pytest.mark.faults
def test_a_step_that_loads_a_model_stops(tmp_path: Path, tiny_scorer: Path, write_questions: WriteRows) -> None:
    workspace = Workspace(str(tmp_path))
    words = ["--questions", write_questions(workspace, TEXTS), "--scorer", str(tiny_scorer)]
    words += ["--scorer-engine", "transformers", "--workspace", workspace.uri]
    with running("score_difficulty", words) as process:
        wait_until(process, lambda: list(tmp_path.glob("score_difficulty/*/_plan.json")))
        assert stop(process) == f"score_difficulty: {AS_ASKED}"
    assert read_manifest(finish("score_difficulty", words)).rows_out == 30


def test_ctrl_c_stops_like_sigterm(tmp_path: Path, write_questions: WriteRows) -> None:
    workspace = Workspace(str(tmp_path))
    words = ["--questions", write_questions(workspace, TEXTS), "--workspace", workspace.uri]
    with running("filter_language", words, 1.0) as process:
        wait_until(process, lambda: list(tmp_path.glob(f"filter_language/*/{LEASES}/part-*/*")))
        assert stop(process, signal.SIGINT) == f"filter_language: {AS_ASKED}"


@pytest.mark.parametrize(
    "at_work",
    [
        "with stopping.deferred(): there(); stopping.pause(60); print('written', flush=True)",
        "with stopping.deferred(): there(); stopping.pause(60); stopping.check_unless_deferred(); "
        "print('written', flush=True)",
    ],
    ids=["main_thread", "work_for_it"],
)
def test_what_is_being_written_is_finished(at_work: str) -> None:
    process = _start_script(at_work, limit=SECONDS)
    process.terminate()
    _, said = process.communicate(timeout=SECONDS)
    assert process.returncode == ExitCode.STOPPED, said
    assert "written" in said


@pytest.mark.parametrize(
    "at_work",
    [
        "with stopping.deferred(): there(); time.sleep(600)",
        "there(); hashlib.pbkdf2_hmac('sha256', b'', b'', 10**9)",  # minutes, and the interpreter does not get to run
        "there(); work()",
        "there(); time.sleep(600)",
        "with stopping.deferred(): there(); retries.until_answered('a call', cut_off)",
        "with stopping.deferred(): there(); asyncio.run(retries.until_answered_async('a call', cut_off_too))",
        "with stopping.deferred(): there(); logging.getLogger().warning('x' * 10**6)",  # more than a pipe takes
    ],
    ids=["writing_for_long", "in_a_library", "swallowed", "asleep", "retrying", "retrying_async", "blocked_in_its_log"],
)
def test_a_signal_is_heeded_wherever_the_process_is(at_work: str) -> None:
    process = _start_script(at_work)
    process.terminate()
    exit_code = process.wait(SECONDS)  # nobody reads what it says
    assert exit_code == ExitCode.STOPPED, process.communicate()


def test_a_signal_ends_a_pause_whichever_of_its_calls_it_meets() -> None:
    command = [sys.executable, "-m", "tests.components.shared.interrupted_pause"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10 * SECONDS)
    codes = done.stdout.split()
    assert len(codes) > 10
    assert set(codes) == {str(ExitCode.STOPPED)}


def test_a_part_is_released_whichever_call_of_its_taking_a_signal_meets(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.components.shared.interrupted_take", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10 * SECONDS)
    lines = done.stdout.splitlines()
    assert len(lines) > 100
    assert set(lines) == {f"{ExitCode.STOPPED:d} 0"}


def test_a_process_whose_last_work_gets_no_answer_ends_all_the_same() -> None:
    process = _start_script(
        "stopping.LAST_SECONDS = 0.1; stopping.call_if_late(lambda: time.sleep(600)); there(); work()"
    )
    process.terminate()
    assert process.wait(SECONDS) == ExitCode.STOPPED


@pytest.mark.parametrize("num_signals", [1, 2])
def test_what_a_process_started_ends_with_it(num_signals: int) -> None:
    process = _start_script(
        "child = subprocess.Popen(['sleep', '600'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n"
        "    stopping.kill_at_end(child)\n"
        "    with stopping.deferred():\n"
        "        there(); os.write(1, f'{child.pid}\\n'.encode())\n"
        "        stopping.pause(60); there(); time.sleep(600)",
        limit=0.5 if num_signals == 1 else SECONDS,
    )
    assert process.stdout is not None
    child = int(process.stdout.readline())
    process.terminate()
    assert _is_there(process)
    if num_signals == 2:
        process.terminate()
    assert process.wait(SECONDS) == ExitCode.STOPPED
    deadline = time.monotonic() + SECONDS
    while is_alive(child):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_second_signal_ends_at_once() -> None:
    process = _start_script(
        "with stopping.deferred(): there(); stopping.pause(60); there(); time.sleep(600)", limit=SECONDS
    )
    process.terminate()
    assert _is_there(process), "what is being written is finished"
    process.terminate()
    assert process.wait(SECONDS) == ExitCode.STOPPED


def test_a_process_that_does_not_get_to_stop_is_not_taken_for_one_that_died(tmp_path: Path) -> None:
    process = _start_script(
        "parts = some_folder(config, workspace).missing_parts(); part = next(parts); there(); work()", tmp_path
    )
    process.terminate()
    assert process.wait(SECONDS) == ExitCode.STOPPED
    (leases,) = tmp_path.glob(f"*/*/{LEASES}")
    objects = list_objects(str(leases))
    assert [each.name for each in objects] == [
        f"{work_of(0)}/attempt-0-000001-ended.json",
        f"{work_of(0)}/attempt-0.json",
    ]
    assert judge(read_attempts(objects), lambda *_: True).parts == Counter()


def test_a_forked_child_has_no_step_to_stop() -> None:
    process = _start_script(
        "there(); child = os.fork() or time.sleep(600); os.kill(child, 15); print(os.waitpid(child, 0)[1])"
    )
    _, said = process.communicate(timeout=SECONDS)
    assert f"{signal.SIGTERM.value}" in said.splitlines()


def test_what_goes_wrong_while_a_step_is_stopped_is_not_reported() -> None:
    process = _start_script(
        "with contextlib.ExitStack() as stack: stack.callback(int, 'cut off'); there(); time.sleep(600)"
    )
    process.terminate()
    _, said = process.communicate(timeout=SECONDS)
    assert process.returncode == ExitCode.STOPPED
    assert "ValueError" not in said


def _start_script(at_work: str, workspace: Path = Path("w"), limit: float = 0.5) -> Process:
    """Start a step that is at something; return once it says that it is there."""
    script = f"""
import asyncio, contextlib, hashlib, logging, os, subprocess, sys, time
from components.shared import stopping
from components.shared.stores import retries
from components.shared.command.step_command import run_step
from tests.components.shared.sample_folders import SampleConfig, create_folder
def some_folder(config, workspace): return create_folder(workspace, 4, 2)
stopping.LIMIT_SECONDS = {limit}
def there():
    os.write(1, b"there" + os.linesep.encode())
def work():
    while True:
        try: time.sleep(600)
        except BaseException: pass
def cut_off():
    raise ConnectionResetError
async def cut_off_too():
    raise ConnectionResetError
def run(config, workspace):
    {at_work}
    return workspace.uri
run_step(SampleConfig, run, ["--workspace", {str(workspace)!r}])
"""
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert _is_there(process)
    time.sleep(0.2)  # into the call that follows, as a rule: a signal right before it is heeded, too
    return process


def _is_there(process: Process) -> bool:
    """Wait until a script says that it is there, or ends."""
    assert process.stdout is not None
    return process.stdout.readline() == "there\n"


def _num_computing(process: Process, begun: Mapping[int, float]) -> int:
    """Return how many of those that a process has started have computed for a tenth of a second more."""
    started = set(_processes_of_session(process.pid)) - {process.pid}
    return sum(cpu_seconds_of(pid) > begun.get(pid, 0.0) + 0.1 for pid in started)


def _processes_of_session(session: int) -> list[int]:
    """Return the processes that a step and its children are."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[3]) == session and fields[0] != "Z":
                found.append(int(stat.parent.name))
    return found
