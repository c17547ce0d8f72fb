"""`scalequest show`: what a folder is, how its rows add up, what they look like.

For a dataset, how it was made; for scores and contamination, their tables.

For a folder that is not finished: what stands, who works on it, what attempts died of.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from components.shared.errors import ExitCode, InputError
from components.shared.publishing.markdown import describe_counts, describe_rejected
from components.shared.records import Contamination, Evaluation, Score, kind_of
from components.shared.workspace.costs import NO_ACCOUNT, Account, account_of, costs_of, dollars
from components.shared.workspace.lineage import Stage, model_stages_of, rows_stages_of, stages_of
from components.shared.workspace.listing import WorkspaceListing, listing_of
from components.shared.workspace.manifests import MANIFEST, Manifest
from components.shared.workspace.row_sources import RowSource, open_source
from components.shared.workspace.rows import Rows
from components.shared.workspace.run_records import KeptRun, unended_runs
from components.shared.workspace.unfinished import Unfinished, named, unfinished_as_listed
from components.steps import step_names
from pipelines.audit_command import print_audit
from pipelines.contamination_table import print_contamination
from pipelines.folder_data import finished_as_data, run_as_data, unfinished_as_data
from pipelines.group_table import print_groups
from pipelines.json_output import print_json
from pipelines.list_command import print_folders, print_runs
from pipelines.reporting import as_data, exit_code_of, visible
from pipelines.score_table import print_scores
from pipelines.workspace_contents import FolderEntry, parts_of, read_folders, read_unfinished_of
from pipelines.workspace_folders import LAST_STEP, TABLE_STEP, folder_at

# What stages take besides time: a column of the funnel where any stage took some.
TAKEN = ("GPU-hours", "cost", "tokens read", "tokens written")
MAX_CELL = 300  # characters of a value that are shown


def show_folder(address: str, num_rows: int, verdict: str = "", *, price: float = 0.0, as_json: bool = False) -> int:
    """Print a folder, the rows that one rejected, or a workspace; return the exit code. ``verdict``: of rows to show.

    Of a workspace, the folders that somebody works on, the newest dataset and the newest table of solvers; without
    either, all that are not finished. While a run is at work there, also what is finished.
    """
    return exit_code_of("show", lambda: _show(address, num_rows, verdict, price, as_json))


def _unfinished_at(listing: WorkspaceListing) -> dict[str, Unfinished]:
    """Return the unfinished folder at an address, or those of a workspace."""
    if not listing.is_folder:
        return read_unfinished_of(listing)
    is_finished = any(each.name == MANIFEST for each in listing.objects)
    folder = None if is_finished else unfinished_as_listed(listing.uri, listing.objects)
    return {listing.uri: folder} if folder else {}


def _show(address: str, num_rows: int, verdict: str, price: float, as_json: bool) -> int:
    console = Console(file=sys.stdout)
    listing = listing_of(address)
    finished = [folder for step in (LAST_STEP, TABLE_STEP) if (folder := listing.newest(step))]
    begun = _unfinished_at(listing)
    unfinished = [each for each in begun.values() if each.holders or not finished]
    at_work = [run for run in unended_runs(listing) if run.state == "running"]
    stand = read_folders(listing, begun) if at_work or any(each.holders for each in unfinished) else []
    if not finished and not unfinished and not at_work:
        finished = [address if listing.is_folder else folder_at(address, step_names())]
    if as_json:
        content = {
            "runs": list(map(run_as_data, at_work)),
            "folders": stand,
            "unfinished": list(map(unfinished_as_data, unfinished)),
            "finished": [_finished_as_data(open_source(folder), num_rows, verdict, price) for folder in finished],
        }
        print_json({"address": address, **content})
        return ExitCode.DONE
    _print_progress(console, at_work, stand, unfinished)
    for number, folder in enumerate(finished):
        if number:
            console.print()
        _show_finished(console, open_source(folder), num_rows, verdict, price)
    return ExitCode.DONE


def _print_progress(
    console: Console, at_work: Sequence[KeptRun], stand: Sequence[FolderEntry], unfinished: Sequence[Unfinished]
) -> None:
    """Print the runs at work, what stands finished meanwhile, and what is in the making."""
    if at_work:
        print_runs(console, at_work)
        console.print()
    if done := [each for each in stand if each.state == "finished"]:
        print_folders(console, done)
        console.print()
    for each in unfinished:
        print_lines(console, _unfinished_lines(each))
        console.print()


def _finished_as_data(source: RowSource, num_rows: int, verdict: str, price: float) -> dict[str, object]:
    _check_verdict(source, verdict)
    return finished_as_data(source, price, with_funnel=source.manifest.step == LAST_STEP) | {
        "rows": _first_rows(source, num_rows, verdict)
    }


def _check_verdict(source: RowSource, verdict: str) -> None:
    if verdict and source.kind != kind_of(Evaluation):
        raise InputError(f"--verdict {verdict}: {source.uri} holds {source.kind} rows; expected a folder of evaluate")


def _show_finished(console: Console, source: RowSource, num_rows: int, verdict: str, price: float) -> None:
    _check_verdict(source, verdict)
    _print_manifest(console, source)
    if source.manifest.step == LAST_STEP:
        stages = stages_of(source.folder)
        account = account_of(stages, price)
        print_funnel(console, stages, account)
        console.print()
        print_lines(console, _cost_lines(stages, account))
        print_audit(console, source.folder)
    if source.kind == kind_of(Contamination):
        print_contamination(console, Rows([source.uri], Contamination))
    if not print_table(console, source):
        _print_rows(console, source, num_rows, verdict)


def print_table(console: Console, source: RowSource) -> bool:
    """Print a folder of scores as a table; tell whether it is one."""
    is_table = source.kind == kind_of(Score)
    if is_table:
        print_scores(console, list(Rows([source.uri], Score)))
    return is_table


def print_funnel(console: Console, stages: Sequence[Stage], account: Account | None = None) -> None:
    """Print the stages on the way to a folder, with what they took: those that made its models, then those of its rows.

    Without an account, those of its rows alone, with their seconds.
    """
    is_brief = account is None
    of_rows = rows_stages_of(stages)
    of_models = model_stages_of(stages, of_rows)
    taken = [] if account is None else [name for name in TAKEN if any(_taken(each, account)[name] for each in stages)]
    account = account or NO_ACCOUNT
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("stage", no_wrap=True)
    for name in ("rows in", "rows out", "seconds", *taken):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("rejected")
    if not is_brief:
        _add_stages(table, of_models, taken, account)
        table.add_row()
    _add_stages(table, of_rows, taken, account)
    console.print(table)


def _add_stages(table: Table, stages: Sequence[Stage], taken: Sequence[str], account: Account) -> None:
    for stage in stages:
        manifest = stage.manifest
        rejected = describe_rejected(stage)
        counts = ("", "") if _is_plain_model(manifest) else (str(manifest.rows_in), str(manifest.rows_out))
        costs = (_taken(stage, account)[name] for name in taken)
        table.add_row(as_data(stage.step), *counts, f"{stage.seconds:.1f}", *costs, as_data(rejected))


def _some(number: float, digits: int = 0) -> str:
    return f"{number:,.{digits}f}" if number else ""


def _taken(stage: Stage, account: Account) -> dict[str, str]:
    """Return what a stage took besides time, "" for none of it."""
    costs = costs_of([stage], account)
    told = (
        _some(costs.gpu_hours, 2),
        dollars(costs.money) if costs.money else "",
        _some(costs.tokens_read),
        _some(costs.tokens_written),
    )
    return dict(zip(TAKEN, told, strict=True))


def _cost_lines(stages: Sequence[Stage], account: Account) -> dict[str, str]:
    """Return what a dataset took in all, and for each of its rows."""
    costs = costs_of(stages, account)
    return {
        "all stages took": costs.sentence,
        "for each row": costs.sentence_for_each(stages[-1].manifest.rows_out),
        "not counted": costs.note,
    }


def _is_plain_model(manifest: Manifest) -> bool:
    return manifest.kind == "model" and manifest.rows_in == 0


def _print_manifest(console: Console, source: RowSource) -> None:
    manifest = source.manifest
    rejected = describe_counts(manifest.rejected) or "none"
    lines = {
        "folder": source.folder,
        "made by": f"{manifest.step} (version {manifest.version}) on {manifest.written_at}",
        "holds": manifest.kind,
        "rows": f"{manifest.rows_in} in = {manifest.rows_out} out + {sum(manifest.rejected.values())} rejected",
        "rejected": rejected,
        "shown": f"the rejected rows{f' ({source.reason})' if source.reason else ''}" if source.rejected else "",
        **{f"input {name}": ", ".join(entry.uri for entry in entries) for name, entries in manifest.inputs.items()},
        "options": ", ".join(f"{name}={value!r}" for name, value in manifest.options.items() if value != ""),
        "computed in": manifest.arithmetic,
        "figures": _figures(manifest),
    }
    print_lines(console, lines)
    print_groups(console, manifest.metrics)


def _figures(manifest: Manifest) -> str:
    """Return the manifest's figures in one line, except those that stand in tables."""
    shown = {} if manifest.kind in (kind_of(Score), kind_of(Contamination)) else manifest.metrics
    return ", ".join(f"{name} {value:g}" for name, value in shown.items() if "/" not in name)


def _unfinished_lines(folder: Unfinished) -> dict[str, str]:
    """Return what is known of a folder that is not finished: what stands, who works on it, what attempts died of."""
    plan = folder.plan
    rows = (f"row {row} of {work} ({number} died of it)" for (work, row), number in folder.rows_alone.items())
    return {
        "folder": folder.uri,
        "made by": f"{plan.step} (version {plan.version}); not finished",
        "holds": plan.kind,
        "done": parts_of(folder),
        "worked on by": "\n".join(each.sentence for each in folder.holders) or "nobody",
        "attempts died": named([f"{work} ({number})" for work, number in folder.deaths.items()]),
        "row by row": named(folder.suspect),
        "rows alone": named(list(rows)),
        "finish with": plan.command if not folder.holders else "",
    }


def print_lines(console: Console, lines: Mapping[str, str]) -> None:
    """Print names and texts side by side; those without a text are left out."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in lines.items():
        if text:
            table.add_row(as_data(name), as_data(text))
    console.print(table)


def _print_rows(console: Console, source: RowSource, num_rows: int, verdict: str) -> None:
    for row in _first_rows(source, num_rows, verdict):
        console.print()
        for name, value in row.items():
            text = _cell(value)
            if text:
                console.print(f"[bold]{as_data(name)}[/bold]  {as_data(text)}", highlight=False)


def _first_rows(source: RowSource, num_rows: int, verdict: str) -> list[dict[str, Any]]:
    """Return the first rows; with a verdict, the first evaluations of which a sample has it."""
    rows: list[dict[str, Any]] = []
    for part in source.parts() if num_rows else ():
        if len(rows) >= num_rows:
            break
        table = source.read(part)
        if verdict:
            found = [index for index, verdicts in enumerate(table["verdicts"].to_pylist()) if verdict in verdicts]
            table = table.take(found)
        rows += table.slice(0, num_rows - len(rows)).to_pylist()
    return rows


def _cell(value: Any) -> str:
    """Return a value as text: nothing for null and empty ones, control characters shown as escapes, long ones cut."""
    text = "" if value is None or value == [] else str(value)
    printable = visible(text)
    return printable if len(printable) <= MAX_CELL else f"{printable[:MAX_CELL]}… ({len(text)} characters)"
