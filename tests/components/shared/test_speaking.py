"""A step says what it is at where it would be silent, and nothing more where it would not."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from components.shared import speaking
from components.shared.errors import InputError
from components.shared.speaking import VARIABLE, Course, Heartbeat, duration
from components.shared.workspace import Workspace
from tests.clock import Clock
from tests.components.shared.deadly import ROW_SECONDS
from tests.conftest import WriteRows

TEXTS = [f"What is {number} + 1?" for number in range(30)]
SAID = "INFO components.shared.speaking: "


def test_a_heartbeat_says_something_once_nothing_was_heard_for_its_time() -> None:
    clock, said = Clock(), []
    heartbeat = Heartbeat(lambda: said.append(clock.now), 50.0, clock)
    for clock.now in range(100, 300, 10):
        if clock.now == 130:
            heartbeat.heard()
        heartbeat.beat()
    assert said == [180, 230, 280]


def test_a_heartbeat_knows_how_long_it_may_sleep() -> None:
    clock = Clock()
    heartbeat = Heartbeat(lambda: None, 50.0, clock)
    clock.now = 120.0
    assert heartbeat.beat() == 30.0
    clock.now = 170.0
    assert heartbeat.beat() == 50.0


@pytest.mark.parametrize(
    ("total", "before", "done", "seconds", "said"),
    [
        (1504, 0, 816, 4.0, "816 of 1,504 rows, 204.0 rows/s, 3 s left"),
        (1_000_000, 0, 1000, 100.0, "1,000 of 1,000,000 rows, 10.0 rows/s, 27 h 45 min left"),
        (10, 4, 6, 96.0, "6 of 10 rows, 48.0 s/row, 3 min left"),
        (10, 4, 4, 96.0, "4 of 10 rows"),
        (10, 0, 10, 5.0, "10 of 10 rows, 2.0 rows/s, 0 s left"),
        (0, 0, 0, 5.0, "0 of 0 rows"),
    ],
)
def test_a_course_says_how_far_how_fast_and_how_long(
    total: int, before: int, done: int, seconds: float, said: str
) -> None:
    clock = Clock()
    course = Course("row", total, before, clock)
    clock.now += seconds
    course.done = done
    assert str(course) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "0 s"), (59.4, "59 s"), (59.7, "1 min"), (60.0, "1 min"), (3599.0, "1 h 0 min"), (7500.0, "2 h 5 min")],
)
def test_a_duration_is_short(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_a_step_is_at_the_phase_that_it_entered_last_and_has_not_left() -> None:
    def rows() -> Iterator[int]:
        with speaking.phase("", lambda: "1 of 2 rows"):
            yield 1

    with speaking.phase("step"):
        assert _at() == "step, for 0 s"
        generator = rows()
        next(generator)
        with speaking.phase("loading hf://org/name"):
            assert _at() == "loading hf://org/name, for 0 s"
            del generator
        assert _at() == "step, for 0 s"
        with speaking.phase("training", lambda: "step 6 of 10"):
            assert _at() == "training, step 6 of 10"


def test_a_step_that_is_at_nothing_any_more_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        speaking._say()
        with speaking.phase("step"):
            speaking._say()
    assert caplog.messages == ["step, for 0 s"]


@pytest.mark.parametrize("text", ["0", "-1", "inf", "nan", "a minute", ""])
def test_a_silence_that_is_no_number_of_seconds_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(InputError, match=f"{VARIABLE} '{text}' is not accepted; expected a finite number of seconds"):
        speaking.silence_seconds()


def test_a_step_that_loads_for_long_says_what(tmp_path: Path) -> None:
    script = """
import sys, time
from components.shared import speaking
from components.shared.command.step_command import run_step
from tests.components.shared.sample_folders import SampleConfig
def run(config, workspace):
    with speaking.phase("loading hf://org/name"):
        time.sleep(600)
run_step(SampleConfig, run, ["--workspace", sys.argv[1]])
"""
    with _running(["-c", script, str(tmp_path)], 0.05) as step:
        assert SAID + "loading hf://org/name, for 0 s" in _line_with(step, "speaking")


def test_a_step_whose_part_takes_long_says_how_far_it_is(tmp_path: Path, write_questions: WriteRows) -> None:
    workspace = Workspace(str(tmp_path))
    words = ["--questions", write_questions(workspace, TEXTS), "--workspace", workspace.uri]
    command = ["-m", "tests.components.shared.deadly", "filter_language", *words]
    with _running(command, 0.05, row_seconds=0.2) as step:
        assert " of 30 rows, " in _line_with(step, "left")


def test_a_quick_step_says_nothing_more(tmp_path: Path, write_questions: WriteRows) -> None:
    workspace = Workspace(str(tmp_path))
    words = ["--questions", write_questions(workspace, TEXTS), "--workspace", workspace.uri]
    with _running(["-m", "components.filter_language", *words], speaking.SILENCE_SECONDS) as step:
        _, said = step.communicate()
    assert "30 of 30 rows" in said
    assert SAID not in said


def _at() -> str:
    return str(speaking._phases[-1])


def _line_with(step: subprocess.Popen[str], word: str) -> str:
    assert step.stderr is not None
    return next(line for line in step.stderr if word in line)


@contextlib.contextmanager
def _running(words: Sequence[str], silence: float, row_seconds: float = 0.0) -> Iterator[subprocess.Popen[str]]:
    environment = os.environ | {VARIABLE: str(silence), ROW_SECONDS: str(row_seconds)}
    with subprocess.Popen(
        [sys.executable, *words], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGKILL)
