from __future__ import annotations

import io
import types
import typing
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.shared import records
from components.shared.errors import InputError
from components.shared.records import FailRate, Question, Reject, Response, Row

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
VALUES: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXT,
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(),
    bool: st.booleans(),
}


def values_of(hint: Any) -> st.SearchStrategy[Any]:
    """Return what a field may hold: any text, all of int64 and float64, nulls and tuples where they are declared."""
    if isinstance(hint, types.UnionType):
        return st.one_of([VALUES.get(inner, st.none()) for inner in typing.get_args(hint)])
    if typing.get_origin(hint) is tuple:
        return st.lists(VALUES[typing.get_args(hint)[0]], max_size=3).map(tuple)
    return VALUES[hint]


def rows_of(record: type[Row]) -> st.SearchStrategy[Row]:
    """Return rows of a kind, with any values that its fields may hold."""
    return st.builds(record, **{name: values_of(hint) for name, hint in typing.get_type_hints(record).items()})


ANY_KIND = st.sampled_from(list(records.KINDS.values()))


def same(one: object, other: object) -> bool:
    """Tell whether two rows are the same; NaN is the same as NaN here, and -0.0 is not 0.0."""
    return repr(one) == repr(other)


@settings(max_examples=100)
@given(ANY_KIND.flatmap(lambda record: st.tuples(st.just(record), st.lists(rows_of(record), max_size=4))))
def test_rows_of_every_kind_come_back_from_parquet_as_they_were(example: tuple[type[Row], list[Row]]) -> None:
    record, rows = example
    assert same(records.from_table(_through_parquet(records.to_table(rows, record)), record), rows)


@given(ANY_KIND.flatmap(lambda record: st.tuples(st.just(record), rows_of(record), TEXT, TEXT)))
def test_a_rejected_row_of_every_kind_comes_back_with_its_reason(example: tuple[type[Row], Row, str, str]) -> None:
    record, row, reason, detail = example
    written = records.rejects_to_table([Reject(row=row, reason=reason, detail=detail)], record, "a_step")
    table = _through_parquet(written)
    assert same(records.from_table(table, record), [row])
    assert [table[name].to_pylist() for name in ("rejected_by", "reason", "detail")] == [["a_step"], [reason], [detail]]


def test_a_long_row_comes_back() -> None:
    row = Question(id="long", question="x" * 3_000_000)
    assert records.from_table(_through_parquet(records.to_table([row], Question)), Question) == [row]


@pytest.mark.parametrize(
    ("written", "read"),
    [("a\ud800b", "a\ufffdb"), ("\udc00", "\ufffd"), ("\ud83d\ude00", "😀"), ("\x00\ud800", "\x00\ufffd")],
)
def test_half_a_surrogate_pair_becomes_a_replacement_character(written: str, read: str) -> None:
    row = FailRate(id="a", question=written, answer="", source="", fail_rate=0, responses=(written, "é"), correct=())
    reject = Reject(row=Question(id="b", question="x"), reason="bad", detail=written)

    (back,) = records.from_table(_through_parquet(records.to_table([row], FailRate)), FailRate)

    assert (back.question, back.responses) == (read, (read, "é"))
    assert records.rejects_to_table([reject], Question, "step")["detail"].to_pylist() == [read]


def test_only_fields_declared_optional_are_nullable() -> None:
    nullable = {field.name for field in records.schema_of(Response) if field.nullable}
    assert nullable == {"difficulty", "reward", "num_agreeing", "num_candidates", "is_right"}


def test_a_reject_keeps_the_row_and_says_who_took_it_out_and_why() -> None:
    row = Question(id="a", question="¿Cuánto?", difficulty=0.5)
    table = records.rejects_to_table([Reject(row=row, reason="non_english", detail="es")], Question, "filter_language")
    (line,) = table.to_pylist()
    assert (line["rejected_by"], line["reason"], line["detail"]) == ("filter_language", "non_english", "es")
    assert records.from_table(table, Question) == [row]


def test_a_column_that_older_rows_lack_has_its_default() -> None:
    table = records.to_table([Question(id="a", question="x", difficulty=0.5)], Question).drop_columns(["difficulty"])
    assert records.from_table(table, Question) == [Question(id="a", question="x")]


def test_a_missing_column_without_default_is_named_with_those_found() -> None:
    table = pa.table({"id": ["a"], "text": ["x"]})
    with pytest.raises(InputError, match="a question row needs the column question; found id, text"):
        records.from_table(table, Question)


def test_reasons_are_counted_in_alphabetical_order() -> None:
    rejects = [Reject(row=Question(id="", question=""), reason=reason) for reason in ("empty", "cut_off", "empty")]
    counts = records.count_reasons(rejects)
    assert list(counts.items()) == [("cut_off", 1), ("empty", 2)]


@pytest.mark.parametrize(("name", "record"), records.KINDS.items())
def test_every_kind_has_a_name_and_a_schema(name: str, record: type[Row]) -> None:
    assert records.kind_of(record) == name
    assert records.schema_of(record).names[0] == "id"


def _through_parquet(table: pa.Table) -> pa.Table:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return pq.read_table(io.BytesIO(buffer.getvalue()))
