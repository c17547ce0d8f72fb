"""Three rejected rows for each reason, read from few of the objects that hold them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.shared.errors import InputError
from components.shared.evenly import evenly
from components.shared.stores import storage
from components.shared.workspace.ledgers import REJECTED
from components.shared.workspace.lineage import Stage
from components.shared.workspace.tables import read_checked

PER_REASON = 3
MAX_OBJECTS = 6  # of a stage that are read
# Copies of benchmarks' questions are not to be spread by the page that says they were removed.
NOT_SHOWN = frozenset({"decontaminate"})
_TEXTS = ("question", "response", "chosen", "rejected", "detail")


@dataclass(frozen=True, kw_only=True)
class RejectedRows:
    """What a stage rejected for one reason, and some of these rows: their texts by column."""

    folder: str  # within its workspace
    step: str
    reason: str
    number: int
    share: float  # of the rows that came in
    rows: Sequence[Mapping[str, str]]
    is_withheld: bool = False

    def command(self, workspace: str) -> str:
        """Return what shows more of them, in the workspace of that address."""
        return f"scalequest show {storage.join(workspace, self.folder, REJECTED, self.reason)} --rows 20"


def rejected_rows(stages: Sequence[Stage]) -> list[RejectedRows]:
    """Return the reasons of all stages, each with at most three of its rows."""
    return [each for stage in stages if stage.manifest.rejected for each in _of_stage(stage)]


def _of_stage(stage: Stage) -> list[RejectedRows]:
    manifest = stage.manifest
    is_withheld = stage.step in NOT_SHOWN
    found = {} if is_withheld else _read(stage)
    return [
        RejectedRows(
            folder=stage.name,
            step=stage.step,
            reason=reason,
            number=number,
            share=number / manifest.rows_in if manifest.rows_in else 0.0,
            rows=found.get(reason, ()),
            is_withheld=is_withheld,
        )
        for reason, number in manifest.rejected.items()
    ]


def _read(stage: Stage) -> dict[str, list[dict[str, str]]]:
    """Read objects of rejected rows until each reason has its rows, or enough objects were read."""
    manifest = stage.manifest
    objects = [(part.rejects, part.rejects_digest) for part in manifest.parts if part.rejects]
    objects += [(manifest.rejects, manifest.rejects_digest)] if manifest.rejects else []
    found: dict[str, list[dict[str, str]]] = {reason: [] for reason in manifest.rejected}
    for name, digest in evenly(objects, MAX_OBJECTS):
        if all(len(found[reason]) >= min(PER_REASON, number) for reason, number in manifest.rejected.items()):
            break
        try:
            rows = read_checked(storage.join(stage.folder, name), digest).to_pylist()
        except InputError:  # deleted or changed, which `scalequest verify` tells
            continue
        for row in rows:
            kept = found.setdefault(str(row["reason"]), [])
            if len(kept) < PER_REASON:
                kept.append(_texts(row))
    return found


def _texts(row: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(row[name]) for name in _TEXTS if row.get(name)}
