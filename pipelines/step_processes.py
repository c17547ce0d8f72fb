"""The process of the current step of a run, and the signals that stop a run.

Each step has a process group of its own. So Ctrl-C in a terminal reaches the runner alone, as SIGTERM does: the runner
tells the step, once; a second signal kills the whole group, and ends the runner. Both are the work of a thread, because
the main thread may be waiting for those of a loop of kfp.local.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from components.shared import stopping
from components.shared.log_lines import VARIABLE as LOG_FORMAT
from components.shared.processes import RUNNER
from components.shared.speaking import VARIABLE

REPOSITORY = Path(__file__).parents[1]
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SIGNALLED = 128  # a process that signal n ended has the exit code 128 + n, as shells and Kubernetes say it
STEP_SILENCE_SECONDS = "5"  # whoever looks at a run is to see what its step is at
UNHEARD_SECONDS = 1.0  # that last words may take: a terminal may be stopped


class RunInterruptedError(Exception):
    """The run was asked to stop, by Ctrl-C or SIGTERM, and so was its step."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by signal {number}")
        self.exit_code = SIGNALLED + number


class StepProcesses:
    """Runs one process after another, until a signal comes.

    ``tell`` says to the user that a run is stopping, and whether a step was told; ``part`` is called before the runner
    ends at once.
    """

    def __init__(self, tell: Callable[[bool], None], part: Callable[[], None]) -> None:
        self.signal = 0  # that asked the run to stop
        self._tell, self._part = tell, part
        self._process: subprocess.Popen[str] | None = None
        self._telling: threading.Thread | None = None
        self._starting = threading.Lock()  # also held while the process is told to stop: none starts meanwhile

    def run(self, command: Sequence[str], heard: Callable[[str], None]) -> int:
        """Run a step's command, each line that it prints given to ``heard``; return its exit code.

        Raises RunInterruptedError, and starts nothing, once the run was asked to stop.
        """
        with self._start(command) as process:
            assert process.stdout is not None
            for line in process.stdout:
                heard(line)
        with self._starting:
            self._process = None
        return process.returncode if process.returncode >= 0 else SIGNALLED - process.returncode

    def _start(self, command: Sequence[str]) -> subprocess.Popen[str]:
        environment = {VARIABLE: STEP_SILENCE_SECONDS, **os.environ} | {
            "PYTHONPATH": os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")]),
            RUNNER: str(os.getpid()),
            LOG_FORMAT: "text",  # the runner reads what the step logs, and writes it in the format that is asked for
        }
        with self._starting:
            if self.signal:
                raise RunInterruptedError(self.signal)
            self._process = subprocess.Popen(  # noqa: S603 - the command is one of our own steps
                [sys.executable, *command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                env=environment,
                process_group=0,
            )
            return self._process

    @contextlib.contextmanager
    def stopped_by_signals(self) -> Iterator[None]:
        """Stop at signals within the block. For the main thread."""
        heeded = [number for number in SIGNALS if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN]
        try:
            with stopping.watching(heeded, lambda *_: None, self._watch):
                yield
        finally:
            if self._telling is not None:
                self._telling.join(UNHEARD_SECONDS)

    def _watch(self, read_end: int) -> None:
        """Read the numbers of signals, which the interpreter's own handler writes."""
        while told := os.read(read_end, 64):
            for number in (number for number in told if number in SIGNALS):
                if self.signal:
                    self._end_at_once(number)
                self._stop(number)
        os.close(read_end)

    def _stop(self, number: int) -> None:
        with self._starting:
            self.signal = number
            self._telling = _aside(self._tell, self._process is not None)
            if self._process is not None:
                self._process.terminate()

    def _end_at_once(self, number: int) -> NoReturn:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        _aside(self._part).join(UNHEARD_SECONDS)
        os._exit(SIGNALLED + number)


def _aside(say: Callable[..., None], *words: bool) -> threading.Thread:
    """Say something in another thread: nobody may read it, or the pipe is full, and the next signal is heeded."""
    thread = threading.Thread(target=say, args=words, name="last words", daemon=True)
    thread.start()
    return thread
