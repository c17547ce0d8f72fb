"""What every source of questions gives: its rows in a fixed order, and their number once all were checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceRow:
    """One row as it stands in the source."""

    question: str
    answer: str = ""  # the final answer; "" where none is known
    solution: str = ""  # the text that the final answer was found in
    origin: str  # the data set, benchmark or generator that it comes from
    subject: str = ""
    level: str = ""
    tolerance: float | None = None  # by how much an answer may be off, where a benchmark allows it
    metadata: str = ""  # the other columns of the file as a JSON object; "" where they are not kept
    response: str = ""  # "" where none is asked for
    finish_reason: str = "stop"  # why the response ended; that of a file is taken for whole


class Source(Protocol):
    """Questions from outside of the workspace."""

    def count(self) -> int:
        """Check every row and return their number; InputError that names the place of the first bad one."""

    def rows(self) -> Iterator[SourceRow]:
        """Yield the rows, the same ones in the same order each time."""
