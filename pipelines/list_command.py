"""`scalequest list`: the runs that a workspace knows, and its folders by step, date, rows and state."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console

from components.shared.errors import ExitCode, InputError
from components.shared.publishing.markdown import describe_counts
from components.shared.workspace.listing import listing_of
from components.shared.workspace.run_records import KeptRun, read_runs
from pipelines.folder_data import run_as_data
from pipelines.json_output import print_json
from pipelines.reporting import exit_code_of, print_aligned
from pipelines.workspace_contents import FolderEntry, read_folders, read_unfinished_of


def list_workspace(workspace: str, *, as_json: bool = False) -> int:
    """Print the runs and folders of a workspace; return the exit code."""
    return exit_code_of("list", lambda: _list(workspace, as_json))


def _list(workspace: str, as_json: bool) -> int:
    listing = listing_of(workspace)
    runs, folders = read_runs(listing), read_folders(listing, read_unfinished_of(listing))
    if not runs and not folders:
        raise InputError(
            f"{workspace}: no run and no folder of a step is here; expected a workspace, check the address"
        )
    if as_json:
        print_json({"workspace": workspace, "runs": list(map(run_as_data, runs)), "folders": folders})
        return ExitCode.DONE
    console = Console(file=sys.stdout)
    if runs:
        print_runs(console, runs)
        console.print()
    print_folders(console, folders)
    return ExitCode.DONE


def print_runs(console: Console, runs: Sequence[KeptRun]) -> None:
    """Print a line for each run."""
    print_aligned(console, [("run", "began", "steps done", "state"), *map(_run_cells, runs)])


def print_folders(console: Console, folders: Sequence[FolderEntry]) -> None:
    """Print a line for each folder."""
    print_aligned(console, [("folder", "date", "rows in", "rows out", "state"), *map(_folder_cells, folders)])


def _run_cells(run: KeptRun) -> tuple[str, ...]:
    told = f": {run.end.message}" if run.end and run.state != "succeeded" else ""
    where = "" if run.end else f" on {run.record.host}"
    began = _short(run.record.began_at)
    return run.record.name, began, f"{run.steps_done} of {run.record.num_steps}", f"{run.state}{where}{told}"


def _folder_cells(each: FolderEntry) -> tuple[str, ...]:
    is_plain_model = each.kind == "model" and not each.rows_in
    rows_in = "" if is_plain_model else str(each.rows_in)
    rows_out = "" if is_plain_model or each.state != "finished" else str(each.rows_out)
    rejected = describe_counts(each.rejected)
    told = each.doing or (f"rejected {rejected}" if rejected else "")
    return each.folder, _short(each.date), rows_in, rows_out, "; ".join(filter(None, (each.state, told)))


def _short(date: str) -> str:
    """Return a date to the minute, in UTC."""
    return date[:16].replace("T", " ")
