"""Rows to look at: drawn at random, the same at each draw, each with the candidates that it was preferred to."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import pyarrow as pa
import pyarrow.compute as pc

from components.shared.errors import InputError
from components.shared.evenly import evenly
from components.shared.records import R, Response, Row, from_table
from components.shared.report.row_figures import RowFigures, ShownRow, shown
from components.shared.seeds import derive_seed
from components.shared.stores import storage
from components.shared.workspace.manifests import PartEntry
from components.shared.workspace.plans import Slice
from components.shared.workspace.row_sources import RowSource, open_source
from components.shared.workspace.rows import Rows
from components.shared.workspace.tables import read_checked

NUM_SAMPLES = 20
MAX_PARTS = 20  # that are read of a folder of any size, evenly spread


@dataclass(frozen=True, kw_only=True)
class SampledRow:
    """A row that is shown, and the candidates for its question that lost."""

    row: ShownRow
    others: Sequence[ShownRow] = ()


@dataclass
class Draw:
    """The rows with the smallest numbers, which depend on nothing but their ids."""

    _largest_first: list[tuple[int, str, int, ShownRow]] = field(default_factory=list)

    def add(self, row: ShownRow, part: int) -> None:
        """Take a row of a part into account."""
        entry = -derive_seed("report", row.id), row.id, part, row
        if len(self._largest_first) < NUM_SAMPLES:
            heapq.heappush(self._largest_first, entry)
        elif entry > self._largest_first[0]:
            heapq.heapreplace(self._largest_first, entry)

    def rows(self) -> list[tuple[ShownRow, int]]:
        """Return the rows that were drawn, each with its part."""
        return [(row, part) for _, _, part, row in sorted(self._largest_first, key=lambda entry: -entry[0])]


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What some parts of a folder say of all of it."""

    figures: RowFigures
    drawn: Sequence[tuple[ShownRow, int]]
    num_rows: int  # of the folder


def look_at(rows: Rows[R]) -> Looked:
    """Read rows of one folder, of at most 20 of its parts: memory holds one part, whatever the folder's size."""
    figures, draw = RowFigures(), Draw()
    slices = [(number, slice_) for number, slice_ in enumerate(rows.slices()) if slice_]
    for number, slice_ in evenly(slices, MAX_PARTS):
        for row in map(shown, cast(list[Row], rows.read(slice_))):
            figures.add(row)
            draw.add(row, number)
    return Looked(figures=figures, drawn=draw.rows(), num_rows=len(rows))


def with_others(
    drawn: Iterable[tuple[ShownRow, int]], slices: Sequence[Slice], responses: Sequence[str]
) -> list[SampledRow]:
    """Return rows of a dataset with the candidates that lost, from the rejected rows of what the dataset was made from.

    ``slices``: of ``responses``, what each part of the dataset was made from. One object is read for each part.
    """
    drawn = list(drawn)
    sources = [_source_or_none(uri) for uri in responses]
    wanted: dict[int, list[str]] = {}
    for row, part in drawn:
        wanted.setdefault(part, []).append(_question_of(row))
    lost: dict[str, list[ShownRow]] = {}
    for part, questions in wanted.items():
        source = sources[slices[part].input]
        if source is not None:
            lost |= _losers(source.folder, source.manifest.parts[slices[part].part], questions)
    return [SampledRow(row=row, others=lost.get(_question_of(row), ())) for row, _ in drawn]


def _question_of(row: ShownRow) -> str:
    return row.id.rpartition("-")[0]  # of a response: "{question_id}-{sample}"


def _source_or_none(uri: str) -> RowSource | None:
    """Return what rows were made from; None where it has been deleted, or is itself what was rejected."""
    try:
        source = open_source(uri)
    except InputError:
        return None
    return None if source.rejected else source


def _losers(folder: str, entry: PartEntry, questions: Sequence[str]) -> Mapping[str, list[ShownRow]]:
    if not entry.rejects:
        return {}
    try:
        table = read_checked(storage.join(folder, entry.rejects), entry.rejects_digest)
    except InputError:  # deleted or changed: nothing to compare with, and the page shows the rest
        return {}
    found: dict[str, list[ShownRow]] = {}
    if "question_id" in table.column_names:
        table = table.filter(pc.field("question_id").isin(pa.array(questions)))
        for row in from_table(table, Response):
            found.setdefault(row.question_id, []).append(shown(row))
    return found
