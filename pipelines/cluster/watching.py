"""Follows a run on a cluster to its end: a line whenever a task changes its state."""

from __future__ import annotations

import re
import time
from datetime import datetime
from typing import Any

import kfp
import kfp_server_api
from rich.console import Console

from components.shared import exit_codes
from components.shared.errors import InputError, UnavailableError
from pipelines.cluster.kubeflow import explained

POLL_SECONDS = 15.0
PATIENCE_SECONDS = 1800.0  # without an answer: an API server that moves to another node is away for minutes
INTERRUPTED = 130  # by Ctrl-C, as shells say it
OWN = re.compile(r"root|executor|.*-driver|.*\(\d+\)")  # pods of Kubeflow itself, and attempts of a task
ENDED = {"SUCCEEDED": exit_codes.DONE, "SKIPPED": exit_codes.DONE, "FAILED": exit_codes.BUG, "CANCELED": exit_codes.BUG}


def tasks_of(run: Any) -> list[Any]:
    """Return the tasks of a run without Kubeflow's own pods: the drivers, and what is below a task."""
    tasks = (run.run_details and run.run_details.task_details) or []
    return [task for task in tasks if not OWN.fullmatch(task.display_name)]


def watch(client: kfp.Client, run_id: str, host: str, namespace: str, console: Console) -> int:
    """Print changes until the run has ended; return its exit code. Whatever ends the watching leaves the run alone."""
    try:
        return _watch(client, run_id, host, namespace, console)
    except KeyboardInterrupt:
        console.print(f"not watched any more{_goes_on(run_id, host, namespace)}", highlight=False, soft_wrap=True)
        return INTERRUPTED


def _watch(client: kfp.Client, run_id: str, host: str, namespace: str, console: Console) -> int:
    states: dict[str, str] = {}
    answered = time.monotonic()
    while True:
        try:
            with explained(host, namespace):
                run = client.get_run(run_id)
            answered = time.monotonic()
        except InputError as error:
            raise InputError(f"{error}{_what_goes_on(error, run_id, host, namespace)}") from error
        except UnavailableError as error:
            if time.monotonic() - answered > PATIENCE_SECONDS:
                raise UnavailableError(f"{error}{_what_goes_on(error, run_id, host, namespace)}") from error
            time.sleep(POLL_SECONDS)
            continue
        _print_changes(run, states, console)
        if run.state in ENDED:
            reason = f": {run.error.message}" if run.error and run.error.message else ""
            console.print(f"run {run_id} {run.state.lower()}{reason}", markup=False, highlight=False, soft_wrap=True)
            return ENDED[run.state]
        time.sleep(POLL_SECONDS)


def _what_goes_on(error: Exception, run_id: str, host: str, namespace: str) -> str:
    """Say that only the watching has ended (a token that expires is refused with 401), unless the run was deleted."""
    if isinstance(error.__cause__, kfp_server_api.ApiException) and error.__cause__.status == 404:
        return ""
    return _goes_on(run_id, host, namespace)


def _goes_on(run_id: str, host: str, namespace: str) -> str:
    address = f" --host {host}" if host else ""
    return f"; run {run_id} goes on: `scalequest status {run_id} --namespace {namespace}{address}`"


def _print_changes(run: Any, states: dict[str, str], console: Console) -> None:
    for task in tasks_of(run):
        if task.state and states.get(task.task_id) != task.state:
            states[task.task_id] = task.state
            times = (task.end_time, task.start_time, task.create_time)
            when = next((f"{time:%H:%M:%S}" for time in map(time_of, times) if time), " " * 8)
            console.print(f"{when}  {task.display_name}  {task.state.lower()}", highlight=False)


def time_of(value: datetime | None) -> datetime | None:
    """Return a time of a task, None where it has none yet: the server says so with one before the year 2."""
    return value if value and value.year > 2000 else None
