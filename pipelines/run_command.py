"""`scalequest run`: check everything, run, report the result."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from components.shared.errors import ExitCode, InputError
from components.shared.jobs.pod_numbers import read_pod_numbers
from components.shared.stores import storage
from components.shared.workspace.ledgers import REJECTED
from components.shared.workspace.row_sources import open_source
from pipelines.arguments import Run, prepare_run
from pipelines.progress import ConsoleObserver
from pipelines.reporting import exit_code_of, visible
from pipelines.show_command import print_funnel, print_table
from pipelines.step_processes import SIGNALLED, RunInterruptedError

INTERRUPTED = "interrupted; run the same command again to continue"


def run_preset(preset: str, settings: Sequence[str], workspace: str, pipeline: str = "") -> int:
    """Run a preset, or a part of the method with its values; return the exit code of the step that failed."""
    try:
        return exit_code_of("run", lambda: _run_preset(preset, settings, workspace, pipeline))
    except KeyboardInterrupt:  # before the pipeline runs, or after: meanwhile it heeds signals itself
        Console(stderr=True).print(INTERRUPTED)
        return SIGNALLED + signal.SIGINT


def _run_preset(preset: str, settings: Sequence[str], workspace: str, pipeline: str) -> int:
    # A console of its own stream: while kfp runs, sys.stdout is its log.
    console = Console(file=sys.stdout)
    run = prepare_run(preset, settings, workspace, pipeline)
    check_writable(workspace)
    check_processes(run.arguments)
    console.print(f"{preset}: {run.pipeline.path.stem}, {len(run.steps)} steps, workspace {workspace}", highlight=False)
    return run_pipeline(run, workspace, console)


def check_writable(workspace: str) -> None:
    """Raise InputError where a workspace cannot be written; a store is asked only whether it answers."""
    if storage.is_remote(workspace):
        storage.exists(workspace)
        return
    path = storage.local_path(workspace).absolute()
    standing = next(parent for parent in (path, *path.parents) if parent.exists())
    if not standing.is_dir() or not os.access(standing, os.W_OK | os.X_OK):
        raise InputError(f"--workspace {workspace}: {standing} cannot be written; give a writable directory")


def check_processes(arguments: Mapping[str, Any]) -> None:
    """Raise InputError where the processes that share a step may be fewer than asked for, which only pods can be."""
    if read_pod_numbers(arguments["pods"]).is_range:
        raise InputError(f"pods {arguments['pods']!r} is a range, which only a Job takes; here, give a number")


def run_pipeline(run: Run, workspace: str, console: Console) -> int:
    """Run a pipeline whose arguments were checked, and report the result; return the exit code."""
    with console.status("starting Kubeflow Pipelines"):
        # Takes seconds, and only a run needs it.
        from pipelines.local_runner import StepFailedError, run_compiled
    try:
        with ConsoleObserver(console, run.steps, workspace) as observer:
            run_compiled(run.pipeline.path, run.arguments, observer)
    except StepFailedError as failure:
        _report(failure.step, failure.exit_code, failure.last_lines, failure.log)
        return failure.exit_code
    except RunInterruptedError as interrupted:
        console.print(INTERRUPTED)
        return interrupted.exit_code
    _print_result(console, observer.last_folder)
    return 0


def _print_result(console: Console, folder: str) -> None:
    console.print()
    print_funnel(console, folder)
    console.print()
    if print_table(console, open_source(folder)):
        console.print()
    names = [name for name in storage.list_names(folder) if not name.startswith("_") and name != REJECTED]
    for name in names:
        console.print(storage.join(folder, name), highlight=False, soft_wrap=True)
    console.print(f"to look at it: scalequest show {folder}", highlight=False, soft_wrap=True)


def _report(step: str, exit_code: int, last_lines: list[str], log: Path) -> None:
    console = Console(stderr=True)
    # What a step says of itself is one line, the last; anything else needs what came before it.
    lines = last_lines[-1:] if exit_code in (ExitCode.BAD_INPUT, ExitCode.UNAVAILABLE) else last_lines
    for line in lines:
        console.print(visible(line), markup=False, highlight=False, soft_wrap=True)
    console.print(f"step {step} failed with exit code {exit_code}; its log is {log}", highlight=False, soft_wrap=True)
