"""What stands in a workspace: its folders, finished or not, and what is known of each without reading its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from components.shared.workspace.listing import ListedFolder, WorkspaceListing
from components.shared.workspace.manifests import read_manifest_or_none
from components.shared.workspace.unfinished import Unfinished, unfinished_as_listed

THREADS = 16

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


def read_folders(listing: WorkspaceListing, unfinished: Mapping[str, Unfinished]) -> list[FolderEntry]:
    """Return the folders of a workspace that are begun or finished, by date; ``unfinished``: those of the listing."""
    with ThreadPoolExecutor(THREADS) as threads:
        entries = list(threads.map(_finished_entry, listing.finished))
    entries += [_unfinished_entry(each, unfinished[each.uri]) for each in listing.unfinished if each.uri in unfinished]
    return sorted((entry for entry in entries if entry), key=lambda entry: (entry.date, entry.folder))


def read_unfinished_of(listing: WorkspaceListing) -> dict[str, Unfinished]:
    """Return how the work on the unfinished folders of a workspace stands, by their addresses."""
    with ThreadPoolExecutor(THREADS) as threads:
        found = threads.map(lambda each: unfinished_as_listed(each.uri, each.objects), listing.unfinished)
        return {each.uri: each for each in found if each is not None}


def parts_of(unfinished: Unfinished) -> str:
    """Return how many parts of a folder stand; "" for a model, which has none."""
    num_parts = len(unfinished.plan.slices)
    is_model = unfinished.plan.kind == "model"
    return "" if is_model else f"{num_parts - len(unfinished.missing)} of {num_parts} parts"


def _finished_entry(folder: ListedFolder) -> FolderEntry | None:
    manifest = read_manifest_or_none(folder.uri)
    if manifest is None:  # removed since it was listed
        return None
    return FolderEntry(
        folder=folder.name,
        date=manifest.written_at,
        state="finished",
        kind=manifest.kind,
        rows_in=manifest.rows_in,
        rows_out=manifest.rows_out,
        rejected=manifest.rejected,
    )


def _unfinished_entry(folder: ListedFolder, unfinished: Unfinished) -> FolderEntry:
    by: Sequence[str] = [unfinished.makers] if unfinished.holders else []
    return FolderEntry(
        folder=folder.name,
        date=datetime.fromtimestamp(folder.begun, UTC).isoformat(timespec="seconds"),
        state="in the making" if unfinished.holders else "not finished",
        kind=unfinished.plan.kind,
        rows_in=unfinished.plan.rows_in,
        rows_out=0,
        doing=", ".join(filter(None, [parts_of(unfinished), *by])),
    )
