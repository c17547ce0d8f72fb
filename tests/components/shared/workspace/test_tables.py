from __future__ import annotations

import io
import random
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.shared.errors import InputError
from components.shared.records import FailRate, Question, Row, to_table
from components.shared.stores import storage
from components.shared.workspace.tables import (
    END_BYTES,
    read_checked,
    read_column,
    read_footer,
    read_table,
    table_digest,
    to_parquet,
)
from tests.components.shared.test_records import ANY_KIND, rows_of
from tests.store_calls import counted_calls
from tests.stores import Store

TABLES = ANY_KIND.flatmap(lambda record: st.lists(rows_of(record), max_size=8).map(lambda rows: to_table(rows, record)))


def stored(table: pa.Table, **options: object) -> pa.Table:
    """Return a table as it comes back from Parquet."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer, **options)
    return pq.read_table(io.BytesIO(buffer.getvalue()))


@settings(max_examples=150)
@given(table=TABLES, rows_per_group=st.integers(1, 5), cut=st.integers(0, 8))
def test_the_digest_is_of_the_rows_not_of_how_they_are_stored(table: pa.Table, rows_per_group: int, cut: int) -> None:
    digest = table_digest(table)
    assert table_digest(stored(table)) == digest
    assert table_digest(stored(table, row_group_size=rows_per_group, use_dictionary=False)) == digest
    assert table_digest(pa.concat_tables([stored(table).slice(0, cut), table.slice(cut)])) == digest
    assert table_digest(table.replace_schema_metadata({"a": "b"})) == digest


@given(table=TABLES.filter(lambda table: table.num_rows > 1), data=st.data())
def test_other_rows_or_columns_have_another_digest(table: pa.Table, data: st.DataObject) -> None:
    shorter = table.slice(1)
    renamed = table.rename_columns([f"{name}_" for name in table.column_names])
    column = data.draw(st.sampled_from(["id", *table.column_names]))
    others = {table_digest(other) for other in (table, shorter, renamed, table.drop_columns([column]))}
    assert len(others) == 4


@pytest.mark.parametrize(
    ("row", "digest"),
    [
        (Question(id="q", question="1 + 1?", difficulty=0.5), "a7b6904f16e7eb53"),
        (
            FailRate(id="q", question="?", answer="", source="", fail_rate=1, responses=("3",), correct=(True,)),
            "47e87ed269292238",
        ),
    ],
)
def test_the_digest_is_what_it_always_was(row: Row, digest: str) -> None:
    """Digests stand in the manifests of finished folders: another version of a library must not change them."""
    table = to_table([row, row], type(row))
    newer = {"history", "solvability_thought", "thoughts", "subject", "level", "metadata", "tolerance"}
    assert table_digest(table.drop_columns(sorted(newer & {*table.column_names}))).startswith(digest)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + b"x" * 100 + b"PAR1"])
def test_what_is_no_parquet_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    uri = f"{tmp_path}/part-00000.parquet"
    storage.create(uri, content)
    for read in (read_table, read_footer, lambda uri: read_column(uri, "id")):
        with pytest.raises(InputError, match=r"part-00000.parquet is not a readable Parquet object"):
            read(uri)


def test_damage_within_a_part_is_found(tmp_path: Path) -> None:
    table = to_table([Question(id=str(n), question=f"What is {n}? " * 9) for n in range(200)], Question)
    content = bytearray(to_parquet(table))
    for place in range(200, 240):
        content[place] ^= 0xFF
    storage.create(f"{tmp_path}/part", bytes(content))
    with pytest.raises(InputError, match=r"is not a readable Parquet object|has rows that differ from"):
        read_checked(f"{tmp_path}/part", table_digest(table))


def test_damage_within_a_footer_is_said_in_one_message(tmp_path: Path) -> None:
    content = bytearray(to_parquet(to_table([Question(id="q", question="1+1?")], Question)))
    for place in range(len(content) - 60, len(content) - 8):  # before the footer's length and the magic bytes
        content[place] ^= 0xFF
    storage.create(f"{tmp_path}/part", bytes(content))
    for read in (read_table, read_footer):
        with pytest.raises(InputError, match=r"part is not a readable Parquet object"):
            read(f"{tmp_path}/part")


@pytest.mark.parametrize(("num_rows", "num_requests"), [(100, 1), (4096, 2)])
def test_of_a_large_part_little_more_is_read_than_the_column_that_is_wanted(
    store: Store, num_rows: int, num_requests: int
) -> None:
    draw = random.Random(0)
    rows = [Question(id=f"q{n}", question=draw.randbytes(200).hex()) for n in range(num_rows)]
    content, uri = to_parquet(to_table(rows, Question)), storage.join(store.uri, "part-00000.parquet")
    storage.create(uri, content)
    assert (len(content) > END_BYTES) == (num_requests > 1)
    with counted_calls() as calls:
        assert read_column(uri, "id") == [row.id for row in rows]
    assert calls.read == [uri] * num_requests
    assert calls.num_bytes <= min(len(content), END_BYTES + (40 << 10))


def test_a_column_of_a_missing_part_is_an_error_that_says_what_to_do(store: Store) -> None:
    with pytest.raises(InputError, match="part is missing, though its folder's manifest lists it"):
        read_column(storage.join(store.uri, "part"), "id")


def test_a_footer_that_is_longer_than_what_is_read_of_an_object_is_read_with_the_whole(tmp_path: Path) -> None:
    table = pa.table({"id": ["a", "b"], "question": ["?", "!"]}).replace_schema_metadata({"long": "x" * END_BYTES})
    storage.create(f"{tmp_path}/part", to_parquet(table))
    assert read_column(f"{tmp_path}/part", "id") == ["a", "b"]


def test_reading_starts_no_thread_that_could_abort_a_process_which_ends(tmp_path: Path) -> None:
    (tmp_path / "part.parquet").write_bytes(
        to_parquet(to_table([Question(id="a", question="1 + 1?", source="s")], Question))
    )
    code = f"""
import os
import pyarrow.parquet
from components.shared.workspace.tables import read_footer, read_table

before = set(os.listdir("/proc/self/task"))
read_table({str(tmp_path / "part.parquet")!r})
read_footer({str(tmp_path / "part.parquet")!r})
print(len(set(os.listdir("/proc/self/task")) - before))
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "0"
