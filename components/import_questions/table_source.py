"""Questions in a JSONL, JSON, CSV or Parquet file; rows stream, but for JSON, which is one value."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePosixPath
from typing import IO, Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from components.import_questions.source import SourceRow
from components.shared.errors import InputError
from components.shared.stores import storage
from components.shared.texts.math_answers import known_answer

PARQUET_BATCH_ROWS = 1024
logger = logging.getLogger(__name__)
Field = Literal["question", "answer", "subject", "level", "response", "tolerance"]
Record = tuple[str, Mapping[str, Any]]  # where it stands, and its fields


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The columns of a file; "" where it has none such."""

    question: str
    answer: str = ""
    subject: str = ""
    level: str = ""
    response: str = ""
    tolerance: str = ""
    named_by: str = "--{}-column"  # who names them, in messages: the option, or the benchmark

    def text(self, place: str, record: Mapping[str, Any], field: Field) -> str:
        """Return a field of a record as text; "" where the file has no such column."""
        column = getattr(self, field)
        return _text(place, record, column, field, self.named_by.format(field)) if column else ""

    def number(self, place: str, record: Mapping[str, Any], field: Field) -> float | None:
        """Return a field of a record as a number; None where the record or the file has none."""
        text = self.text(place, record, field)
        if not text:
            return None
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            column, named_by = getattr(self, field), self.named_by.format(field)
            raise InputError(f"{place}: column {column!r} ({named_by}) holds {text!r}; expected a number")
        return number


@dataclass(frozen=True, kw_only=True)
class TableSource:
    """Rows of one file. ``uri`` is what is read, ``shown_as`` what messages call it."""

    uri: str
    shown_as: str
    columns: Columns
    read_answer: Callable[[str], str]  # finds the final answer in the answer's column
    origin: str
    keep_columns: bool = False  # as the rows' metadata, all but the question's
    limit: int = 0  # at most so many rows, the first ones; 0 is all
    only: Mapping[str, str] = dataclasses.field(default_factory=dict)  # how the values of columns begin in its rows

    def count(self) -> int:
        """Read the file once: return how many rows it holds, and log how many texts in the answers hold no answer."""
        number, without = 0, 0
        for place, record in self._records():
            number += 1
            row = self._row(place, record)
            without += (
                bool(self.columns.answer) and not row.answer and record[self.columns.answer] not in (None, "", [])
            )
        if number == 0:
            raise InputError(f"{self.shown_as} has no rows")
        if without:
            logger.warning(
                "%s: %d of %d rows have a text in column %r without a final answer: a solution without a box that "
                "can be read, or a missing value; their questions have no known answer",
                self.shown_as, without, number, self.columns.answer,
            )  # fmt: skip
        return number

    def rows(self) -> Iterator[SourceRow]:
        for place, record in self._records():
            yield self._row(place, record)

    def _records(self) -> Iterator[Record]:
        read = reader_of(self.shown_as)
        try:
            with storage.open_read(self.uri) as file:
                yield from islice(filter(self._belongs, read(file, self.shown_as)), self.limit or None)
        except (FileNotFoundError, IsADirectoryError) as error:
            raise InputError(f"{self.shown_as}: no such file; check the address") from error

    def _belongs(self, placed: Record) -> bool:
        """Tell whether a record is among those that are wanted; InputError where it lacks a column that says so."""
        place, record = placed
        return all(
            _text(place, record, column, "group", self.columns.named_by).startswith(beginning)
            for column, beginning in self.only.items()
        )

    def _row(self, place: str, record: Mapping[str, Any]) -> SourceRow:
        question = self.columns.text(place, record, "question")
        solution = self.columns.text(place, record, "answer")
        return SourceRow(
            question=question,
            answer=self.read_answer(solution),
            solution=solution,
            origin=self.origin,
            subject=self.columns.text(place, record, "subject"),
            level=self.columns.text(place, record, "level"),
            tolerance=self.columns.number(place, record, "tolerance"),
            metadata=_metadata(record, but_not=self.columns.question) if self.keep_columns else "",
            response=self.columns.text(place, record, "response"),
        )


def _metadata(record: Mapping[str, Any], *, but_not: str) -> str:
    """Return a record's columns as a JSON object; a value that JSON has no form for is written as text."""
    columns = {name: _in_json(value) for name, value in record.items() if name != but_not}
    return json.dumps(columns, ensure_ascii=False, default=str) if columns else ""


def _in_json(value: Any) -> Any:
    """Return a value with null in place of NaN and infinity, which JSON does not have."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {name: _in_json(item) for name, item in value.items()}
    return [_in_json(item) for item in value] if isinstance(value, list) else value


def answer_behind(marker: str) -> Callable[[str], str]:
    """Return what finds the known answer behind the last ``marker``, in the last box, or as the whole value."""

    def read(solution: str) -> str:
        return known_answer(solution.rpartition(marker)[2] if marker and marker in solution else solution)

    return read


def answer_only_behind(marker: str) -> Callable[[str], str]:
    """Return the same for a column in which every answer has its ``marker``: "" where it lacks."""
    read = answer_behind(marker)
    return lambda solution: read(solution) if marker in solution else ""


def reader_of(name: str) -> Callable[[IO[bytes], str], Iterator[Record]]:
    """Return the reader for a file name's ending; InputError for one that is unknown."""
    suffix = PurePosixPath(name).suffix.lower()
    if suffix not in READERS:
        raise InputError(f"{name!r} ends in {suffix or 'nothing'}; expected one of {', '.join(READERS)}")
    return READERS[suffix]


def _text(place: str, record: Mapping[str, Any], column: str, field: str, named_by: str) -> str:
    """Return a field as text: null and NaN as "", a number as it is written, several answers with commas between them.

    A question that is a number is none.
    """
    if column not in record:
        remedy = "; if answers are not known: --answer-column none" if named_by == "--answer-column" else ""
        raise InputError(f"{place}: no column {column!r} ({named_by}); found: {', '.join(record) or 'none'}{remedy}")
    value = record[column]
    if field == "answer" and isinstance(value, list) and len(value) == 1:
        (value,) = value
    elif field == "answer" and isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        value = ", ".join(value)
    if value is None:
        return ""
    if field != "question" and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value) if math.isfinite(value) else ""
    if not isinstance(value, str):
        raise InputError(
            f"{place}: column {column!r} ({named_by}) holds {value!r} ({type(value).__name__}); expected text"
        )
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
