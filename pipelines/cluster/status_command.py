"""`scalequest status`: the state of a run's steps from Kubeflow and their Jobs, and their rows from the workspace."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from components.shared.errors import InputError, UnavailableError
from components.shared.plain_text import inert, shortened
from components.shared.workspace.costs import Outlook, outlook_of
from components.shared.workspace.listing import Descriptions, listing_of
from pipelines.cluster.kubeflow_api import connect, explained
from pipelines.cluster.run_page import run_page
from pipelines.cluster.run_report import Report, look_at
from pipelines.cluster.run_steps import LATER, RUNNING, WAITING, Step
from pipelines.cluster.unfinished_folders import Progress, duration_of, folders_in_the_making
from pipelines.cluster.watching import watch
from pipelines.json_output import print_json
from pipelines.reporting import aligned, exit_code_of

MAX_WHY = 320  # characters of a line of the table; the verdict below it has all


def show_status(run_id: str, host: str, namespace: str, *, follow: bool = False, as_json: bool = False) -> int:
    """Print a run's state; return the exit code: that of the run if it has ended."""
    return exit_code_of("status", lambda: _show(run_id, host, namespace, follow, as_json))


def _show(run_id: str, host: str, namespace: str, follow: bool, as_json: bool) -> int:
    console = Console(file=sys.stdout, markup=False, highlight=False, emoji=False, soft_wrap=True)
    with explained(host, namespace):
        client, _ = connect(host, namespace)
        report = look_at(client, run_id, namespace)
    if as_json:
        making, outlook, not_shown = _folders(report)
        page, costs = run_page(client, run_id), outlook and dataclasses.asdict(outlook)
        print_json({**vars(report), "page": page, "folders": making, "costs": costs, "note": not_shown or report.note})
        return report.exit_code
    workspace = f", workspace {report.workspace}" if report.workspace else ""
    console.print(f"run {report.run_id}, {report.name}: {report.heading}{workspace}")
    console.print(run_page(client, run_id))
    if follow:
        return watch(client, run_id, host, namespace, console)
    making, outlook, not_shown = _folders(report)
    for line in _step_lines(report, {each.folder: each for each in making}):
        console.print(line)
    for note in filter(None, (report.note, not_shown)):
        console.print(f"note: {note}")
    told = {step.folder for step in report.steps}
    if others := [each for each in making if each.folder not in told]:
        console.print(_rows_table(others))
    if outlook and outlook.sentence:
        console.print(outlook.sentence)
    if report.verdict:
        console.print(f"{report.state}: {report.verdict}")
    return report.exit_code


def _step_lines(report: Report, making: Mapping[str, Progress]) -> Iterator[str]:
    """Yield a line for each step that has begun, with its rows where a Job's folder is known."""
    begun = [step for step in report.steps if step.state != LATER]
    yield from aligned([_cells(step, making.get(step.folder)) for step in (*begun, *report.drivers)])
    later = len(report.steps) - len(begun)
    if later and report.state in (RUNNING, WAITING):
        yield f"{later} step{'s come' if later > 1 else ' comes'} later"
    for remedy in dict.fromkeys(step.remedy for step in begun if step.remedy):
        yield f"what to do: {remedy}"


def _cells(step: Step, progress: Progress | None) -> tuple[str, str, str, str]:
    rows = progress.sentence if progress and step.state in (RUNNING, WAITING) else ""
    told = "; ".join(filter(None, (rows, step.course, step.why)))
    return step.title, step.state, _duration(step), shortened(told, MAX_WHY)


def _folders(report: Report) -> tuple[Sequence[Progress], Outlook | None, str]:
    """Return how far the rows are and what was taken, or why the caller may not see it: Kubeflow is right without."""
    if not report.workspace or report.has_ended:
        return (), None, ""
    try:
        listing, known = listing_of(report.workspace), Descriptions()
        making = folders_in_the_making(listing, known)
        return making, outlook_of(listing, known, report.price_per_gpu_hour), ""
    except (InputError, UnavailableError) as error:
        return (), None, f"rows are not shown: {inert(error)}"


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
        left = duration_of(each.seconds_left) if each.seconds_left else ""
        parts, rows = f"{each.parts_done} of {each.parts}", f"{each.rows_done} of {each.rows}"
        table.add_row(folder, parts, rows, rate, left)
    return table


def _duration(step: Step) -> str:
    if not step.started or (not step.finished and step.state not in (RUNNING, WAITING)):
        return ""  # it has ended, nobody knows when
    return duration_of(((step.finished or datetime.now(UTC)) - step.started).total_seconds())
