"""The kinds of rows that steps exchange, and their Parquet schemas.

A Question, as ``scalequest show`` prints it::

    {"id": "3f9c12ab-0000017", "question": "A train travels 60 km in 45 minutes. What is its speed in km/h?",
     "answer": "", "source": "qwen2-math", "subject": "", "level": "", "metadata": "", "finish_reason": "stop",
     "num_tokens": 21, "solvability_reply": "", "difficulty": null, "history": []}
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import pyarrow as pa

from components.shared.errors import InputError
from components.shared.redaction import redacted


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """A question, with what the steps so far have found out about it."""

    id: str
    question: str
    answer: str = ""  # the known final answer; "" where none is known
    source: str = ""  # the data set, benchmark or generator that it comes from
    subject: str = ""  # a benchmark's own groups, by which figures are given: "Algebra"; "" where it has none
    level: str = ""  # "Level 5"
    metadata: str = ""  # the other columns of the file that it comes from, as a JSON object; "" where none were kept
    finish_reason: str = ""  # why the generator stopped: "stop" or "length"; "" for imported questions
    num_tokens: int = 0  # tokens that the generator wrote
    solvability_reply: str = ""  # what the judge of filter_solvability wrote
    solvability_thought: str = ""  # what a reasoning judge thought before; nothing judges it
    difficulty: float | None = None  # predicted fail rate; null until score_difficulty has run
    history: tuple[str, ...] = ()  # where and why it was rejected before it was read again: "step/fingerprint: reason"
    tolerance: float | None = None  # by how much an answer may be off, where a benchmark allows it


@dataclass(frozen=True, kw_only=True, slots=True)
class PreferencePair:
    """Two questions of which one is preferred: a rewrite to its original, or a sample of a generator to another one."""

    id: str  # of the question that was rewritten; of the chosen one where both are samples
    source: str  # the generator that wrote the rejected one
    direction: str  # "solvability" or "difficulty"
    chosen: str
    rejected: str
    rewriter: str  # the model that wrote the chosen version; "" where both are samples
    reply: str  # its whole reply
    thought: str = ""  # what a reasoning rewriter thought before; nothing judges it
    chosen_fail_rate: float | None = None  # where both were measured
    rejected_fail_rate: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class FailRate:
    """How a solver fared on a question whose answer is known."""

    id: str
    question: str
    answer: str
    source: str
    fail_rate: float  # share of the responses that are wrong, 0 to 1
    responses: tuple[str, ...]
    correct: tuple[bool, ...]  # one a response: final answer equal by value to ``answer``
    thoughts: tuple[str, ...] = ()  # one a response, "" for none: what a reasoning solver thought before


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """What a solver answered to a question whose answer is known, and what it was worth; one entry a sample."""

    id: str
    question: str
    answer: str
    source: str
    responses: tuple[str, ...]
    final_answers: tuple[str, ...]  # "" where a response gives none
    finish_reasons: tuple[str, ...]
    num_tokens: tuple[int, ...]
    correct: tuple[bool, ...]  # ended, or ran on to the next turn, and its final answer equals ``answer`` by value
    verdicts: tuple[str, ...]  # "right", "wrong", "not_compared", "no_answer", "cut_off", or why there is no reply
    subject: str = ""  # as in the question
    level: str = ""
    thoughts: tuple[str, ...] = ()  # "" for none: what a reasoning solver thought before; nothing judges it
    right_unboxed: tuple[bool, ...] = ()  # without a box, but what it says last is right: counts leniently only
    majority: float | None = None  # of several samples: whether the most frequent answer is right; ties have their mean


@dataclass(frozen=True, kw_only=True, slots=True)
class Response:
    """One response to a question."""

    id: str  # "{question_id}-{sample}"
    question_id: str
    question: str
    answer: str  # the question's known final answer, "" where none is known
    source: str  # where the question comes from
    difficulty: float | None
    sample: int  # which of the samples of its question, from 0
    response: str
    final_answer: str
    finish_reason: str
    num_tokens: int
    reward: float | None = None  # null until score_responses has run
    num_agreeing: int | None = None  # how many of the question's responses share its final answer, itself included
    num_candidates: int | None = None  # how many responses were left to choose from
    is_right: bool | None = None  # final answer equal by value to ``answer``; null where none is known or not compared
    metadata: str = ""  # its question's
    history: tuple[str, ...] = ()  # its question's, then its own
    thought: str = ""  # what a reasoning solver thought before; nothing judges it


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """One row of the published dataset: a question and the response that was chosen for it."""

    id: str  # the response's: "{question_id}-{sample}"
    question: str
    response: str
    final_answer: str
    answer: str  # the question's known final answer, "" where none is known
    source: str
    difficulty: float | None
    reward: float | None
    num_agreeing: int | None
    num_candidates: int | None
    num_tokens: int
    metadata: str = ""  # the other columns of the file that the question comes from, as a JSON object; "" for none
    history: tuple[str, ...] = ()
    thought: str = ""  # what a reasoning solver thought before; filled where package_dataset is asked to
    tier: str = ""  # how the answer is known: "verified", "constructed", "agreed 3 of 5", "reward only", "unchecked"


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """How a model did on a benchmark, or on some of its questions; and on the same ones before a training."""

    id: str
    benchmark: str  # the questions' source; "" for the plain mean of all benchmarks
    model: str  # a name that tells it from the others
    origin: str  # "run", or "paper": the paper's figure, by another program; never subtract the one from the other
    group_by: str = ""  # "subject", "level", …; "" for all questions
    group: str = ""  # which subject, which level
    num_questions: int
    num_samples: int  # a question
    accuracy: float  # share of the questions that are right; of several samples, the mean over them
    accuracy_low: float | None = None  # 95 % interval: Wilson's; of a mean, from those of its parts
    accuracy_high: float | None = None
    share_cut_off: float | None = None  # of all samples
    share_no_answer: float | None = None
    share_unanswered: float | None = None
    share_not_compared: float | None = None  # counted as wrong
    accuracy_lenient: float | None = None  # if replies without a box counted by what they say last
    pass_at_k: float | None = None  # of k = num_samples: share of the questions with at least one right; null for one
    majority: float | None = None  # of several samples: share of the questions whose most frequent answer is right
    evaluation: str = ""  # the folder
    before: str = ""  # the model that this one was trained from; "" where it is compared with none
    settings: str = ""  # what else differs between the two evaluations; "" for nothing
    num_paired: int | None = None  # questions that both answered
    num_gained: float | None = None  # right only after the training
    num_lost: float | None = None  # right only before
    difference: float | None = None  # accuracy on the paired questions, after minus before
    difference_error: float | None = None
    difference_low: float | None = None  # 95 % interval by the error
    difference_high: float | None = None
    draws_low: float | None = (
        None  # 95 % interval over draws of questions; where few verdicts changed, or several samples
    )
    draws_high: float | None = None
    p_value: float | None = None  # exact test: McNemar for one sample; a sign test where all questions changed alike
    p_value_holm: float | None = None  # the same, corrected for the number of tests in this folder
    verdict: str = ""  # "better", "worse" or "may be luck", at 5 %; "" where nothing is tested


@dataclass(frozen=True, kw_only=True, slots=True)
class Contamination:
    """What stands of a benchmark's question in the rows that a model is trained on."""

    id: str  # of the question
    question: str
    source: str  # the benchmark
    rules: tuple[str, ...]  # that were applied: "ngram_13", "ngram_8", "near_duplicate"
    num_training_rows: tuple[int, ...]  # one a rule: how many rows give the question away
    training_ids: tuple[str, ...]  # one a rule: the first of those rows; "" for none
    training_questions: tuple[str, ...]  # the question of that row
    not_testable: tuple[str, ...] = ()  # rules that cannot tell: it is too short, and no row has its text


Row = Question | PreferencePair | FailRate | Evaluation | Response | Example | Score | Contamination
R = TypeVar("R", bound=Row)

KINDS: Mapping[str, type[Row]] = {
    "question": Question,
    "preference_pair": PreferencePair,
    "fail_rate": FailRate,
    "evaluation": Evaluation,
    "response": Response,
    "example": Example,
    "score": Score,
    "contamination": Contamination,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Reject:
    """A row that a step takes out, why, and a detail for the reader (the row it repeats, the reply, …)."""

    row: Row
    reason: str
    detail: str = ""


_ARROW_TYPES = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}


REJECT_COLUMNS = ("rejected_by", "reason", "detail")  # the step that took the row out, why, and a detail


def kind_of(record: type[Any]) -> str:
    """Return the name under which plans and manifests speak of this kind of row."""
    return next(name for name, candidate in KINDS.items() if candidate is record)


def schema_of(record: type[Row]) -> pa.Schema:
    """Return the Parquet schema of a kind of row; only fields declared ``| None`` are nullable."""
    hints = typing.get_type_hints(record)
    return pa.schema([_arrow_field(field.name, hints[field.name]) for field in dataclasses.fields(record)])


def rejected_schema_of(record: type[Row]) -> pa.Schema:
    """Return the schema of rejected rows: the row, then the step that took it out, the reason and a detail."""
    extra = [pa.field(name, pa.string(), nullable=False) for name in REJECT_COLUMNS]
    return pa.schema([*schema_of(record), *extra])


def columns_of(schema: pa.Schema) -> list[str]:
    """Return names and types of columns, as plans write them."""
    return [f"{field.name}: {field.type}" for field in plain_schema(schema)]


def plain_schema(schema: pa.Schema) -> pa.Schema:
    """Return a schema without metadata, and with the elements of lists called as Arrow does, not as Parquet."""
    types = [pa.list_(field.type.value_type) if pa.types.is_list(field.type) else field.type for field in schema]
    return pa.schema([pa.field(f.name, type_, f.nullable) for f, type_ in zip(schema, types, strict=True)])


def to_table(rows: Sequence[Row], record: type[Row]) -> pa.Table:
    """Build the table of ``rows``, all of the kind ``record``."""
    return _table([as_dict(row) for row in rows], schema_of(record))


def rejects_to_table(rejects: Sequence[Reject], record: type[Row], step: str) -> pa.Table:
    """Build the table of rejected rows of the kind ``record``; no secret stands in why they were rejected."""
    dicts = [as_dict(r.row) | {"rejected_by": step, "reason": r.reason, "detail": redacted(r.detail)} for r in rejects]
    return _table(dicts, rejected_schema_of(record))


def from_table(table: pa.Table, record: type[R]) -> list[R]:
    """Return the table's rows; columns that the kind does not have (a reject's reason) are left out.

    A column that an older version did not write has the field's default; without one, InputError names it.
    """
    fields = dataclasses.fields(record)
    names = [field.name for field in fields if field.name in table.column_names]
    if lacking := [f.name for f in fields if f.default is dataclasses.MISSING and f.name not in names]:
        raise InputError(
            f"a {kind_of(record)} row needs the column {', '.join(lacking)}; found {', '.join(table.column_names)}"
        )
    return [record(**{name: _plain(row[name]) for name in names}) for row in table.select(names).to_pylist()]


def mistakes_in(schema: pa.Schema, expected: pa.Schema, record: type[Row]) -> list[str]:
    """Say how the columns of an object differ from those of a kind of row, [] where its rows can be read.

    A column that has a default may be missing: an older version had none. An unknown one would be lost on the way.
    """
    defaults = {field.name for field in dataclasses.fields(record) if field.default is not dataclasses.MISSING}
    mistakes = [f"lacks the column {name!r}" for name in expected.names if name not in {*schema.names, *defaults}]
    for field in schema:
        if field.name not in expected.names:
            mistakes.append(f"has the unknown column {field.name!r}")
        elif field.type != expected.field(field.name).type:
            mistakes.append(f"has {field.name!r} as {field.type}, expected {expected.field(field.name).type}")
        elif field.nullable and not expected.field(field.name).nullable:
            mistakes.append(f"may have nulls in {field.name!r}")
    return mistakes


def _table(dicts: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    try:
        return pa.Table.from_pylist(dicts, schema=schema)
    except UnicodeEncodeError:
        # An endpoint's JSON can carry half a surrogate pair, which is no text: a replacement character stands for it.
        return pa.Table.from_pylist([_whole_characters(row) for row in dicts], schema=schema)


def _whole_characters(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, tuple):
        return tuple(_whole_characters(item) for item in value)
    return {name: _whole_characters(item) for name, item in value.items()} if isinstance(value, dict) else value


def as_dict(row: Row) -> dict[str, Any]:
    """Return a row's columns and their values, in the order of the columns."""
    return {field.name: getattr(row, field.name) for field in dataclasses.fields(row)}


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _arrow_field(name: str, hint: Any) -> pa.Field:
    if isinstance(hint, types.UnionType):
        (inner,) = (arg for arg in typing.get_args(hint) if arg is not type(None))
        return pa.field(name, _ARROW_TYPES[inner], nullable=True)
    if typing.get_origin(hint) is tuple:
        return pa.field(name, pa.list_(_ARROW_TYPES[typing.get_args(hint)[0]]), nullable=False)
    return pa.field(name, _ARROW_TYPES[hint], nullable=False)


def count_reasons(rejects: Iterable[Reject]) -> dict[str, int]:
    """Count rejects by reason, in alphabetical order."""
    counts: dict[str, int] = {}
    for reject in rejects:
        counts[reject.reason] = counts.get(reject.reason, 0) + 1
    return dict(sorted(counts.items()))
