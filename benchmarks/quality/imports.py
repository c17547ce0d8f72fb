"""Files of many forms, read or not: ``python -m benchmarks.quality.imports``.

Each form holds the same two questions with their answers; a form is right if just these come out. Beside it datasets,
asked for the columns question and answer of the builder that the file's name suggests.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import logging
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.quality.cases import Case, print_kinds
from components.import_questions.config import ImportQuestionsConfig
from components.import_questions.step import open_source
from components.shared.errors import InputError

ROWS = [{"question": "What is 3 + 4?", "answer": "7"}, {"question": "Find half of “12”, in é.", "answer": "6"}]
PAIRS = [(row["question"], row["answer"]) for row in ROWS]
LONG = "x" * 200_000  # above the limit of Python's CSV reader
BUILDERS = {".csv": "csv", ".tsv": "csv", ".parquet": "parquet"}


def _lines(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def _table(delimiter: str, more: Mapping[str, str] | None = None) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, [*ROWS[0], *(more or {})], delimiter=delimiter)
    writer.writeheader()
    writer.writerows({**row, **(more or {})} for row in ROWS)
    return text.getvalue().encode()


def _parquet() -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(ROWS), buffer)
    return buffer.getvalue()


def _zstd(content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return bytes(sink.getvalue())


_MESSAGES = [
    {"messages": [{"role": "user", "content": q}, {"role": "assistant", "content": a}], "answer": a} for q, a in PAIRS
]
_SHAREGPT = [
    {"conversations": [{"from": "human", "value": q}, {"from": "gpt", "value": a}], "answer": a} for q, a in PAIRS
]
_REWARDED = [{"question": q, "reward_model": {"ground_truth": a, "style": "rule"}} for q, a in PAIRS]
_IN_LISTS = [{"question": q, "answer": [a]} for q, a in PAIRS]
_BROKEN = _lines(ROWS) + b'{"question": "Half a pair \\ud83d here.", "answer": "1"}\n'

# By form: the name of the file, its content, options of import_questions, and the rows that are right.
Form = tuple[str, bytes, dict[str, str], list[tuple[str, str]]]
FORMS: Mapping[str, Form] = {
    "JSON lines": ("a.jsonl", _lines(ROWS), {}, PAIRS),
    "JSON, a list": ("a.json", json.dumps(ROWS).encode(), {}, PAIRS),
    "JSON, an object a line": ("a.json", _lines(ROWS), {}, PAIRS),
    "JSON lines with a byte order mark": ("a.jsonl", b"\xef\xbb\xbf" + _lines(ROWS), {}, PAIRS),
    ".ndjson": ("a.ndjson", _lines(ROWS), {}, PAIRS),
    ".jsonl.gz": ("a.jsonl.gz", gzip.compress(_lines(ROWS)), {}, PAIRS),
    ".jsonl.zst": ("a.jsonl.zst", _zstd(_lines(ROWS)), {}, PAIRS),
    "CSV": ("a.csv", _table(","), {}, PAIRS),
    "CSV with a long field": ("a.csv", _table(",", {"note": LONG}), {}, PAIRS),
    "TSV": ("a.tsv", _table("\t"), {}, PAIRS),
    "Parquet": ("a.parquet", _parquet(), {}, PAIRS),
    "pattern of several files": ("*.jsonl", _lines(ROWS), {}, PAIRS),
    "folder that datasets saved": ("saved", b"", {}, PAIRS),
    "messages": ("a.jsonl", _lines(_MESSAGES), {"question_column": "messages"}, PAIRS),
    "ShareGPT": ("a.jsonl", _lines(_SHAREGPT), {"question_column": "conversations"}, PAIRS),
    "reward_model.ground_truth": (
        "a.jsonl",
        _lines(_REWARDED),
        {"answer_column": "reward_model.ground_truth"},
        PAIRS,
    ),
    "answers in lists of one": ("a.jsonl", _lines(_IN_LISTS), {}, PAIRS),
    "half a surrogate pair": ("a.jsonl", _BROKEN, {}, [*PAIRS, ("Half a pair � here.", "1")]),
}


def main() -> None:
    """Write and read each form in two ways and print the table."""
    datasets.disable_progress_bars()
    datasets.logging.set_verbosity(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="scalequest-") as scratch:
        cases = [
            Case(given=(written(form, Path(scratch) / str(number)), form[2]), expected=form[3], kind=kind)
            for number, (kind, form) in enumerate(FORMS.items())
        ]
        print_kinds(cases, {"import_questions": imported, "datasets": _pairs_of(Path(scratch) / "cache")})


def imported(given: tuple[str, dict[str, Any]]) -> list[tuple[str, str]] | str:
    """Return the pairs that import_questions reads, or what it says."""
    source, options = given
    try:
        config = ImportQuestionsConfig(workspace="unused", source=source, **options)
        return [(row.question, row.answer) for row in open_source(config, config.workspace).rows()]
    except InputError as error:
        return str(error)


def written(form: Form, folder: Path) -> str:
    """Write a form; return its address."""
    name, content, *_ = form
    folder.mkdir()
    if not content:
        datasets.Dataset.from_list(ROWS).save_to_disk(folder / name)
    elif "*" in name:
        for part, line in enumerate(content.splitlines()):
            (folder / name.replace("*", str(part))).write_bytes(line)
    else:
        (folder / name).write_bytes(content)
    return str(folder / name)


def _pairs_of(cache: Path) -> Callable[[tuple[str, dict[str, Any]]], list[tuple[str, str]] | str]:
    def pairs(given: tuple[str, dict[str, Any]]) -> list[tuple[str, str]] | str:
        source, _ = given
        kind = BUILDERS.get(Path(source).suffix, "json")
        options = {"sep": "\t"} if source.endswith(".tsv") else {}
        try:
            if Path(source).is_dir():
                rows = datasets.load_from_disk(source)
            else:
                rows = datasets.load_dataset(kind, data_files=source, split="train", cache_dir=str(cache), **options)
            return [(row["question"], str(row["answer"])) for row in rows]
        except Exception as error:  # noqa: BLE001 -- whatever another library raises, the form is not read
            return str(error)

    return pairs


if __name__ == "__main__":
    main()
