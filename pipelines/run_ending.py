"""The end of a run: the funnel of its rows, where the result is, how to load it, what it took."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from components.shared.command.kubeflow_artifacts import PAGE_NAME
from components.shared.errors import InputError, UnavailableError
from components.shared.speaking import duration
from components.shared.stores import storage
from components.shared.workspace.costs import account_of, costs_of, outlook_of
from components.shared.workspace.lineage import Stage, stages_of
from components.shared.workspace.listing import Descriptions, listing_of
from components.shared.workspace.manifests import read_manifest_or_none
from components.shared.workspace.row_sources import RowSource
from pipelines.arguments import Run
from pipelines.cluster.finished_run import can_read
from pipelines.folder_data import as_data, costs_as_data
from pipelines.planning.pilot_forecast import forecast
from pipelines.reporting import print_aligned
from pipelines.run_checks.looking import look_at_steps
from pipelines.run_checks.step_checks import impatient
from pipelines.run_checks.vantage import SUBMITTER
from pipelines.show_command import print_funnel, print_table
from pipelines.workspace_folders import LAST_STEP


def print_ending(console: Console, folder: str, workspace: str, seconds: float, *, price: float = 0.0) -> None:
    """Print what a run that ended well has made: of a dataset its funnel, of scores their table, of all the address.

    ``price``: of a GPU-hour; 0: as the run that made the folder knew it.
    """
    if read_manifest_or_none(folder) is None:
        console.print(f"{folder} is being made by other runs", highlight=False, soft_wrap=True)
        return
    stages = stages_of(folder)
    console.print()
    print_funnel(console, stages)
    console.print()
    if print_table(console, RowSource(uri=folder, folder=folder, manifest=stages[-1].manifest)):
        console.print()
    print_aligned(console, list(_ending(stages, folder, workspace, seconds, price)))


def made_as_data(folder: str, price: float = 0.0) -> dict[str, object]:
    """Return what stands of the last folder of a run, for JSON; nothing of one that other runs still make.

    ``price``: of a GPU-hour; 0: as the run that made the folder knew it.
    """
    if not folder or read_manifest_or_none(folder) is None:
        return {"rows": None, "page": "", "costs": None}
    stages = stages_of(folder)
    made = stages[-1].manifest
    page = _link(storage.join(folder, PAGE_NAME)) if PAGE_NAME in made.files else ""
    return {"rows": made.rows_out, "page": page, "costs": costs_as_data(stages, price)}


def made_and_foreseen(run: Run, folder: str, num_whole: int, *, has_run: bool) -> dict[str, object]:
    """Return the same, and of a pilot what it says of the run with ``num_whole`` questions; 0 for another run.

    ``folder``: "" of a run that did not get there; if it ``has_run``, its costs are what its folders took so far.
    Nothing where the workspace cannot be read: the run has ended as it did, whoever may read its rows now.
    """
    price = run.price_per_gpu_hour
    with contextlib.suppress(InputError, UnavailableError):
        if not folder:
            return made_as_data("") | ({"costs": _taken_so_far(run)} if has_run else {})
        made = made_as_data(folder, price)
        is_finished = made["rows"] is not None
        return made | ({"forecast": forecast(folder, num_whole, price)} if num_whole and is_finished else {})
    return made_as_data("")


def _taken_so_far(run: Run) -> dict[str, object] | None:
    """Return what the folders of a run took that did not end well, reused ones included; None where it has none."""
    workspace = str(run.arguments["workspace"])
    if not can_read(workspace):
        return None
    with impatient():
        steps = look_at_steps(run, lambda *_: None, replace(SUBMITTER, reads_store=True))
        listing, named = listing_of(workspace), tuple(step.folder for step in steps if step.folder)
        folders = [each for each in listing.folders if any(uri.endswith(f"/{each.name}") for uri in named)]
        taken = outlook_of(replace(listing, folders=folders), Descriptions(), run.price_per_gpu_hour).so_far
    return as_data(taken) if folders else None


def _ending(
    stages: Sequence[Stage], folder: str, workspace: str, seconds: float, price: float
) -> Iterator[tuple[str, str]]:
    made = stages[-1].manifest
    if made.step == LAST_STEP:
        yield "dataset", f"{folder} ({made.rows_out:,} row{'s' * (made.rows_out != 1)})"
        if PAGE_NAME in made.files:
            yield "page", _link(storage.join(folder, PAGE_NAME))
        yield "load it", _loading(folder)
    else:
        yield "folder", folder
    yield "look at it", f"scalequest show {folder}"
    yield "logs", f"scalequest logs {workspace}"
    yield "took", f"{duration(seconds)}; all stages: {costs_of(stages, account_of(stages, price)).sentence}"


def _link(uri: str) -> str:
    return uri if storage.is_remote(uri) else storage.local_path(uri).absolute().as_uri()


def _loading(folder: str) -> str:
    if storage.is_remote(folder):
        files = storage.join(folder, "data", "train-*.parquet")
        return f'datasets.load_dataset("parquet", data_files="{files}", split="train")'
    return f'datasets.load_dataset("{Path(folder).absolute()}", split="train")'
