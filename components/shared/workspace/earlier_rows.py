"""Rows that earlier folders of the same step hold: taken over, not made again.

What a step makes of a row of its input depends on that row, the step's options, prompts and models, and on nothing
else: seeds derive from the row's id, and parts never meet. So a finished folder with the same of these, made from fewer
or other rows (a pilot), holds what this folder would make of each row that is equal in both, byte for byte where the
engine repeats itself. A row counts as equal if all its columns are: id, text, difficulty, history. What failed for a
reason that lies in the machine or the server, and not in the row, is tried again.

Runs may recur for years in one workspace, and each pod of a step looks for itself. So the newest folders come first,
one after another, and an older one is looked at only for a row that the newer ones do not have. Of the newest
``MOST_FOLDERS`` the plans are read, and the manifests of those that did the same work, as many as account for
``MOST_ROWS`` rows together; of each, the ids are read, and nothing more of one that has no row of ours.

What is taken over is a copy: the earlier folder may be deleted afterwards. It is no work: no tokens, and the seconds
that copying takes. The metric ``taken_over: step/fingerprint`` counts the rows, kept and rejected. What the earlier
rows were computed in is added to what this folder states, which may be several kinds of numbers then.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import chain
from typing import Any, TypeVar

import pyarrow as pa

from components.shared.errors import InputError
from components.shared.records import KINDS, Reject, Row, from_table
from components.shared.stores import storage
from components.shared.workspace._uses import mark_use
from components.shared.workspace.ledgers import ledger_in
from components.shared.workspace.listing import finished_names
from components.shared.workspace.manifests import Manifest, read_manifest_or_none
from components.shared.workspace.output_folders import KILLED_THE_ENGINE, OutputFolder, Part
from components.shared.workspace.plans import Plan, read_plan_or_none
from components.shared.workspace.rows import Rows
from components.shared.workspace.tables import read_checked, read_column

TAKEN_OVER = "taken_over: "  # begins the metric that counts rows; the earlier folder follows
MOST_ROWS = 1_000_000  # that the folders account for together; the ids of more would fill the memory
# Why rows are rejected that another machine, or the same one later, may well answer.
PASSING_REASONS = frozenset({KILLED_THE_ENGINE, "refused", "no_score"})
MOST_FOLDERS = 32  # finished ones whose plans are read
PARTS_AT_HAND = 8  # decoded; rows come in the same order as in the earlier folder
THREADS = 16

T = TypeVar("T")

logger = logging.getLogger(__name__)


def taken_over(metrics: Mapping[str, float]) -> Mapping[str, float]:
    """Return how many rows were taken over, by the folder that they are from; ``metrics``: a folder's or part's."""
    counts = metrics.items()
    return {name.removeprefix(TAKEN_OVER): count for name, count in counts if name.startswith(TAKEN_OVER)}


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
    """What the earlier folders of a step hold, looked up row by row; looked for as rows are asked for."""

    def __init__(self, folder: OutputFolder, made_from: str, size: str = "") -> None:
        """``made_from``: the column of the step's rows with the id of the input's row; "" to take nothing over.

        ``size``: the option that only says how many rows there are: row k is the same, whatever its value.
        """
        self._folder = folder
        self._made_from = made_from
        self._size = size
        self._found: list[_EarlierFolder] = []
        self._others = self._find()

    def of(self, row: Any) -> Made | None:
        """Return what an earlier folder made of an equal row; None if none did. ``row`` has an ``id``."""
        return next((made for each in self._newest_first() if (made := each.made_of(row)) is not None), None)

    def _newest_first(self) -> Iterator[_EarlierFolder]:
        """Yield the folders that were found for rows before this one, then look for others."""
        yield from list(self._found)
        for each in self._others:
            self._found.append(each)
            yield each

    def _find(self) -> Iterator[_EarlierFolder]:
        """Yield the finished folders beside this one that made the same of rows that this one has, the newest first."""
        num_rows = 0
        for other in self._same() if self._made_from else ():
            uri = storage.join(self._workspace, other.name)
            if num_rows + other.rows_in > MOST_ROWS or (manifest := _read(read_manifest_or_none, uri)) is None:
                continue
            num_rows += other.rows_in
            ours = self._own_ids  # what is wrong with this folder's own input is an error of the step
            try:
                folder = _EarlierFolder(uri, other, manifest, self._made_from)
                if folder.keep_places_of(ours) and self._holds(folder):
                    yield folder
            except InputError as error:
                logger.info("nothing is taken over from %s: %s", other.name, error)

    def _same(self) -> Iterator[Plan]:
        """Yield the plans of the newest finished folders that make the same of a row as this one."""
        plan = self._folder.claim.plan
        of_a_row = plan.fingerprint_of_a_row(self._size)
        place = storage.join(self._workspace, plan.step)
        if not {*storage.list_names(place)} - {plan.fingerprint}:
            return  # this folder's own parts need not be listed
        for name in finished_names(place)[:MOST_FOLDERS]:
            other = _read(read_plan_or_none, storage.join(place, name))
            if (
                other is not None
                and all(getattr(other, name) == getattr(plan, name) for name in ("kind", "columns", "units_per_row"))
                and other.fingerprint_of_a_row(self._size) == of_a_row
            ):
                yield other

    @cached_property
    def _own_ids(self) -> frozenset[str] | None:
        """The ids of this folder's input; None where it has none, or more than are to be held."""
        plan = self._folder.claim.plan
        rows = _open_inputs(plan)
        if rows is None or plan.rows_in > MOST_ROWS:
            return None
        parts = [(source, entry) for source, entries in zip(rows.sources, rows.parts, strict=True) for entry in entries]
        uris = [storage.join(source.folder, entry.name) for source, entry in parts]
        with ThreadPoolExecutor(THREADS) as threads:
            return frozenset(chain.from_iterable(threads.map(lambda uri: read_column(uri, "id"), uris)))

    def _holds(self, folder: _EarlierFolder) -> bool:
        """Mark a folder as in use; False if it was removed before the mark stood."""
        mark_use(self._workspace, folder.plan)
        return read_manifest_or_none(folder.uri) is not None

    @property
    def _workspace(self) -> str:
        return self._folder.uri.removesuffix(f"/{self._folder.claim.plan.name}")


class _EarlierFolder:
    """A finished folder that holds what this step would make of the rows of its input."""

    def __init__(self, uri: str, plan: Plan, manifest: Manifest, made_from: str) -> None:
        """Note in which part each row of the input was settled; InputError if it is not there, or was damaged."""
        self.uri = uri
        self.plan = plan
        self._manifest = manifest
        self._made_from = made_from
        self._inputs: Rows[Any] | None = None
        self._is_used = False
        objects = [(part, name) for part, entry in enumerate(manifest.parts) for name in (entry.name, entry.rejects)]
        objects = [(part, name) for part, name in objects if name]
        with ThreadPoolExecutor(THREADS) as threads:
            ids = threads.map(lambda each: read_column(storage.join(uri, each[1]), made_from), objects)
            self._places = {row_id: part for (part, _), of in zip(objects, ids, strict=True) for row_id in of}
        self._of_part = lru_cache(PARTS_AT_HAND)(self._read_part)

    def keep_places_of(self, ours: frozenset[str] | None) -> bool:
        """Forget the rows with other ids than ``ours``, if these are known; tell whether any are left.

        Raises InputError if the folder's input is gone, or was made again.
        """
        if ours is not None:
            self._places = {row_id: part for row_id, part in self._places.items() if row_id in ours}
        if self._places:
            self._inputs = _open_inputs(self.plan)
        return bool(self._places)

    def made_of(self, row: Any) -> Made | None:
        """Return what it made of an equal row; None if its input had none, or that is to be tried again."""
        if (part := self._places.get(row.id)) is None:
            return None
        try:
            made = self._of_part(part).get(row.id)
        except InputError as error:
            logger.info("nothing more is taken over from %s: %s", self.plan.name, error)
            self._places = {}
            return None
        if made is None or any(reject.reason in PASSING_REASONS for reject in made.rejected):
            return None
        is_equal = made.given == row or self._inputs is None  # made from no row: the id says all
        if not is_equal or len(made.kept) + len(made.rejected) != self.plan.units_per_row:
            return None
        if not self._is_used:
            logger.info("taken over from %s: what it holds of equal rows", self.plan.name)
        self._is_used = True
        return made

    def _read_part(self, part: int) -> dict[str, Made]:
        """Return what a part holds, by the id of the input's row."""
        made: dict[str, Made] = {}
        tables = list(self._tables(part))
        arithmetic = tuple(ledger_in(tables[0].schema, self._manifest.parts[part].name).arithmetic)
        for table in tables:
            rows = from_table(table, KINDS[self.plan.kind])
            for row, columns in zip(rows, table.to_pylist(), strict=True):
                of = made.setdefault(columns[self._made_from], Made(name=self.plan.name, arithmetic=arithmetic))
                if "rejected_by" in columns:
                    of.rejected.append(Reject(row=row, reason=columns["reason"], detail=columns["detail"]))
                else:
                    of.kept.append(row)
        for row in self._inputs.read(self.plan.slices[part]) if self._inputs else ():
            if row.id in made:
                made[row.id].given = row
        return made

    def _tables(self, part: int) -> Iterator[pa.Table]:
        """Yield the tables of a part: of the rows that were kept, then of those that were rejected, if any were."""
        entry = self._manifest.parts[part]
        yield read_checked(storage.join(self.uri, entry.name), entry.digest)
        if entry.rejects:
            yield read_checked(storage.join(self.uri, entry.rejects), entry.rejects_digest)


def _read(read: Callable[[str], T | None], uri: str) -> T | None:
    try:
        return read(uri)
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
