"""Runs and folders as plain data, for the commands that print JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from components.shared.workspace.costs import Costs, account_of, costs_of
from components.shared.workspace.lineage import Stage, stages_of
from components.shared.workspace.row_sources import RowSource
from components.shared.workspace.run_records import KeptRun
from components.shared.workspace.unfinished import Unfinished


def run_as_data(run: KeptRun) -> dict[str, object]:
    """Return what is known of a run, for JSON."""
    end = dataclasses.asdict(run.end) if run.end else {}
    return {"uri": run.uri, "state": run.state, **dataclasses.asdict(run.record), **end, "kept_logs": list(run.logs)}


def unfinished_as_data(folder: Unfinished) -> dict[str, object]:
    """Return what is known of a folder that is not finished."""
    plan = folder.plan
    return {
        "folder": folder.uri,
        "step": plan.step,
        "version": plan.version,
        "kind": plan.kind,
        "rows_in": plan.rows_in,
        "parts": len(plan.slices),
        "missing": folder.missing,
        "holders": folder.holders,
        "deaths": folder.deaths,
        "rows_alone": [[work, row, number] for (work, row), number in folder.rows_alone.items()],
        "command": plan.command,
    }


def finished_as_data(source: RowSource, price: float = 0.0, *, with_funnel: bool) -> dict[str, object]:
    """Return a folder's manifest and, if asked for, the stages that led to it, and what they took.

    ``price``: of a GPU-hour; 0: as the run knew it.
    """
    stages = stages_of(source.folder) if with_funnel else []
    taken = {"costs": costs_as_data(stages, price)} if stages else {}
    funnel = list(map(stage_as_data, stages))
    return {"folder": source.folder, "manifest": source.manifest, "funnel": funnel, **taken}


def costs_as_data(stages: Sequence[Stage], price: float = 0.0) -> dict[str, object]:
    """Return what stages took together; ``price``: of a GPU-hour; 0: as their run knew it."""
    return as_data(costs_of(stages, account_of(stages, price)))


def as_data(costs: Costs) -> dict[str, object]:
    """Return costs, what they come to, and what is not in them."""
    return dataclasses.asdict(costs) | {"money": costs.money, "not_counted": costs.note}


def stage_as_data(stage: Stage) -> dict[str, object]:
    """Return a line of a funnel."""
    made = stage.manifest
    return {
        "folder": stage.folder,
        "step": made.step,
        "rows_in": made.rows_in,
        "rows_out": made.rows_out,
        "rejected": made.rejected,
        "metrics": made.metrics,
        "reads": stage.reads,
    }
