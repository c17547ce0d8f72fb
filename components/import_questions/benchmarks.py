"""The benchmarks that have a name: where each one stands, and how its rows are read, as benchmarks.yaml declares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

import yaml

from components.shared.errors import InputError

PREFIX = "benchmark:"  # how a source that is a benchmark begins
DECLARED = Path(__file__).with_name("benchmarks.yaml")

Reading = Literal["behind_marks", "last_box", "as_it_is"]


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """One benchmark. Its columns are the same in every copy of it."""

    name: str
    address: str  # of its file, unless another one is given
    question: str  # columns
    answer: str
    reading: Reading  # how the final answer is found in the answer's column: behind ####, in the last box, as it is
    subject: str = ""
    level: str = ""
    tolerance: str = ""  # by how much an answer may be off, in the few rows that say so
    only: Mapping[str, str] = field(
        default_factory=dict
    )  # how the values of columns begin in the rows that belong to it
    rows: Mapping[int, str]  # how many rows it has, and which copies have so many
    digest: str = ""  # of its rows; "" where nobody has computed one


@cache
def benchmarks() -> Mapping[str, Benchmark]:
    """Return all benchmarks by name."""
    declared = yaml.safe_load(DECLARED.read_text(encoding="utf-8"))
    return {name: Benchmark(name=name, **fields) for name, fields in declared.items()}


def benchmark_of(source: str) -> Benchmark | None:
    """Return the benchmark that a source names, None where it is something else; InputError for an unknown one."""
    if not source.startswith(PREFIX):
        return None
    name = source.removeprefix(PREFIX)
    if name not in benchmarks():
        raise InputError(
            f"--source {source!r}: there is no benchmark {name!r}; expected one of {', '.join(benchmarks())}, or the "
            "file of another benchmark, with --question-column and --answer-column"
        )
    return benchmarks()[name]
