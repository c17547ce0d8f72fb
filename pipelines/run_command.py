"""`scalequest run`: check everything, run, keep the steps' logs, report the result."""

from __future__ import annotations

import dataclasses
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, TextIO, cast

from rich.console import Console

from components.shared.errors import FINAL, ExitCode, InputError, UnavailableError
from components.shared.log_lines import JsonLines, log_format
from components.shared.stores import storage
from components.shared.workspace.manifests import read_manifest_or_none
from components.shared.workspace.run_records import RunRecorder
from pipelines.arguments import Run
from pipelines.compiled_pipeline import CHECK_NAME
from pipelines.json_output import print_json, stream_for_people
from pipelines.planning.asked_run import AskedRun
from pipelines.planning.budgets import check_not_spent
from pipelines.planning.confirming import UNASKED, Spending, confirm
from pipelines.planning.pilot_forecast import forecast
from pipelines.planning.pilot_report import print_forecast
from pipelines.planning.pilot_run import Pilot, pilot_of
from pipelines.planning.run_plans import plan_of
from pipelines.planning.table import short_lines
from pipelines.progress import ConsoleObserver
from pipelines.reporting import exit_code_of, visible
from pipelines.run_checks.checked_page import CheckedRun, report
from pipelines.run_checks.runs_here import checked_here, prepare_here
from pipelines.run_checks.step_checks import check_steps
from pipelines.run_checks.vantage import LAPTOP
from pipelines.run_ending import made_and_foreseen, print_ending
from pipelines.step_processes import SIGNALLED, RunInterruptedError
from pipelines.webhook import EndOfRun, tell

INTERRUPTED = "interrupted; run the same command again to continue"

Loudness = Literal["quiet", "normal", "verbose"]
Ending = Callable[[Console, str, str, float], None]  # prints what a run made: its folder, workspace, seconds


@dataclass(frozen=True, kw_only=True)
class Asked(AskedRun):
    """What is to run, and how much is said of it: nothing but the result, the steps, or also all that they log."""

    loudness: Loudness = "normal"
    spending: Spending = UNASKED
    as_json: bool = False

    @property
    def command(self) -> str:
        """The command that runs it, without secrets."""
        return self.command_of("run", *(["--yes"] if self.spending.yes else []))


def run_preset(asked: Asked) -> int:
    """Run a preset, or a part of the method with its values; return the exit code of the step that failed."""
    try:
        return exit_code_of("run", lambda: _run_preset(asked))
    except KeyboardInterrupt:  # before the pipeline runs, or after: meanwhile it heeds signals itself
        Console(stderr=True).print(INTERRUPTED)
        return SIGNALLED + signal.SIGINT


def _run_preset(asked: Asked) -> int:
    whole = prepare_here(asked.preset, asked.settings, asked.workspace, asked.pipeline)
    pilot = pilot_of(whole, asked.pilot) if asked.pilot else None
    run, began = pilot.run if pilot else whole, time.monotonic()
    name, steps = run.pipeline.name, len(run.steps)
    recorder = RunRecorder(asked.workspace, preset=asked.preset, pipeline=name, num_steps=steps, command=asked.command)
    # A console of its own stream: while kfp runs, sys.stdout is its log.
    stream = stream_for_people(as_json=asked.as_json)
    told_to = JsonLines(stream, "scalequest.run") if log_format() == "json" else stream
    console = Console(file=cast(TextIO, told_to), quiet=asked.loudness == "quiet")
    with console.status("checking what the run uses"):
        looked = check_steps(run, LAPTOP)
        planned = plan_of(run, looked)
    told = f"{asked.preset}: {name}, {steps} steps, workspace {asked.workspace}"
    for line in (told, *short_lines(planned)):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    check_not_spent(planned.budget)
    confirm(planned, asked.spending)
    ending, is_verbose = _ending_of(asked, pilot, run.price_per_gpu_hour), asked.loudness == "verbose"
    checked = checked_here(run, looked)
    end = run_pipeline(run, checked, console, recorder, ending, is_verbose=is_verbose)
    if asked.as_json:
        made = made_and_foreseen(run, end.folder, pilot.num_whole if pilot else 0, has_run=True)
        print_json({**vars(end), "seconds": time.monotonic() - began, **made})
    return end.exit_code


def _ending_of(asked: Asked, pilot: Pilot | None, price: float) -> Ending:
    """Return what prints the result of a run."""
    if asked.as_json:
        return lambda *_: None  # the document tells it
    if asked.loudness == "quiet":
        return lambda _, folder, *__: Console(file=sys.stdout).print(folder, highlight=False, soft_wrap=True)
    return partial(_print_pilot, pilot, asked) if pilot else partial(print_ending, price=price)


def _print_pilot(pilot: Pilot, asked: Asked, console: Console, folder: str, workspace: str, seconds: float) -> None:
    """Print what a pilot made, then what it says of the whole run."""
    price = pilot.run.price_per_gpu_hour
    print_ending(console, folder, workspace, seconds, price=price)
    if read_manifest_or_none(folder) is None:  # other runs make it
        return
    console.print()
    print_forecast(console, forecast(folder, pilot.num_whole, price), dataclasses.replace(asked, pilot=0).command)


def run_pipeline(
    run: Run,
    checked: CheckedRun,
    console: Console,
    recorder: RunRecorder,
    ending: Ending = print_ending,
    *,
    is_verbose: bool = False,
) -> EndOfRun:
    """Run a pipeline and report the result; return how it has ended. ``checked``: what its first task would find."""
    with console.status("starting Kubeflow Pipelines"):
        # Takes seconds, and only a run needs it.
        from pipelines.local_runner import StepFailedError, run_compiled
    began, workspace = time.monotonic(), checked.workspace
    keeper = _Keeper(recorder, workspace)
    answers = {CHECK_NAME: lambda told: report(checked, told["outputs"])}
    try:
        price = run.price_per_gpu_hour
        with ConsoleObserver(console, run.steps, workspace, verbose=is_verbose, price_per_gpu_hour=price) as observer:
            given = run.pipeline.path, run.arguments
            run_compiled(*given, observer, keeper.keep, answers=answers, last_step=run.last_step)
    except StepFailedError as failure:
        message = _report(failure.step, failure.exit_code, failure.last_lines, failure.log)
        return keeper.end(failure.exit_code, message=message)
    except RunInterruptedError as interrupted:
        console.print(INTERRUPTED)
        return keeper.end(interrupted.exit_code, message=INTERRUPTED)
    folder = observer.last_folder
    seconds, end = time.monotonic() - began, keeper.end(ExitCode.DONE, folder)
    try:
        ending(console, folder, workspace, seconds)
    except (InputError, UnavailableError) as error:  # the run has ended well, whoever may read its rows now
        told = f"the run is done; its result cannot be read now: {error}; later: scalequest show {folder}"
        console.print(told, markup=False, highlight=False, soft_wrap=True)
    return end


class _Keeper:
    """Keeps in the workspace what a run leaves, unless its store may be what did not respond; tells the webhook."""

    def __init__(self, recorder: RunRecorder, workspace: str) -> None:
        self._recorder = recorder
        self._workspace = workspace

    def keep(self, log: Path, exit_code: int) -> None:
        """Keep the log of a step that has ended."""
        if not self._may_be_away(exit_code):
            directory = str(log.parent)
            self._recorder.keep_log(log.name, log.read_bytes(), directory=directory, exit_code=exit_code)

    def end(self, exit_code: int, folder: str = "", message: str = "") -> EndOfRun:
        """Write down how the run has ended, tell it, and return it."""
        end, record = self._recorder.ended(exit_code, folder, message), self._recorder.record
        if not self._may_be_away(exit_code):
            self._recorder.keep_end(end)
        told = EndOfRun(
            run=record.name,
            preset=record.preset,
            pipeline=record.pipeline,
            workspace=self._workspace,
            state=end.state,
            num_steps=record.num_steps,
            began_at=record.began_at,
            **dataclasses.asdict(end),
        )
        tell(told)
        return told

    def _may_be_away(self, exit_code: int) -> bool:
        return storage.is_remote(self._workspace) and exit_code == ExitCode.UNAVAILABLE


def _report(step: str, exit_code: int, last_lines: list[str], log: Path) -> str:
    """Print why a step failed; return its last line."""
    console = Console(stderr=True)
    # What a step says of itself is one line, the last; anything else needs what came before it.
    lines = last_lines[-1:] if exit_code in (*FINAL, ExitCode.UNAVAILABLE) else last_lines
    for line in lines:
        console.print(visible(line), markup=False, highlight=False, soft_wrap=True)
    console.print(f"step {step} failed with exit code {exit_code}; its log is {log}", highlight=False, soft_wrap=True)
    return last_lines[-1] if last_lines else f"step {step} failed with exit code {exit_code}"
