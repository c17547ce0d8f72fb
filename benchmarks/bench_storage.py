"""What stores take: ``python -m benchmarks.bench_storage`` prints Markdown tables.

Rows are written and read through the product's own folders, on a directory, on SeaweedFS (S3) and on fake-gcs-server
(GCS), both started here, on loopback. Each measurement is a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import hashlib
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from itertools import islice
from math import ceil
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

from benchmarks.bench_step_overhead import SampleRowsConfig
from components.generate_questions import step as generate_questions
from components.shared.engines import Request, Sampling
from components.shared.engines.scripted_engine import ScriptedEngine
from components.shared.records import Question
from components.shared.seeds import derive_seed
from components.shared.stores import storage
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from components.shared.workspace.output_folders import OutputFolder, Part
from components.shared.workspace.plans import Slice
from tests.stores import gs_server, new_bucket, s3_server

STORES = ("directory", "s3", "gs")
ROWS_PER_PART = 1024
PART_SIZES = (64, 512, 4096)
TEXT_BYTES = 300
SETUP_THREADS = 8
WRITERS = 128  # of the folder that is listed and resumed
MODEL = f"hf://benchmarks/scripted@{0:040x}"  # an address alone: the scripted engine loads nothing
SAMPLING = Sampling(temperature=1.0, top_p=0.99, max_tokens=512)

T = TypeVar("T")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Measurement:
    """What one process took."""

    seconds: float
    peak_mib: float


def main(argv: Sequence[str]) -> None:
    """Measure and print the tables that are asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_storage", description=__doc__)
    parser.add_argument("--stores", nargs="+", choices=STORES, default=STORES)
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=tuple(TABLES))
    parser.add_argument("--rows", nargs="+", type=int, default=[10_000, 100_000, 1_000_000], help="written and read")
    parser.add_argument("--parts", type=int, default=10_000, help="of the folder that is listed and resumed")
    parser.add_argument("--generated", type=int, default=16_384, help="rows that a scripted engine answers")
    options = parser.parse_args(argv)
    for table in options.tables:
        measure, head = TABLES[table]
        _print(head)
        _print("|---" * (head.count("|") - 1) + "|")
        for store in options.stores:
            with place(store) as (uri, environment):
                for line in measure(store, uri, environment, options):
                    _print(line)
        _print("")


def rates(store: str, uri: str, environment: Mapping[str, str], options: argparse.Namespace) -> list[str]:
    """Return the rates of writing and reading, and the peak memory, over more and more rows."""
    lines = []
    for num_rows in options.rows:
        for verb, work in (("write", write_rows), ("read", read_rows)):
            taken = measured(environment, work, uri, num_rows)
            rate, bytes_rate = num_rows / taken.seconds, num_rows * TEXT_BYTES / taken.seconds / 1e6
            lines.append(
                f"| {store} | {verb} | {num_rows:,} | {taken.seconds:.1f} s | {rate:,.0f} | {bytes_rate:.1f} "
                f"| {taken.peak_mib:.0f} MiB |"
            )
    return lines


def parts(store: str, uri: str, environment: Mapping[str, str], options: argparse.Namespace) -> list[str]:
    """Return what it takes to list a folder of many small parts, to find the missing one, and to finish the folder."""
    measured(environment, make_all_but_one, uri, options.parts)
    works = (list_parts, find_missing_part, finish_folder)
    listed, found, finished = (measured(environment, work, uri, options.parts) for work in works)
    return [
        f"| {store} | {options.parts:,} | {listed.seconds:.2f} s | {found.seconds:.2f} s | {finished.seconds:.2f} s "
        f"| {finished.peak_mib:.0f} MiB |"
    ]


def commits(store: str, uri: str, environment: Mapping[str, str], options: argparse.Namespace) -> list[str]:
    """Return what generation takes with parts of several sizes, and with none."""
    total = options.generated
    nothing = measured(environment, generate_in_memory, total)
    lines = [f"| {store} | none: all in memory | {nothing.seconds:.2f} s | {total / nothing.seconds:,.0f} | |"]
    for rows_per_part in PART_SIZES:
        taken = measured(environment, generate_parts, storage.join(uri, str(rows_per_part)), total, rows_per_part)
        cost = (taken.seconds - nothing.seconds) / total
        part = cost * rows_per_part * 1e3
        lines.append(
            f"| {store} | {rows_per_part} rows | {taken.seconds:.2f} s | {total / taken.seconds:,.0f} "
            f"| {cost * 1e6:.0f} µs a row, {part:.0f} ms a part |"
        )
    return lines


TABLES: dict[str, tuple[Callable[[str, str, Mapping[str, str], argparse.Namespace], list[str]], str]] = {
    "rates": (rates, "| store | | rows | time | rows/s | MB/s of text | peak memory |"),
    "parts": (
        parts,
        "| store | parts | list | resume: find what is missing | write it and the manifest | peak memory |",
    ),
    "commits": (commits, "| store | parts of | time | rows/s | a commit costs |"),
}


@contextlib.contextmanager
def place(store: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield an empty place in a store and the environment in which its client finds it."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir=os.environ.get("TMPDIR")) as folder:
        if store == "directory":
            yield folder, {}
            return
        with {"s3": s3_server, "gs": gs_server}[store](Path(folder)) as environment:
            yield _in_process(environment, new_bucket, store), environment


def measured(environment: Mapping[str, str], work: Callable[..., None], *arguments: object) -> Measurement:
    """Run ``work`` in a process of its own."""
    return _in_process(environment, _measure, work, *arguments)


def _in_process(environment: Mapping[str, str], work: Callable[..., T], *arguments: object) -> T:
    with ProcessPoolExecutor(1, get_context("spawn"), _use, (dict(environment),)) as process:
        return process.submit(work, *arguments).result()


def _use(environment: Mapping[str, str]) -> None:
    os.environ.update(environment)


def _measure(work: Callable[..., None], *arguments: object) -> Measurement:
    started = time.perf_counter()
    work(*arguments)
    seconds = time.perf_counter() - started
    return Measurement(seconds=seconds, peak_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def write_rows(uri: str, num_rows: int) -> None:
    """Write rows as a step does: part by part, then the manifest."""
    folder = _folder(uri, num_rows, ROWS_PER_PART)
    for part in folder.missing_parts():
        _settle(part, folder)
    folder.finish()


def read_rows(uri: str, num_rows: int) -> None:
    """Read rows as a step does, part by part."""
    rows = Workspace(uri).read(_folder(uri, num_rows, ROWS_PER_PART).uri, Question)
    assert sum(1 for _ in rows) == num_rows


def make_all_but_one(uri: str, num_parts: int) -> None:
    """Write all parts of a folder but the last, as many pods of few parts do; the last one's writer is killed."""
    with ThreadPoolExecutor(SETUP_THREADS) as threads:
        list(threads.map(lambda _: _write_share(uri, num_parts), range(WRITERS)))


def list_parts(uri: str, num_parts: int) -> None:
    """List the folder's names."""
    assert len(storage.list_names(_folder(uri, num_parts, 1).uri)) >= num_parts - 1


def find_missing_part(uri: str, num_parts: int) -> None:
    """Do what a step does when it is started again, until it begins to work."""
    next(_folder(uri, num_parts, 1).missing_parts())


def finish_folder(uri: str, num_parts: int) -> None:
    """Write the missing part and the manifest, for which every part's ledger is read."""
    folder = _folder(uri, num_parts, 1)
    for part in folder.missing_parts():
        _settle(part, folder)
    assert read_manifest(folder.finish()).rows_out == num_parts


def generate_in_memory(num_rows: int) -> None:
    """Let the scripted engine answer, and keep the rows."""
    requests = (
        Request(key=row, message="", seed=derive_seed(0, "generate_questions", "bench", row)) for row in range(num_rows)
    )
    rows = [
        Question(id=str(result.request.key), question=completion.text, num_tokens=completion.num_tokens)
        for result in ScriptedEngine(MODEL).generate(requests, SAMPLING)
        for completion in result.completions
    ]
    assert len(rows) == num_rows


def generate_parts(uri: str, num_rows: int, rows_per_part: int) -> None:
    """Let the step do the same, with durable parts."""
    config = generate_questions.GenerateQuestionsConfig(
        workspace=uri, model=MODEL, generator="bench", engine="scripted", num_questions=num_rows,
        rows_per_part=rows_per_part,
    )  # fmt: skip
    generate_questions.run(config, Workspace(uri))


def _folder(uri: str, num_rows: int, rows_per_part: int) -> OutputFolder:
    starts = range(0, num_rows, rows_per_part)
    slices = [Slice(start=start, stop=min(start + rows_per_part, num_rows)) for start in starts]
    config = SampleRowsConfig(workspace=uri, num_rows=num_rows, rows_per_part=rows_per_part)
    return Workspace(uri).create(config, Question, slices)


def _write_share(uri: str, num_parts: int) -> None:
    folder = _folder(uri, num_parts, 1)
    for part in islice(folder.missing_parts(), ceil(num_parts / WRITERS)):
        if part.number == num_parts - 1:
            folder.leases.release()
            return
        _settle(part, folder)
    folder.finish()


def _settle(part: Part, folder: OutputFolder) -> None:
    for index in range(len(part)):
        number = part.slice.start + index
        text = hashlib.shake_256(number.to_bytes(8)).hexdigest(TEXT_BYTES // 2)  # compresses to half, as prose does
        part.settle(index, kept=[Question(id=folder.row_id(number), question=text)])


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
