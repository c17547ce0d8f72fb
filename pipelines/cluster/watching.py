"""Follows a run on a cluster to its end: a line whenever a task changes its state."""

from __future__ import annotations

import time
from typing import Any

import kfp
from rich.console import Console

from components.shared import exit_codes
from components.shared.errors import UnavailableError
from pipelines.cluster.kubeflow import explained

POLL_SECONDS = 15.0
PATIENCE_SECONDS = 1800.0  # without an answer: an API server that moves to another node is away for minutes
OWN = ("root", "executor")  # tasks of Kubeflow itself
ENDED = {"SUCCEEDED": exit_codes.DONE, "SKIPPED": exit_codes.DONE, "FAILED": exit_codes.BUG, "CANCELED": exit_codes.BUG}


def run_address(client: kfp.Client, host: str, run_id: str) -> str:
    """Return where a person looks at the run."""
    return f"{client._get_url_prefix() or host}/#/runs/details/{run_id}"


def tasks_of(run: Any) -> list[Any]:
    """Return the tasks of a run without Kubeflow's own pods: the drivers, and what is below a task."""
    tasks = (run.run_details and run.run_details.task_details) or []
    return [task for task in tasks if task.display_name not in OWN and not task.display_name.endswith("-driver")]


def watch(client: kfp.Client, run_id: str, host: str, namespace: str, console: Console) -> int:
    """Print changes until the run has ended; return its exit code. Ctrl-C leaves the run alone."""
    states: dict[str, str] = {}
    answered = time.monotonic()
    while True:
        try:
            with explained(host, namespace):
                run = client.get_run(run_id)
            answered = time.monotonic()
        except UnavailableError:
            if time.monotonic() - answered > PATIENCE_SECONDS:
                raise
            time.sleep(POLL_SECONDS)
            continue
        _print_changes(run, states, console)
        if run.state in ENDED:
            reason = f": {run.error.message}" if run.error and run.error.message else ""
            console.print(f"run {run_id} {run.state.lower()}{reason}", highlight=False, soft_wrap=True)
            return ENDED[run.state]
        time.sleep(POLL_SECONDS)


def _print_changes(run: Any, states: dict[str, str], console: Console) -> None:
    for task in tasks_of(run):
        if task.state and states.get(task.task_id) != task.state:
            states[task.task_id] = task.state
            when = task.end_time or task.start_time or task.create_time
            console.print(f"{when:%H:%M:%S}  {task.display_name}  {task.state.lower()}", highlight=False)
