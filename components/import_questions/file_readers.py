"""The records of files of questions: JSONL, JSON, CSV, TSV, Parquet and Arrow, compressed or not; rows stream.

JSON is one value, and read as a whole. A file's first bytes say what it is compressed with, whatever its name is.
"""

from __future__ import annotations

import bz2
import codecs
import csv
import gzip
import io
import json
import lzma
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import PurePosixPath
from typing import IO, Any, NoReturn, cast

import pyarrow as pa
import pyarrow.parquet as pq

from components.import_questions.conversations import is_list_of_turns
from components.import_questions.json_rows import rows_in
from components.shared.errors import InputError
from components.shared.models.files import LFS_POINTER
from components.shared.stores import storage

PARQUET_BATCH_ROWS = 1024
ANY_PATTERN = "folder/*.jsonl"
COMPRESSED = (".gz", ".zst", ".zstd", ".bz2", ".xz")
Record = tuple[str, Mapping[str, Any]]  # where it stands, and its fields

_MAGIC: Mapping[bytes, Callable[[IO[bytes]], IO[bytes]]] = {
    b"\x1f\x8b": lambda file: cast(IO[bytes], gzip.GzipFile(fileobj=file)),
    b"BZh": lambda file: cast(IO[bytes], bz2.BZ2File(file)),
    b"\xfd7zXZ": lambda file: cast(IO[bytes], lzma.LZMAFile(file)),  # noqa: SIM115 -- ends with the file
    b"\x28\xb5\x2f\xfd": lambda file: cast(
        IO[bytes], io.BufferedReader(pa.CompressedInputStream(pa.PythonFile(file, "r"), "zstd"))
    ),
}
_BYTE_ORDER_MARKS = {  # the longer ones first
    b"\xff\xfe\x00\x00": "UTF-32", b"\x00\x00\xfe\xff": "UTF-32", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16",
}  # fmt: skip
_HEAD_BYTES = 64
_ARROW_FILE = b"ARROW1"
_OTHERS: Mapping[bytes, str] = {  # what a file may be whatever its name says, by its first bytes in lower case
    LFS_POINTER: "a pointer of Git LFS, not the file itself; run git lfs pull in that clone, or name the file as "
    "hf://datasets/org/name@revision/path",
    b"<!doctype html": "a web page; fetch the file itself (on the hub, its link has /resolve/, not /blob/)",
    b"<html": "a web page; fetch the file itself (on the hub, its link has /resolve/, not /blob/)",
    b"pk\x03\x04": "a ZIP archive or a workbook; give the file in it, or the sheet as CSV",
    b"par1": "Parquet; give it a name that ends in .parquet",
    b"arrow1": "Arrow; give it a name that ends in .arrow",
}
_ONE_A_LINE = "; expected one object a line, each whole"
_PLACES_OF_NULS = {"UTF-32LE": (2, 3), "UTF-32BE": (0, 1), "UTF-16LE": (1, 3), "UTF-16BE": (0, 2)}  # of four bytes
MANY_NULS = 10  # one of so many bytes: signs of JSON and CSV are ASCII, also between words of other scripts


def records_of(uri: str, shown_as: str) -> Iterator[Record]:
    """Yield the records of one file, each with its place for messages; InputError for what cannot be read."""
    read = reader_of(shown_as)
    try:
        with storage.open_read(uri) as file:
            yield from read(_decompressed(file, shown_as), shown_as)
    except IsADirectoryError as error:
        raise InputError(f"{shown_as} is a folder; give a file, or a pattern such as {shown_as}/*.jsonl") from error
    except FileNotFoundError as error:
        raise InputError(f"{shown_as}: no such file; check the address") from error
    except (EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        if isinstance(error, OSError) and (error.errno is not None or type(error) not in (OSError, gzip.BadGzipFile)):
            raise  # of the store or the disk
        raise InputError(f"{shown_as}: broken or cut compressed data: {error}; fetch or write it again") from error


def reader_of(name: str, pattern: str = ANY_PATTERN) -> Callable[[IO[bytes], str], Iterator[Record]]:
    """Return the reader for a file name's ending; InputError for one that is unknown, which shows a ``pattern``."""
    suffix = format_of(name)
    if suffix not in READERS:
        raise InputError(
            f"{name!r} ends in {suffix or 'nothing'}; expected one of {', '.join(READERS)}, also compressed "
            f"({', '.join(COMPRESSED)}), a pattern such as {pattern}, or a folder that datasets saved"
        )
    return READERS[suffix]


def format_of(name: str) -> str:
    """Return the ending that says how a file is read: ".jsonl" for a.jsonl.gz."""
    path = PurePosixPath(name)
    return PurePosixPath(path.stem if path.suffix.lower() in COMPRESSED else path.name).suffix.lower()


def _decompressed(file: IO[bytes], name: str) -> IO[bytes]:
    head = file.read(_HEAD_BYTES)
    file.seek(0)
    for start, said in _OTHERS.items():
        if head.lstrip().lower().startswith(start) and not said.endswith(format_of(name)):
            raise InputError(f"{name} is {said}")
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if head.startswith(mark):
            _refuse_encoding(name, name, encoding)
    opened = next((opened for magic, opened in _MAGIC.items() if head.startswith(magic)), None)
    return opened(file) if opened else file


def _encoding_of(data: bytes) -> str:
    """Return what a text that is not in UTF-8 looks like; UTF-16 and UTF-32 have many NUL bytes, at fixed places."""
    if data.count(0) * MANY_NULS < len(data):
        return "Windows-1252"
    nulls = [data[place::4].count(0) for place in range(4)]
    return max(_PLACES_OF_NULS, key=lambda name: sum(nulls[place] for place in _PLACES_OF_NULS[name]))


def _refuse_encoding(place: str, name: str, encoding: str) -> NoReturn:
    raise InputError(
        f"{place}: the text is not in UTF-8; it looks like {encoding}; write it as UTF-8, for example with iconv -f "
        f"{encoding} -t UTF-8 {name}"
    )


def _read_jsonl(file: IO[bytes], name: str) -> Iterator[Record]:
    lines = ((number, line) for number, line in enumerate(file, start=1) if line.strip())
    for index, (number, line) in enumerate(lines):
        if not index and line.lstrip().startswith(b"[") and _is_list_of_rows(line):
            yield from _read_json(io.BytesIO(line + file.read()), name)
            return
        place = f"{name}:{number}"
        yield place, _object(_parse_json(line, place, name, _ONE_A_LINE), place)


def _is_list_of_rows(line: bytes) -> bool:
    """Tell whether a file's first line is a list of rows, or begins one."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return True
    return isinstance(value, list) and all(isinstance(row, dict) for row in value) and not is_list_of_turns(value)


def _read_json(file: IO[bytes], name: str) -> Iterator[Record]:
    """Read one value; or one object a line, which many name .json too."""
    content = file.read().removeprefix(codecs.BOM_UTF8)
    first, _, rest = content.lstrip().partition(b"\n")
    if first.rstrip().startswith(b"{") and first.rstrip().endswith(b"}") and rest.lstrip().startswith(b"{"):
        yield from _read_jsonl(io.BytesIO(content), name)
        return
    value = _parse_json(content, name, name) if content.strip() else []
    for number, row in enumerate(rows_in(value, name), start=1):
        place = f"{name}, row {number}"
        yield place, _object(row, place)


def _parse_json(data: bytes, place: str, name: str, expected: str = "") -> Any:
    if (encoding := _encoding_of(data)) != "Windows-1252":
        _refuse_encoding(place, name, encoding)
    try:
        return json.loads(data, object_pairs_hook=lambda pairs: _unique(pairs, place))
    except UnicodeDecodeError:
        _refuse_encoding(place, name, "Windows-1252")
    except InputError:
        raise  # of two fields of one name
    except (ValueError, RecursionError) as error:  # also whole numbers of thousands of digits, and endless nesting
        raise InputError(f"{place}: broken JSON: {error}{expected}") from error


def _unique(pairs: list[tuple[str, Any]], place: str) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        _check_names([name for name, _ in pairs], place)
    return fields


def _object(value: Any, place: str) -> Mapping[str, Any]:
    if is_list_of_turns(value):  # without a name: Open-Reasoner-Zero's rows
        return {str(number): turn for number, turn in enumerate(value)}
    if not isinstance(value, dict):
        raise InputError(f"{place}: a value of type {type(value).__name__}; expected an object with named fields")
    return value


def _read_separated(file: IO[bytes], name: str, separator: str) -> Iterator[Record]:
    csv.field_size_limit(sys.maxsize)  # Python's own limit is 131,072 characters: a reasoning trace may have more
    # "utf-8-sig": spreadsheets put a byte order mark before the first column's name.
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    first = _first_line(text, name)
    separator = next((sign for sign in ";\t" if separator not in first and sign in first), separator)
    reader = csv.reader(chain([first], text), strict=True, delimiter=separator)
    try:
        header = next(reader, [])
        if "\0" in "".join(header):
            _refuse_encoding(name, name, _encoding_of(separator.join(header).encode()))
        _check_names(header, name)
        for values in reader:
            place = f"{name}:{reader.line_num}"
            if len(values) not in (0, len(header)):
                raise InputError(f"{place}: {len(values)} values, but {len(header)} columns: {', '.join(header)}")
            if separator == "\t" and any("\t" in value and "\n" in value for value in values):
                raise InputError(
                    f"{place}: a field from one quotation mark to another has a tab and an end of a line inside, as if "
                    'rows were merged; write a field that begins with such a mark as """like"" this", or use JSONL'
                )
            if values:
                yield place, dict(zip(header, values, strict=True))
    except UnicodeDecodeError as error:
        _refuse_encoding(f"{name}, behind line {reader.line_num}", name, _encoding_of(error.object))
    except csv.Error as error:
        raise InputError(f"{name}:{reader.line_num}: broken CSV: {error}") from error


def _first_line(text: io.TextIOWrapper, name: str) -> str:
    """Return the line with the names, which show what separates them: with a decimal comma, it is a semicolon."""
    try:
        return text.readline()
    except UnicodeDecodeError as error:
        _refuse_encoding(name, name, _encoding_of(error.object))


def _check_names(names: Sequence[str], place: str) -> None:
    if twice := sorted({name for name in names if name and names.count(name) > 1}):
        raise InputError(
            f"{place}: column {', '.join(map(repr, twice))} is there more than once; name each column once"
        )


def _read_parquet(file: IO[bytes], name: str) -> Iterator[Record]:
    try:
        table = pq.ParquetFile(file, pre_buffer=False)
        _check_names(table.schema_arrow.names, name)
        # A thread of Arrow that still reads aborts a process that ends (exit code 134).
        yield from _records_in(table.iter_batches(batch_size=PARQUET_BATCH_ROWS, use_threads=False), name)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InputError(f"{name}: not readable as Parquet: {error}") from error


def _read_arrow(file: IO[bytes], name: str) -> Iterator[Record]:
    """Read a stream, which ``Dataset.save_to_disk`` of the package datasets writes, or a file of Arrow."""
    is_file = file.seekable() and file.read(len(_ARROW_FILE)) == _ARROW_FILE
    if file.seekable():
        file.seek(0)
    try:
        with (pa.ipc.open_file if is_file else pa.ipc.open_stream)(file) as table:
            _check_names(table.schema.names, name)
            batches = map(table.get_batch, range(table.num_record_batches)) if is_file else table
            yield from _records_in(batches, name)
    except pa.ArrowInvalid as error:
        raise InputError(f"{name}: not readable as Arrow: {error}") from error


def _records_in(batches: Iterator[pa.RecordBatch], name: str) -> Iterator[Record]:
    number = 0
    for batch in batches:
        for record in batch.to_pylist():
            number += 1
            yield f"{name}, row {number}", record


READERS: Mapping[str, Callable[[IO[bytes], str], Iterator[Record]]] = {
    ".jsonl": _read_jsonl,
    ".ndjson": _read_jsonl,
    ".json": _read_json,
    ".csv": lambda file, name: _read_separated(file, name, ","),
    ".tsv": lambda file, name: _read_separated(file, name, "\t"),
    ".parquet": _read_parquet,
    ".arrow": _read_arrow,
}
