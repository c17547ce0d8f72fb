"""Questions in the columns of files; rows stream."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import json
import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain, islice
from typing import Any, Literal

from components.import_questions.conversations import (
    is_conversation,
    kinds_besides_text,
    question_in,
    reply_in,
    written_out,
)
from components.import_questions.file_readers import Record, records_of
from components.import_questions.source import SourceRow
from components.import_questions.source_files import SourceFile
from components.shared.errors import InputError
from components.shared.plain_text import shortened
from components.shared.texts.math_answers import known_answer

logger = logging.getLogger(__name__)
Field = Literal["question", "answer", "subject", "level", "response", "tolerance"]
MAX_LIST = 10_000  # characters of a list that is written as text; a longer text is no list of answers
WHOLE_FLOAT = 2**53  # beyond it, a float is no longer one whole number
SHOWN_CHARS = 200  # of a value, in a message
ALPACA = {"instruction", "input", "output"}
_MISSING = object()


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The columns of a file; "" where it has none such. ``reward_model.ground_truth`` is a field of a column.

    A question may stand in several columns: ``Body+Question``.
    """

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
        named_by = self.named_by.format(field)
        if field != "question" or column in record:
            return _text(place, record, column, field, named_by) if column else ""
        texts = [_text(place, record, part, field, named_by) for part in column.split("+")]
        return "\n\n".join(text for text in texts if text.strip())

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
    """Rows of files, one file after another. ``shown_as`` is what messages call them all."""

    files: Sequence[SourceFile]
    shown_as: str
    columns: Columns
    read_answer: Callable[[str], str]  # finds the final answer in the answer's column
    origin: str
    keep_columns: bool = False  # as the rows' metadata, all but the question's
    limit: int = 0  # at most so many rows, the first ones; 0 is all
    only: Mapping[str, str] = dataclasses.field(default_factory=dict)  # how the values of columns begin in its rows

    def count(self) -> int:
        """Read the files once: return how many rows it holds, and log how many texts in the answers hold no answer."""
        number, without = 0, 0
        for place, record in self._records():
            number += 1
            row = self._row(place, record)
            without += (
                bool(self.columns.answer)
                and not row.answer
                and _value_in(record, self.columns.answer) not in (None, "", [])
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
        records = chain.from_iterable(records_of(file.uri, file.shown_as) for file in self.files)
        return islice(filter(self._belongs, records), self.limit or None)

    def _belongs(self, placed: Record) -> bool:
        """Tell whether a record is among those that are wanted; InputError where it lacks a column that says so."""
        place, record = placed
        return all(
            _text(place, record, column, "group", self.columns.named_by).startswith(beginning)
            for column, beginning in self.only.items()
        )

    def _row(self, place: str, record: Mapping[str, Any]) -> SourceRow:
        _check_input(place, record, self.columns.question)
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
            metadata=_metadata(record, but_not=self.columns.question.split("+")) if self.keep_columns else "",
            response=self.columns.text(place, record, "response"),
        )


def _check_input(place: str, record: Mapping[str, Any], question: str) -> None:
    """Raise InputError where a row of Alpaca's form would lose what its instruction is about."""
    if question == "instruction" and record.keys() >= ALPACA and str(record["input"] or "").strip():
        raise InputError(
            f"{place}: column 'input' has a text that belongs to the question; name both: instruction+input"
        )


def _metadata(record: Mapping[str, Any], *, but_not: Sequence[str]) -> str:
    """Return a record's columns as a JSON object; a value that JSON has no form for is written as text."""
    columns = {name: _in_json(value) for name, value in record.items() if name not in but_not}
    return _whole(json.dumps(columns, ensure_ascii=False, default=str)) if columns else ""


def _in_json(value: Any) -> Any:
    """Return a value with null in place of NaN and infinity, which JSON does not have."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {name: _in_json(item) for name, item in value.items()}
    return [_in_json(item) for item in value] if isinstance(value, list | tuple) else value


def answer_behind(marker: str) -> Callable[[str], str]:
    """Return what finds the known answer behind the last ``marker``, in the last box, or as the whole value."""

    def read(solution: str) -> str:
        return known_answer(solution.rpartition(marker)[2] if marker and marker in solution else solution)

    return read


def answer_only_behind(marker: str) -> Callable[[str], str]:
    """Return the same for a column in which every answer has its ``marker``: "" where it lacks."""
    read = answer_behind(marker)
    return lambda solution: read(solution) if marker in solution else ""


def _text(place: str, record: Mapping[str, Any], column: str, field: str, named_by: str) -> str:
    """Return a field as text: null and NaN as "", a number as it is written, several answers with commas between them.

    A question that is a number is none. Of a conversation, the question is what the user says first, and any other
    field the reply.
    """
    value = _value_in(record, column)
    if value is _MISSING:
        raise InputError(_not_found(place, record, column, named_by))
    where = f"{place}: column {column!r} ({named_by})"
    if isinstance(value, str):
        value = written_out(value)
    if is_conversation(value):
        if field == "question" and (kinds := kinds_besides_text(value)):
            raise InputError(f"{where} holds a question with {kinds}; expected text alone: leave such rows out")
        value = (question_in if field == "question" else reply_in)(value)
    elif field in ("answer", "subject", "level"):
        value = _listed(value)
    if value is None:
        return ""
    is_number = isinstance(value, int | float | Decimal) and (field == "answer" or not isinstance(value, bool))
    if field != "question" and is_number:
        return _number_as_text(value)
    if not isinstance(value, str):
        fields = [f"{column}.{name}" for name in value] if isinstance(value, dict) else []
        inner = f"; name a field of it: {', '.join(fields)}" if fields else ""
        shown = shortened(repr(value), SHOWN_CHARS)
        raise InputError(f"{where} holds {shown} ({type(value).__name__}); expected text{inner}")
    return _whole(value)


def _not_found(place: str, record: Mapping[str, Any], column: str, named_by: str) -> str:
    """Return the message for a column that a record lacks: what there is, of its fields where the column has some."""
    remedy = "; if answers are not known: --answer-column none" if named_by == "--answer-column" else ""
    first = column.partition(".")[0]
    inner = record.get(first)
    found = [f"{first}.{name}" for name in inner] if isinstance(inner, Mapping) else list(record)
    return f"{place}: no column {column!r} ({named_by}); found: {', '.join(found) or 'none'}{remedy}"


def _number_as_text(value: int | float | Decimal) -> str:
    """Return a number as a person writes it: 14 for the 14.0 of a table; "" for NaN and infinity."""
    if isinstance(value, int):
        return str(value)
    if not math.isfinite(value):
        return ""
    is_whole = value == int(value) and -WHOLE_FLOAT < value < WHOLE_FLOAT
    return str(int(value)) if is_whole else str(value)


def _listed(value: Any) -> Any:
    """Return the items of a list with commas between them, without those that are missing; any other value as it is.

    A table writes a list as text: ['168'].
    """
    if isinstance(value, str) and value.startswith(("['", '["')) and len(value) <= MAX_LIST:
        with contextlib.suppress(ValueError, SyntaxError, RecursionError, MemoryError):  # the last two: nested deeply
            value = ast.literal_eval(value)
    if not isinstance(value, list):
        return value
    items = [item for item in value if item is not None and not (isinstance(item, float) and not math.isfinite(item))]
    if not all(isinstance(item, str | int | float | Decimal) for item in items):
        return value
    return ", ".join(item if isinstance(item, str) else _number_as_text(item) for item in items)


def _value_in(record: Mapping[str, Any], column: str) -> Any:
    """Return the value of a column, or of a field of one whose name has dots; ``_MISSING`` where there is none."""
    if column in record:
        return record[column]
    first, dot, rest = column.partition(".")
    inner = record.get(first) if dot else None
    return _value_in(inner, rest) if isinstance(inner, Mapping) else _MISSING


def _whole(text: str) -> str:
    """Return a text with a replacement character for each half of a surrogate pair, which no file of ours can hold."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
