"""Rows that earlier folders of the same step hold: taken over, not made again.

What a step makes of a row of its input depends on that row, the step's options, prompts and models, and on nothing
else: seeds derive from the row's id, and parts never meet. So a finished folder with the same of these, made from fewer
or other rows (a pilot), holds what this folder would make of each row that is equal in both, byte for byte where the
engine repeats itself. A row counts as equal if all its columns are: id, text, difficulty, history. What failed for a
reason that lies in the machine or the server, and not in the row, is tried again.

What is taken over is a copy: the earlier folder may be deleted afterwards. It is no work: no tokens, and the seconds
that copying takes. The metric ``taken_over: step/fingerprint`` counts the rows, kept and rejected. What the earlier
rows were computed in is added to what this folder states, which may be several kinds of numbers then.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import pyarrow as pa

from components.shared.errors import InputError
from components.shared.records import KINDS, Reject, Row, from_table
from components.shared.stores import storage
from components.shared.workspace._uses import mark_use
from components.shared.workspace.ledgers import ledger_in
from components.shared.workspace.manifests import Manifest, read_manifest_or_none
from components.shared.workspace.output_folders import KILLED_THE_ENGINE, OutputFolder, Part
from components.shared.workspace.plans import Plan, read_plan_or_none
from components.shared.workspace.rows import Rows
from components.shared.workspace.tables import read_checked

TAKEN_OVER = "taken_over: "  # begins the metric that counts rows; the earlier folder follows
MOST_ROWS = 1_000_000  # that a folder accounts for; the ids of a larger one would fill the memory
# Why rows are rejected that another machine, or the same one later, may well answer.
PASSING_REASONS = frozenset({KILLED_THE_ENGINE, "refused", "no_score"})
PARTS_AT_HAND = 8  # decoded; rows come in the same order as in the earlier folder
THREADS = 16

logger = logging.getLogger(__name__)


@dataclass
class Made:
    """What an earlier folder made of one row of its input."""

    name: str  # the folder's, within the workspace
    arithmetic: tuple[str, ...] = ()  # what its part was computed in
    given: Row | None = None  # the row of its input
    kept: list[Row] = field(default_factory=list)
    rejected: list[Reject] = field(default_factory=list)

    def settle(self, part: Part, index: int) -> None:
        """Settle a part's row ``index`` as it was settled there."""
        part.add_to_metric(f"{TAKEN_OVER}{self.name}", len(self.kept) + len(self.rejected))
        part.add_arithmetic(self.arithmetic)
        part.settle(index, kept=self.kept, rejected=self.rejected)


class EarlierRows:
    """What the earlier folders of a step hold, looked up row by row; looked for at the first question."""

    def __init__(self, folder: OutputFolder, made_from: str, size: str = "") -> None:
        """``made_from``: the column of the step's rows with the id of the input's row; "" to take nothing over.

        ``size``: the option that only says how many rows there are: row k is the same, whatever its value.
        """
        self._folder = folder
        self._made_from = made_from
        self._size = size
        self._found: list[_EarlierFolder] | None = None

    def of(self, row: Any) -> Made | None:
        """Return what an earlier folder made of an equal row; None if none did. ``row`` has an ``id``."""
        if self._found is None:
            self._found = list(self._find()) if self._made_from else []
        return next((made for each in self._found if (made := each.made_of(row)) is not None), None)

    def _find(self) -> Iterator[_EarlierFolder]:
        """Yield the finished folders beside this one that make the same of a row."""
        plan = self._folder.claim.plan
        workspace = self._folder.uri.removesuffix(f"/{plan.name}")
        place = storage.join(workspace, plan.step)
        names = [name for name in sorted(storage.list_names(place)) if name != plan.fingerprint]
        with ThreadPoolExecutor(THREADS) as threads:
            plans = list(threads.map(lambda name: _plan_of(storage.join(place, name)), names))
        for other in plans:
            if other is None or not self._makes_the_same(other):
                continue
            try:
                mark_use(workspace, other)
                if manifest := read_manifest_or_none(uri := storage.join(workspace, other.name)):
                    yield _EarlierFolder(uri, other, manifest, self._made_from)
                    logger.info("taken over from %s: what it holds of equal rows", other.name)
            except InputError as error:
                logger.info("nothing is taken over from %s: %s", other.name, error)

    def _makes_the_same(self, other: Plan) -> bool:
        ours = self._folder.claim.plan
        return (
            (other.kind, other.columns, other.units_per_row) == (ours.kind, ours.columns, ours.units_per_row)
            and other.fingerprint_of_a_row(self._size) == ours.fingerprint_of_a_row(self._size)
            and other.rows_in <= MOST_ROWS
        )


class _EarlierFolder:
    """A finished folder that holds what this step would make of the rows of its input."""

    def __init__(self, uri: str, plan: Plan, manifest: Manifest, made_from: str) -> None:
        """Note in which part each row of the input was settled; InputError if its input is gone, or was made again."""
        self._uri = uri
        self._plan = plan
        self._manifest = manifest
        self._made_from = made_from
        self._inputs = _open_inputs(plan)
        self._places = {
            row_id: part
            for part in range(len(manifest.parts))
            for table in self._tables(part)
            for row_id in table[made_from].to_pylist()
        }
        self._of_part = lru_cache(PARTS_AT_HAND)(self._read_part)

    def made_of(self, row: Any) -> Made | None:
        """Return what it made of an equal row; None if its input had none, or that is to be tried again."""
        if (part := self._places.get(row.id)) is None or (made := self._of_part(part).get(row.id)) is None:
            return None
        if any(reject.reason in PASSING_REASONS for reject in made.rejected):
            return None
        is_equal = made.given == row or self._inputs is None  # made from no row: the id says all
        return made if is_equal and len(made.kept) + len(made.rejected) == self._plan.units_per_row else None

    def _read_part(self, part: int) -> dict[str, Made]:
        """Return what a part holds, by the id of the input's row."""
        made: dict[str, Made] = {}
        tables = list(self._tables(part))
        arithmetic = tuple(ledger_in(tables[0].schema, self._manifest.parts[part].name).arithmetic)
        for table in tables:
            rows = from_table(table, KINDS[self._plan.kind])
            for row, columns in zip(rows, table.to_pylist(), strict=True):
                of = made.setdefault(columns[self._made_from], Made(name=self._plan.name, arithmetic=arithmetic))
                if "rejected_by" in columns:
                    of.rejected.append(Reject(row=row, reason=columns["reason"], detail=columns["detail"]))
                else:
                    of.kept.append(row)
        for row in self._inputs.read(self._plan.slices[part]) if self._inputs else ():
            if row.id in made:
                made[row.id].given = row
        return made

    def _tables(self, part: int) -> Iterator[pa.Table]:
        """Yield the tables of a part: of the rows that were kept, then of those that were rejected, if any were."""
        entry = self._manifest.parts[part]
        yield read_checked(storage.join(self._uri, entry.name), entry.digest)
        if entry.rejects:
            yield read_checked(storage.join(self._uri, entry.rejects), entry.rejects_digest)


def _plan_of(uri: str) -> Plan | None:
    try:
        return read_plan_or_none(uri)
    except InputError:
        return None  # another version's: its rows are not for us


def _open_inputs(plan: Plan) -> Rows[Any] | None:
    """Open the rows that a folder was made from, None if it was made from none; InputError if they are others now."""
    entries = [entry for entries in plan.inputs.values() for entry in entries if entry.is_rows]
    if not entries:
        return None
    rows: Rows[Any] = Rows([entry.uri for entry in entries], KINDS[entries[0].kind])
    if again := [entry.uri for entry, now in zip(entries, rows.sources, strict=True) if entry.content != now.content]:
        raise InputError(f"{', '.join(again)} was made again since")
    return rows
