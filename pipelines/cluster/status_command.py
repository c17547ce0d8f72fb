"""`scalequest status`: the state of a run's steps from Kubeflow, and the progress of their rows from the workspace."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from rich.console import Console
from rich.table import Table
from rich.text import Text

from components.shared.errors import InputError, UnavailableError
from components.shared.plain_text import inert, shortened
from pipelines.cluster.kubeflow_api import connect, explained
from pipelines.cluster.run_page import run_page
from pipelines.cluster.run_report import Report, look_at
from pipelines.cluster.run_steps import LATER, RUNNING, WAITING, Step
from pipelines.cluster.unfinished_folders import Progress, folders_in_the_making
from pipelines.cluster.watching import watch
from pipelines.reporting import exit_code_of

MAX_WHY = 200  # characters of a line of the table; the verdict below it has all


def show_status(run_id: str, host: str, namespace: str, *, follow: bool = False) -> int:
    """Print a run's state; return the exit code: that of the run if it has ended."""
    return exit_code_of("status", lambda: _show(run_id, host, namespace, follow))


def _show(run_id: str, host: str, namespace: str, follow: bool) -> int:
    console = Console(file=sys.stdout, markup=False, highlight=False, emoji=False, soft_wrap=True)
    with explained(host, namespace):
        client, _ = connect(host, namespace)
        report = look_at(client, run_id, namespace)
    workspace = f", workspace {report.workspace}" if report.workspace else ""
    console.print(f"run {report.run_id}, {report.name}: {report.heading}{workspace}")
    console.print(run_page(client, run_id))
    if follow:
        return watch(client, run_id, host, namespace, console)
    for line in _step_lines(report):
        console.print(line)
    if report.note:
        console.print(f"note: {report.note}")
    if report.workspace and not report.has_ended:
        _print_rows(report.workspace, console)
    if report.verdict:
        console.print(f"{report.state}: {report.verdict}")
    return report.exit_code


def _step_lines(report: Report) -> Iterator[str]:
    """Yield a line for each step that has begun; pods that are at the same, and need no word, share one."""
    begun = [step for step in report.steps if step.state != LATER]
    yield from _aligned([_cells(group) for group in _groups([*begun, *report.drivers])])
    later = len(report.steps) - len(begun)
    if later and report.state in (RUNNING, WAITING):
        yield f"{later} step{'s come' if later > 1 else ' comes'} later"
    for remedy in dict.fromkeys(step.remedy for step in begun if step.remedy):
        yield f"what to do: {remedy}"


def _groups(steps: Sequence[Step]) -> list[list[Step]]:
    groups: list[list[Step]] = []
    for step in steps:
        if groups and step.pods > 1 and _alike(step) == _alike(groups[-1][0]) and not step.why:
            groups[-1].append(step)
        else:
            groups.append([step])
    return groups


def _alike(step: Step) -> tuple[object, ...]:
    return (step.place[:-2], step.name, step.source, step.state, step.why)  # but for the round and the task in it


def _cells(group: Sequence[Step]) -> tuple[str, str, str, str]:
    first, last = group[0], group[-1]
    between = "and" if len(group) == 2 else "to"
    title = (
        first.titled(f"pods {first.number + 1} {between} {last.number + 1} of {first.pods}")
        if len(group) > 1
        else first.title
    )
    return title, first.state, _duration(group), shortened(first.why, MAX_WHY)


def _aligned(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()


def _print_rows(workspace: str, console: Console) -> None:
    """Print how far the rows are, where the caller may read the workspace: what Kubeflow knows is right without."""
    try:
        making = folders_in_the_making(workspace)
    except (InputError, UnavailableError) as error:
        console.print(f"note: rows are not shown: {inert(error)}")
        return
    if making:
        console.print(_rows_table(making))


def _rows_table(making: Sequence[Progress]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("folder")
    for name in ("parts", "rows", "rows/s", "left"):
        table.add_column(name, justify="right", no_wrap=True)
    for each in making:
        folder = Text(inert(each.folder))  # never markup
        if each.is_model:
            table.add_row(folder, "", "a model", "", "")
            continue
        rate = f"{each.rows_per_second:.1f}" if each.rows_per_second else ""
        left = _text_of(each.seconds_left) if each.seconds_left else ""
        parts, rows = f"{each.parts_done} of {each.parts}", f"{each.rows_done} of {each.rows}"
        table.add_row(folder, parts, rows, rate, left)
    return table


def _duration(steps: Sequence[Step]) -> str:
    starts = [step.started for step in steps if step.started]
    if not starts:
        return ""
    if any(not step.finished and step.state not in (RUNNING, WAITING) for step in steps):
        return ""  # it has ended, nobody knows when
    ends = [step.finished for step in steps if step.finished]
    end = max(ends) if len(ends) == len(steps) else datetime.now(UTC)
    return _text_of((end - min(starts)).total_seconds())


def _text_of(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
