"""The processes that train, and the step that starts them: who is told to stop, who dies with whom, what is said."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from components.shared.errors import ExitCode, InputError, UnavailableError
from tests.components.shared.mortals import is_alive
from tests.components.shared.waiting_trainer import launch

pytestmark = pytest.mark.slow

SECONDS = 60


def test_the_figures_of_several_processes_come_back_and_no_temporary_file_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    assert launch(tmp_path, "end") == {"loss_last": 0.5}
    assert not [*temporary.glob("torchelastic*")], "torchrun removes none of its own"


@pytest.mark.parametrize(
    ("behaviour", "error", "message"),
    [
        ("refuse", InputError, "access denied"),
        ("fail to reach", UnavailableError, "the store does not answer"),
        ("have a bug", RuntimeError, "ZeroDivisionError: division by zero"),
        ("die", UnavailableError, "one of the 2 processes that train here was killed"),
    ],
)
def test_what_one_process_fails_of_is_what_the_step_fails_of(
    tmp_path: Path, behaviour: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        launch(tmp_path, behaviour)


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, ExitCode.STOPPED), (signal.SIGKILL, -signal.SIGKILL)],
    ids=["told", "killed"],
)
def test_processes_end_with_the_step_that_started_them(tmp_path: Path, number: signal.Signals, code: int) -> None:
    command = [sys.executable, "-m", "tests.components.shared.waiting_trainer", "launch", str(tmp_path), "wait"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as step:
        workers = [_pid(tmp_path / f"process-{rank}", step) for rank in range(2)]
        step.send_signal(number)
        assert step.wait(SECONDS) == code
    deadline = time.monotonic() + SECONDS
    while any(map(is_alive, workers)):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _pid(file: Path, step: subprocess.Popen[bytes]) -> int:
    deadline = time.monotonic() + SECONDS
    while not (file.exists() and file.read_text()):
        assert step.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return int(file.read_text())
