"""`scalequest status`: what the tasks of a run are at, by Kubeflow, and how far their rows are, by the workspace."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console
from rich.table import Table

from components.shared.errors import InputError
from pipelines.cluster.kubeflow import connect, explained
from pipelines.cluster.progress import Progress, folders_in_the_making
from pipelines.cluster.run_page import run_page
from pipelines.cluster.watching import tasks_of, time_of
from pipelines.reporting import exit_code_of


def show_status(run_id: str, host: str, namespace: str) -> int:
    """Print a run's state; return the exit code."""
    return exit_code_of("status", lambda: _show(run_id, host, namespace))


def _show(run_id: str, host: str, namespace: str) -> int:
    console = Console(file=sys.stdout)
    with explained(host, namespace):
        client, _ = connect(host, namespace)
        run = client.get_run(run_id)
    parameters = (run.runtime_config and run.runtime_config.parameters) or {}
    workspace = parameters.get("workspace", "")
    if not workspace:
        raise InputError(f"run {run_id} has no parameter 'workspace'; it was not started from one of our pipelines")
    state = (run.state or "PENDING").lower()  # a run that was only just taken has none
    console.print(f"run {run_id}, {run.display_name}: {state}, workspace {workspace}", markup=False, highlight=False)
    console.print(run_page(client, run_id), highlight=False, soft_wrap=True)
    console.print(_tasks_table(tasks_of(run)))
    making = folders_in_the_making(workspace)
    if making:
        console.print(_rows_table(making))
    return 0


def _tasks_table(tasks: Sequence[Any]) -> Table:
    """Return a line for each task by name: how many pods are in which state, and how long it runs already."""
    table = _table("task", "state", right=("for",))
    for name in dict.fromkeys(task.display_name for task in tasks):
        group = [task for task in tasks if task.display_name == name]
        counts = Counter((task.state or "PENDING").lower() for task in group)
        state = ", ".join(f"{count} {state}" if len(group) > 1 else state for state, count in counts.items())
        table.add_row(name, state, _duration(group))
    return table


def _rows_table(making: Sequence[Progress]) -> Table:
    table = _table("folder", right=("parts", "rows", "rows/s", "left"))
    for each in making:
        if each.is_model:
            table.add_row(each.folder, "", "a model", "", "")
            continue
        rate = f"{each.rows_per_second:.1f}" if each.rows_per_second else ""
        left = _text_of(each.seconds_left) if each.seconds_left else ""
        parts, rows = f"{each.parts_done} of {each.parts}", f"{each.rows_done} of {each.rows}"
        table.add_row(each.folder, parts, rows, rate, left)
    return table


def _table(*left: str, right: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in left:
        table.add_column(name)
    for name in right:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _duration(tasks: Sequence[Any]) -> str:
    starts = [start for task in tasks if (start := time_of(task.start_time))]
    if not starts:
        return ""
    ends = [end for task in tasks if (end := time_of(task.end_time))]
    end = max(ends) if len(ends) == len(tasks) else datetime.now(UTC)
    return _text_of((end - min(starts)).total_seconds())


def _text_of(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
