"""What stands in a workspace: its folders, finished or not, and what is known of each without reading its rows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from components.shared.stores import storage
from components.shared.stores.inventory import list_objects
from components.shared.workspace.manifests import MANIFEST, read_manifest_or_none
from components.shared.workspace.plans import PLAN
from components.shared.workspace.unfinished import Unfinished, read_unfinished

THREADS = 16

_DESCRIBED = re.compile(rf"([a-z0-9_]+/[0-9a-f]{{16}})/({PLAN}|{MANIFEST})")

State = Literal["finished", "in the making", "not finished"]


@dataclass(frozen=True, kw_only=True)
class FolderEntry:
    """One folder of a step."""

    folder: str  # step/fingerprint
    date: str  # when it was finished, or begun
    state: State
    kind: str  # of its rows, or "model"
    rows_in: int  # of one that is not finished: planned
    rows_out: int
    rejected: Mapping[str, int] = field(default_factory=dict)
    doing: str = ""  # of one that is not finished: parts done, and who works on the others


def read_folders(workspace: str) -> list[FolderEntry]:
    """Return the folders of a workspace that are begun or finished, by date."""
    begun: dict[str, float] = {}  # when its plan was written
    for each in list_objects(workspace):
        if match := _DESCRIBED.fullmatch(each.name):
            begun[match[1]] = min(each.time, begun.get(match[1], each.time))
    with ThreadPoolExecutor(THREADS) as threads:
        entries = list(threads.map(lambda item: _entry(workspace, *item), begun.items()))
    return sorted((entry for entry in entries if entry), key=lambda entry: (entry.date, entry.folder))


def parts_of(unfinished: Unfinished) -> str:
    """Return how many parts of a folder stand; "" for a model, which has none."""
    num_parts = len(unfinished.plan.slices)
    is_model = unfinished.plan.kind == "model"
    return "" if is_model else f"{num_parts - len(unfinished.missing)} of {num_parts} parts"


def _entry(workspace: str, folder: str, begun: float) -> FolderEntry | None:
    uri = storage.join(workspace, folder)
    manifest = read_manifest_or_none(uri)
    if manifest is not None:
        return FolderEntry(
            folder=folder,
            date=manifest.written_at,
            state="finished",
            kind=manifest.kind,
            rows_in=manifest.rows_in,
            rows_out=manifest.rows_out,
            rejected=manifest.rejected,
        )
    unfinished = read_unfinished(uri)
    return _unfinished_entry(folder, unfinished, begun) if unfinished else None


def _unfinished_entry(folder: str, unfinished: Unfinished, begun: float) -> FolderEntry:
    by: Sequence[str] = [unfinished.makers] if unfinished.holders else []
    return FolderEntry(
        folder=folder,
        date=datetime.fromtimestamp(begun, UTC).isoformat(timespec="seconds"),
        state="in the making" if unfinished.holders else "not finished",
        kind=unfinished.plan.kind,
        rows_in=unfinished.plan.rows_in,
        rows_out=0,
        doing=", ".join(filter(None, [parts_of(unfinished), *by])),
    )
