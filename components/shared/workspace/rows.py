"""The rows of finished folders, or those that they rejected: one Parquet table for each part, read slice by slice.

A part is fetched and decoded whole, one at a time. Reading therefore takes the memory of one part (a few times its size
in the store), however large the folder is. ``--rows-per-part`` of the step that made it set that size.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, Generic, cast

import pyarrow as pa

from components.shared.errors import InputError
from components.shared.records import R, Row, from_table, kind_of, mistakes_in, rejected_schema_of, schema_of
from components.shared.stores import storage
from components.shared.workspace._descriptions import package_versions
from components.shared.workspace.manifests import PartEntry
from components.shared.workspace.plans import Slice
from components.shared.workspace.row_sources import RowSource, open_source
from components.shared.workspace.tables import missing_object, read_footer


class Rows(Generic[R]):
    """The rows of one or several inputs, read part by part; each part is checked against its manifest."""

    def __init__(self, uris: Sequence[str], record: type[R]) -> None:
        self.record = record
        self.uris = tuple(uris)
        self._last: tuple[tuple[str, str], pa.Table] | None = None
        self.sources = tuple(map(open_source, uris))
        self.parts = tuple(self._parts(source) for source in self.sources)

    def __len__(self) -> int:
        return sum(entry.rows for parts in self.parts for entry in parts)

    def __iter__(self) -> Iterator[R]:
        for slice_ in self.slices():
            yield from self.read(slice_)

    def slices(self, rows_per_part: int = 0) -> list[Slice]:
        """Cut the rows into slices of at most ``rows_per_part`` that never cross an input part.

        0: one slice for each part, also for an empty part, so that part numbers stay the same.
        """
        return [
            Slice(input=number, part=index, start=start, stop=min(start + (rows_per_part or entry.rows), entry.rows))
            for number, parts in enumerate(self.parts)
            for index, entry in enumerate(parts)
            for start in (range(0, entry.rows, rows_per_part) if rows_per_part else (0,))
        ]

    def read(self, slice_: Slice) -> list[R]:
        """Return the rows of a slice."""
        source, entry = self.sources[slice_.input], self.parts[slice_.input][slice_.part]
        table = self._table(source, entry).slice(slice_.start, len(slice_))
        rows = from_table(table, self.record)
        return _with_history(rows, table, source) if source.rejected else rows

    def _parts(self, source: RowSource) -> Sequence[PartEntry]:
        """Return the objects to read; InputError if they hold rows of another kind or version."""
        expected = kind_of(self.record)
        if source.kind != expected:
            holds = f"rejected {source.kind}" if source.rejected else source.kind
            raise InputError(
                f"{source.uri} holds {holds} rows, made by {source.manifest.step}; expected {expected} rows"
            )
        parts = source.parts()
        if parts:  # all parts of a folder have the columns that its plan names
            self._check_columns(source, storage.join(source.folder, parts[0].name))
        return parts

    def _check_columns(self, source: RowSource, uri: str) -> None:
        try:
            found = read_footer(uri)
        except FileNotFoundError as error:
            raise InputError(missing_object(uri)) from error
        record = cast(type[Row], self.record)
        expected = rejected_schema_of(record) if source.rejected else schema_of(record)
        if mistakes := mistakes_in(found, expected, record):
            ours, theirs = (
                versions.get("scalequest", "?") for versions in (package_versions(), source.manifest.versions)
            )
            raise InputError(
                f"{uri} {'; '.join(mistakes)}: scalequest {theirs} wrote it, this is {ours}; use that version, or run "
                "the folder's step again"
            )

    def _table(self, source: RowSource, entry: PartEntry) -> pa.Table:
        # Slices are read in order, often several of one part: the part is fetched and decoded once.
        key = (source.uri, entry.name)
        if self._last is None or self._last[0] != key:
            self._last = key, source.read(entry)
        return self._last[1]


def _with_history(rows: list[R], table: pa.Table, source: RowSource) -> list[R]:
    """Add to each row where and why it was rejected before, if its kind has a column for that."""
    if not rows or not hasattr(rows[0], "history"):
        return rows
    where = f"{source.manifest.step}/{source.manifest.fingerprint}"
    return [
        cast(R, dataclasses.replace(cast(Any, row), history=(*cast(Any, row).history, f"{where}: {reason}")))
        for row, reason in zip(rows, table["reason"].to_pylist(), strict=True)
    ]
