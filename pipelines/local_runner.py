"""Runs a compiled pipeline on this machine: the file that a cluster gets, through kfp.local, each step a process.

kfp.local 2.17 refuses steps that are commands, rewrites "python3" inside every argument, gives each input of a loop the
loop's item, retries whatever the exit code and only after minutes, and does not tell a failed step's exit code. Three
replacements, in force while a pipeline runs, correct that; the tests hold the original behaviour as strict expected
failures, so that they go when kfp is fixed.
"""

from __future__ import annotations

import builtins
import contextlib
import json
import logging
import shutil
import signal
import tempfile
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from kfp import components, local
from kfp.local import subprocess_task_handler
from kfp.local.orchestrator import task_executor, task_spec_utils
from kfp.local.status import Status

from components.shared.errors import ExitCode, InputError, UnavailableError
from components.shared.log_lines import JsonFormatter, RedactingFormatter, log_format
from components.shared.model_imports import COMMAND
from components.shared.passing_on import MODELS
from components.shared.redaction import redacted
from pipelines.compiled_pipeline import executor_input_of_command, step_of_command
from pipelines.step_processes import SIGNALLED, RunInterruptedError, StepProcesses

LAST_LINES = 12  # of a failed step's log, shown to the user

KeepLog = Callable[[Path, int], None]  # the log of a step that has ended, and its exit code
Answer = Callable[[Mapping[str, Any]], None]  # writes a task's outputs where its executor input says
NO_ANSWERS: Mapping[str, Answer] = MappingProxyType({})


class Observer(Protocol):
    """Is told what happens, from one thread at a time."""

    def step_started(self, step: str, options: Mapping[str, Any]) -> None:
        """Take note that a step's process starts."""

    def step_said(self, line: str) -> None:
        """Take note of a line that the running step wrote."""

    def step_died(self, exit_code: int, attempt: int, attempts: int) -> None:
        """Take note that the running step's process died of what may pass, and that the next attempt starts."""

    def step_finished(self, step: str, folder: str, seconds: float) -> None:
        """Take note that a step ended well; ``folder`` may still lack the parts of another run."""

    def stopping(self, step_was_told: bool) -> None:
        """Say that the run was asked to stop, and what a second signal does; from any thread, at any moment."""

    def ends_at_once(self) -> None:
        """Leave the terminal in order, for the process ends; from any thread, at any moment."""


class StepFailedError(Exception):
    """A step ended with another exit code than 0."""

    def __init__(self, step: str, exit_code: int, last_lines: list[str], log: Path) -> None:
        super().__init__(f"step {step} failed with exit code {exit_code}")
        self.step, self.exit_code, self.last_lines, self.log = step, exit_code, last_lines, log


class _LastStepDoneError(Exception):
    """The step behind which nothing starts has ended well."""


def keep_nothing(log: Path, exit_code: int) -> None:
    """Leave the log of a step where it is."""


def run_compiled(
    path: Path,
    arguments: Mapping[str, Any],
    observer: Observer,
    keep_log: KeepLog = keep_nothing,
    *,
    answers: Mapping[str, Answer] = NO_ANSWERS,
    last_step: str = "",
) -> None:
    """Run a compiled pipeline; StepFailedError where a step fails, RunInterruptedError where a signal ends it.

    The steps' logs stay on this machine only then; ``keep_log`` gets each as its step ends. For the main thread.
    ``answers``: of tasks that are no steps and get no process, by name. ``last_step``: nothing starts behind it; "" for
    all.
    """
    folder = Path(tempfile.mkdtemp(prefix="scalequest-"))
    steps = _Steps(observer, folder, keep_log, answers, last_step)
    with _quiet(folder / "kfp.log"), steps.in_place_of_kfp(), steps.processes.stopped_by_signals():
        local.init(local.SubprocessRunner(use_venv=False), pipeline_root=str(folder / "outputs"))
        try:
            components.load_component_from_file(str(path))(**arguments)
        except Exception as error:
            # kfp wraps a step's failure once a loop, or more; the failure itself was noted when it happened.
            if steps.processes.signal:
                raise RunInterruptedError(steps.processes.signal) from error
            if not isinstance(steps.failure, _LastStepDoneError):
                raise steps.failure or error from error
    shutil.rmtree(folder)


class _Steps:
    """Does the steps one after another: two at once would share the cores and double the memory."""

    def __init__(
        self, observer: Observer, folder: Path, keep_log: KeepLog, answers: Mapping[str, Answer], last_step: str
    ) -> None:
        self.failure: Exception | None = None
        self.processes = StepProcesses(observer.stopping, observer.ends_at_once)
        self._observer = observer
        self._keep_log = keep_log
        self._answers = answers
        self._folder = folder
        self._last_step = last_step
        self._lock = threading.Lock()
        self._task = threading.local()  # its ``retries``; a loop's tasks have threads
        self._number = 0

    @contextlib.contextmanager
    def in_place_of_kfp(self) -> Iterator[None]:
        """Let kfp.local start steps here, and pass loops their inputs unharmed."""
        with (
            _replaced(subprocess_task_handler, "SubprocessTaskHandler", _handler_of(self.run)),
            loops_corrected(),
            _replaced(task_executor, "execute_single_task", self._execute_task),
        ):
            yield

    def _execute_task(self, *, task_spec: Any, **others: Any) -> Any:
        """Keep the task's retry policy in mind: what starts its process is not told."""
        self._task.retries = task_spec.retry_policy.max_retry_count
        return _original_execute_task(task_spec=task_spec, **others)

    def run(self, command: list[str]) -> None:
        """Run one step to its end. Raises rather than reports a failure, because kfp would retry it, whatever it is."""
        with self._lock:
            if self.failure is not None:
                raise self.failure
            if self.processes.signal:  # that came when the step before had just ended
                raise RunInterruptedError(self.processes.signal)
            step, given = step_of_command(command), executor_input_of_command(command)
            if answer := self._answers.get(step):
                answer(given)
                return
            self._number += 1
            started = time.monotonic()
            if step != COMMAND:
                self._observer.step_started(step, given["inputs"]["parameterValues"])
            log = self._folder / f"{self._number:03d}-{step}.log"
            exit_code, last_lines = self._run_attempts(command, log)
            self._keep_log(log, exit_code)
            if exit_code != 0:
                self.failure = StepFailedError(step, exit_code, last_lines, log)
                raise self.failure
            try:
                for step_made, source, folder in _folders_of(step, given):
                    if step == COMMAND:
                        self._observer.step_started(step_made, {"source": source})
                        self._say_of(folder, log)
                    self._observer.step_finished(step_made, folder, time.monotonic() - started)
                    started = time.monotonic()
            except (InputError, UnavailableError) as error:  # of the store, which it asks for the folder
                self.failure = error
                raise
            if step == self._last_step:
                self.failure = _LastStepDoneError()  # what kfp asks for next is refused

    def _say_of(self, folder: str, log: Path) -> None:
        """Say again what a task that makes several folders said of one of them."""
        for line in log.read_text(encoding="utf-8").splitlines():
            if folder in line:
                self._observer.step_said(line)

    def _run_attempts(self, command: list[str], log: Path) -> tuple[int, list[str]]:
        """Start the step again, at once, as often as its retry policy says: it continues where it stopped."""
        retries = self._task.retries
        for attempt in range(1, retries + 1):
            exit_code, last_lines = self._run_process(command, log)
            if self.processes.signal or not _may_pass(exit_code):
                return exit_code, last_lines
            self._observer.step_died(exit_code, attempt, retries + 1)
        return self._run_process(command, log)

    def _run_process(self, command: list[str], log: Path) -> tuple[int, list[str]]:
        last_lines: deque[str] = deque(maxlen=LAST_LINES)
        with log.open("a", encoding="utf-8") as file:

            def hear(said: str) -> None:
                line = redacted(said)  # libraries write, too
                file.write(line)
                last_lines.append(line.rstrip())
                self._observer.step_said(line.rstrip())

            return self.processes.run(command[1:], hear), list(last_lines)


def _folders_of(step: str, given: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return what a task has made: the step, of an import of all models each model, and the folder."""
    output = given["outputs"]["parameters"][MODELS if step == COMMAND else "folder"]["outputFile"]
    told = Path(output).read_text(encoding="utf-8")
    if step == COMMAND:
        return [("import_model", source, folder) for source, folder in json.loads(told).items()]
    return [(step, "", told)]


def _handler_of(do: Callable[[list[str]], None]) -> type:
    """Return what kfp makes for each task, which gives its command to ``do``."""

    class StepHandler:
        def __init__(self, *, full_command: list[str], **_: Any) -> None:
            self.full_command = full_command

        def run(self) -> Status:
            do(self.full_command)
            return Status.SUCCESS

    return StepHandler


@contextlib.contextmanager
def loops_corrected() -> Iterator[None]:
    """Let kfp.local pass loops their inputs unharmed."""
    with _replaced(task_spec_utils, "create_parameter_loop_iteration_task_spec", _iteration_task_spec):
        yield


def _may_pass(exit_code: int) -> bool:
    """Tell whether a retry may succeed: a store did not respond, or a signal ended the process (except Ctrl-C's)."""
    return exit_code == ExitCode.UNAVAILABLE or (exit_code > SIGNALLED and exit_code != SIGNALLED + signal.SIGINT)


_original_execute_task: Callable[..., Any] = task_executor.execute_single_task
_original_iteration_task_spec: Callable[..., Any] = task_spec_utils.create_parameter_loop_iteration_task_spec


def _iteration_task_spec(task_spec: Any, loop_item: Any, loop_task_name: str) -> Any:
    """Give one iteration its item, and leave all other inputs as they are.

    The original also overwrites outputs of earlier tasks and the items of enclosing loops.
    """
    iteration = _original_iteration_task_spec(task_spec, loop_item, loop_task_name)
    for name, value in task_spec.inputs.parameters.items():
        if name != task_spec.parameter_iterator.item_input:
            iteration.inputs.parameters[name].CopyFrom(value)
    return iteration


@contextlib.contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    original = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, original)


@contextlib.contextmanager
def _quiet(log: Path) -> Iterator[None]:
    """Send what kfp prints and logs to a file, and drop its warnings that resources mean nothing here.

    It logs as the root logger does, and changes that one's handlers. Warnings of our own still reach the user.
    """
    root, ours = logging.getLogger(), logging.getLogger("components")
    handlers, level = root.handlers[:], root.level
    aloud = logging.StreamHandler()
    aloud.setFormatter(JsonFormatter() if log_format() == "json" else RedactingFormatter())
    aloud.setLevel(logging.WARNING)
    with log.open("w", encoding="utf-8") as file, contextlib.redirect_stdout(file), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        root.handlers[:] = [logging.StreamHandler(file)]
        ours.addHandler(aloud)
        try:
            with _replaced(builtins, "print", print):  # its loops' threads leave one that indents
                yield
        finally:
            ours.removeHandler(aloud)
            root.handlers[:] = handlers
            root.setLevel(level)
