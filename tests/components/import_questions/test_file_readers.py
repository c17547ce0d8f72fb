from __future__ import annotations

import bz2
import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from components.import_questions.file_readers import records_of
from components.shared.errors import InputError

RECORDS = [{"question": f"What is {n} + π?", "answer": str(n)} for n in range(3000)]
LINES = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in RECORDS).encode()


def zstandard(data: bytes) -> bytes:
    return bytes(pa.Codec("zstd").compress(data, asbytes=True))


COMPRESSED = ((".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress), (".zst", zstandard))


def read(path: Path) -> list[Any]:
    return [dict(record) for _, record in records_of(str(path), path.name)]


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.ndjson", "rows.json"])
def test_one_object_a_line_is_read_whatever_the_name_calls_it(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(LINES)
    assert read(tmp_path / name) == RECORDS


@pytest.mark.parametrize("text", ['{"question": "a"}', '{"data": [{"question": "a"}]}', '{\n "question": "a"\n}\n'])
def test_one_object_is_one_row_and_one_with_a_list_of_objects_is_that_list(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text, encoding="utf-8")
    assert read(tmp_path / "a.json") == [{"question": "a"}]


@pytest.mark.parametrize(
    ("field", "turns"),
    [
        ("messages", [{"role": "user", "content": "What is 2+2?"}, {"role": "assistant", "content": "4"}]),
        ("conversations", [{"from": "human", "value": "What is 2+2?"}, {"from": "gpt", "value": "4"}]),
    ],
)
def test_one_conversation_is_one_row_and_a_list_of_them_is_that_list(
    tmp_path: Path, field: str, turns: list[dict[str, str]]
) -> None:
    row = {field: turns}
    (tmp_path / "one.json").write_text(json.dumps(row), encoding="utf-8")
    (tmp_path / "all.json").write_text(json.dumps({"conversations": [row, row]}), encoding="utf-8")
    assert read(tmp_path / "one.json") == [row]
    assert read(tmp_path / "all.json") == [row, row]


@pytest.mark.parametrize("text", ['[{"question": "a"}]', '[\n {"question": "a"}\n]\n', '\n[{"question":\n"a"}]'])
def test_a_list_of_rows_is_read_from_a_file_that_is_named_as_if_it_had_one_a_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.jsonl").write_text(text, encoding="utf-8")
    assert read(tmp_path / "a.jsonl") == [{"question": "a"}]


@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_turns_without_a_name_are_fields_by_their_number(tmp_path: Path, name: str) -> None:
    turns = [{"from": "human", "value": "a"}, {"from": "assistant", "ground_truth": {"value": "1"}}]
    (tmp_path / name).write_text(json.dumps([turns] if name == "a.json" else turns) + "\n", encoding="utf-8")
    assert read(tmp_path / name) == [{"0": turns[0], "1": turns[1]}]


@pytest.mark.parametrize("separator", [";", "\t"])
def test_what_separates_the_names_of_a_csv_file_separates_its_values(tmp_path: Path, separator: str) -> None:
    (tmp_path / "a.csv").write_text(f'question{separator}answer\n"2, 3?"{separator}2,5\n', encoding="utf-8")
    assert read(tmp_path / "a.csv") == [{"question": "2, 3?", "answer": "2,5"}]


@pytest.mark.parametrize("write", [pa.ipc.new_file, pa.ipc.new_stream])
def test_both_kinds_of_arrow_files_are_read(tmp_path: Path, write: Callable[..., Any]) -> None:
    table = pa.Table.from_pylist(RECORDS)
    with write(str(tmp_path / "a.arrow"), table.schema) as file:
        file.write_table(table, max_chunksize=1000)
    assert read(tmp_path / "a.arrow") == RECORDS


@pytest.mark.parametrize("value", ["9" * 5000, "[" * 100_000 + "]" * 100_000], ids=["digits", "depth"])
@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_values_that_python_cannot_hold_are_named_with_their_place(tmp_path: Path, name: str, value: str) -> None:
    (tmp_path / name).write_text(f'{{"question": "a", "answer": {value}}}\n', encoding="utf-8")
    with pytest.raises(InputError, match=rf"a\.{name[2:]}(:1)?: broken JSON"):
        read(tmp_path / name)


@pytest.mark.parametrize(("ending", "compress"), [*COMPRESSED, ("", zstandard), ("", gzip.compress)])
def test_compressed_files_are_read_also_where_the_name_does_not_say_so(
    tmp_path: Path, ending: str, compress: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / f"rows.jsonl{ending}"
    path.write_bytes(compress(LINES))
    assert read(path) == RECORDS


@pytest.mark.parametrize(("ending", "compress"), COMPRESSED)
def test_a_cut_compressed_file_is_named(tmp_path: Path, ending: str, compress: Callable[[bytes], bytes]) -> None:
    path = tmp_path / f"rows.jsonl{ending}"
    path.write_bytes(compress(LINES)[:-40])
    with pytest.raises(InputError, match=rf"rows\.jsonl\{ending}.*: broken"):
        read(path)


def test_tabs_separate_columns_in_a_tsv_file(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text('question\tanswer\n"1, 2\nor 3?"\t2\n', encoding="utf-8")
    assert read(tmp_path / "a.tsv") == [{"question": "1, 2\nor 3?", "answer": "2"}]


@pytest.mark.parametrize(
    "rows",
    ['"Find x.\t1\nb\t2\nc"\t3\n', '1\t"abc\n2\t"\n', 'a\t1\n"b\t2\r\n"\t3\r\n'],
    ids=["first", "last", "Windows"],
)
def test_rows_of_a_tsv_file_are_not_merged_by_quotation_marks(tmp_path: Path, rows: str) -> None:
    (tmp_path / "a.tsv").write_bytes(f"question\tanswer\n{rows}".encode())
    with pytest.raises(InputError, match=r"a\.tsv:\d: a field .* has a tab and an end of a line inside"):
        read(tmp_path / "a.tsv")


def test_a_tab_or_a_line_s_end_in_a_quoted_field_is_kept(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text('question\tanswer\n"a\tb"\t"1\n2"\nsay "x"\t3\n', encoding="utf-8")
    assert [tuple(row.values()) for row in read(tmp_path / "a.tsv")] == [("a\tb", "1\n2"), ('say "x"', "3")]
    (tmp_path / "a.csv").write_text('question,answer\n"a\tb\nc",1\n', encoding="utf-8")
    assert read(tmp_path / "a.csv") == [{"question": "a\tb\nc", "answer": "1"}]


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv"])
def test_a_byte_order_mark_of_utf_8_is_no_part_of_the_text(tmp_path: Path, name: str) -> None:
    text = "question\na\nb\n" if name == "a.csv" else '{"question": "a"}\n{"question": "b"}\n'
    (tmp_path / name).write_text(text, encoding="utf-8-sig")
    assert [row["question"] for row in read(tmp_path / name)] == ["a", "b"]
    if name == "a.json":
        (tmp_path / name).write_text('[{"question": "a"}]', encoding="utf-8-sig")
        assert read(tmp_path / name) == [{"question": "a"}]


@pytest.mark.parametrize("question", ["Apfel?", "Äpfel?", "三个苹果加四个苹果"])
@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.json", "lines.json"])
@pytest.mark.parametrize("encoding", ["UTF-16LE", "UTF-16BE", "UTF-32LE", "UTF-32BE"])
def test_an_encoding_without_a_mark_is_named_by_its_nul_bytes(
    tmp_path: Path, name: str, question: str, encoding: str
) -> None:
    line = f'{{"question": "{question}"}}'
    text = {"a.csv": f"question,answer\n{question},2\n", "a.json": f"[{line}]"}.get(name, f"{line}\n{line}\n")
    (tmp_path / name).write_bytes(text.encode(encoding))
    with pytest.raises(InputError, match=rf"not in UTF-8; it looks like {encoding}; .*iconv -f {encoding} -t UTF-8"):
        read(tmp_path / name)


def test_a_field_of_a_csv_file_may_be_longer_than_python_s_own_limit(tmp_path: Path) -> None:
    trace = "step " * 30_000
    (tmp_path / "a.csv").write_text(f'question,answer\nHow many?,"{trace}"\n', encoding="utf-8")
    assert read(tmp_path / "a.csv") == [{"question": "How many?", "answer": trace}]


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.json"])
@pytest.mark.parametrize(
    ("codec", "encoding"), [("utf-16", "UTF-16"), ("utf-32", "UTF-32"), ("cp1252", "Windows-1252")]
)
def test_another_encoding_is_named_with_the_remedy(tmp_path: Path, name: str, codec: str, encoding: str) -> None:
    text = {"a.csv": "question,answer\nÄpfel?,2\n", "a.json": '[{"question": "Äpfel?"}]'}
    (tmp_path / name).write_bytes(text.get(name, '{"question": "Äpfel?"}\n').encode(codec))
    with pytest.raises(InputError, match=rf"not in UTF-8; it looks like {encoding}; .*iconv -f {encoding} -t UTF-8"):
        read(tmp_path / name)
