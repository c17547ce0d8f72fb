"""Questions in a JSONL, JSON, CSV or Parquet file; rows stream, but for JSON, which is one value."""

from __future__ import annotations

import csv
import io
import json
import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePosixPath
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from components.import_questions.source import SourceRow
from components.shared.errors import InputError
from components.shared.stores import storage
from components.shared.texts.math_answers import known_answer

PARQUET_BATCH_ROWS = 1024
logger = logging.getLogger(__name__)
Record = tuple[str, Mapping[str, Any]]  # where it stands, and its fields


@dataclass(frozen=True, kw_only=True)
class TableSource:
    """Rows of one file. ``uri`` is what is read, ``shown_as`` what messages call it."""

    uri: str
    shown_as: str
    question_column: str
    answer_column: str  # "" where the file has no answers
    answer_marker: str  # the final answer stands behind the last of these; "" takes answers whole
    origin: str
    limit: int  # at most so many rows, the first ones; 0 is all

    def count(self) -> int:
        """Read the file once: return how many rows it holds, and log how many texts in the answers hold no answer."""
        number, without = 0, 0
        for place, record in self._records():
            number += 1
            row = self._row(place, record)
            without += bool(self.answer_column) and not row.answer and record[self.answer_column] not in (None, "", [])
        if number == 0:
            raise InputError(f"{self.shown_as} has no rows")
        if without:
            logger.warning(
                "%s: %d of %d rows have a text in column %r without a final answer: a solution without a box that "
                "can be read, or a missing value; their questions have no known answer",
                self.shown_as, without, number, self.answer_column,
            )  # fmt: skip
        return number

    def rows(self) -> Iterator[SourceRow]:
        for place, record in self._records():
            yield self._row(place, record)

    def _records(self) -> Iterator[Record]:
        read = reader_of(self.shown_as)
        try:
            with storage.open_read(self.uri) as file:
                yield from islice(read(file, self.shown_as), self.limit or None)
        except (FileNotFoundError, IsADirectoryError) as error:
            raise InputError(f"{self.shown_as}: no such file; check --source") from error

    def _row(self, place: str, record: Mapping[str, Any]) -> SourceRow:
        question = _text(place, record, self.question_column, "--question-column")
        answer = _text(place, record, self.answer_column, "--answer-column") if self.answer_column else ""
        if self.answer_marker and self.answer_marker in answer:
            answer = answer.rpartition(self.answer_marker)[2]
        return SourceRow(question=question, answer=known_answer(answer), origin=self.origin)


def reader_of(name: str) -> Callable[[IO[bytes], str], Iterator[Record]]:
    """Return the reader for a file name's ending; InputError for one that is unknown."""
    suffix = PurePosixPath(name).suffix.lower()
    if suffix not in READERS:
        raise InputError(f"--source {name!r} ends in {suffix or 'nothing'}; expected one of {', '.join(READERS)}")
    return READERS[suffix]


def _text(place: str, record: Mapping[str, Any], column: str, flag: str) -> str:
    """Return a field as text: a number as it is written, null and NaN as "", a list of one as its value."""
    if column not in record:
        remedy = "; if answers are not known: --answer-column none" if flag == "--answer-column" else ""
        raise InputError(f"{place}: no column {column!r} ({flag}); found: {', '.join(record) or 'none'}{remedy}")
    value = record[column]
    if flag == "--answer-column" and isinstance(value, list) and len(value) == 1:
        (value,) = value
    if value is None:
        return ""
    if flag == "--answer-column" and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value) if math.isfinite(value) else ""
    if not isinstance(value, str):
        raise InputError(f"{place}: column {column!r} ({flag}) holds {value!r} ({type(value).__name__}); expected text")
    return value


def _read_jsonl(file: IO[bytes], name: str) -> Iterator[Record]:
    for number, line in enumerate(file, start=1):
        if line.strip():
            place = f"{name}:{number}"
            yield place, _object(_parse_json(line, place), place)


def _read_json(file: IO[bytes], name: str) -> Iterator[Record]:
    content = file.read()
    values = _parse_json(content, name) if content.strip() else []
    if not isinstance(values, list):
        raise InputError(f"{name} holds one value of type {type(values).__name__}; expected a list of objects")
    for number, value in enumerate(values, start=1):
        place = f"{name}, row {number}"
        yield place, _object(value, place)


def _parse_json(data: bytes, place: str) -> Any:
    try:
        return json.loads(data, object_pairs_hook=lambda pairs: _unique(pairs, place))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{place}: broken JSON: {error}") from error


def _unique(pairs: list[tuple[str, Any]], place: str) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        _check_names([name for name, _ in pairs], place)
    return fields


def _object(value: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{place}: a value of type {type(value).__name__}; expected an object with named fields")
    return value


def _read_csv(file: IO[bytes], name: str) -> Iterator[Record]:
    # "utf-8-sig": spreadsheets put a byte order mark before the first column's name.
    reader = csv.reader(io.TextIOWrapper(file, encoding="utf-8-sig", newline=""), strict=True)
    try:
        header = next(reader, [])
        _check_names(header, name)
        for values in reader:
            place = f"{name}:{reader.line_num}"
            if len(values) not in (0, len(header)):
                raise InputError(f"{place}: {len(values)} values, but {len(header)} columns: {', '.join(header)}")
            if values:
                yield place, dict(zip(header, values, strict=True))
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"{name}:{reader.line_num}: broken CSV: {error}") from error


def _check_names(names: Sequence[str], place: str) -> None:
    if twice := sorted({name for name in names if name and names.count(name) > 1}):
        raise InputError(
            f"{place}: column {', '.join(map(repr, twice))} is there more than once; name each column once"
        )


def _read_parquet(file: IO[bytes], name: str) -> Iterator[Record]:
    try:
        table = pq.ParquetFile(file)
        _check_names(table.schema_arrow.names, name)
        number = 0
        for batch in table.iter_batches(batch_size=PARQUET_BATCH_ROWS):
            for record in batch.to_pylist():
                number += 1
                yield f"{name}, row {number}", record
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InputError(f"{name}: not readable as Parquet: {error}") from error


READERS: Mapping[str, Callable[[IO[bytes], str], Iterator[Record]]] = {
    ".jsonl": _read_jsonl,
    ".json": _read_json,
    ".csv": _read_csv,
    ".parquet": _read_parquet,
}
