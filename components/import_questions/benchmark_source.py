"""A benchmark from its file: all of its rows, or the first ones; a file that is another benchmark is refused."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import NoReturn

from components.import_questions.benchmarks import Benchmark, Reading
from components.import_questions.source import SourceRow
from components.import_questions.table_source import TableSource
from components.shared.errors import InputError
from components.shared.stores import storage

RECORD = "benchmark.json"  # stands beside the parts of an import: name, number of rows and digest
EXPECTED: Mapping[Reading, str] = {
    "behind_marks": "behind ####",
    "last_box": r"in the last \boxed{…}",
    "as_it_is": "and nothing else",
}
logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class BenchmarkSource:
    """The rows of a benchmark. ``place``: the folder of all imports of the workspace, which say what it was before."""

    benchmark: Benchmark
    table: TableSource
    limit: int  # at most so many rows are imported, the first ones; 0 is all
    place: str

    def count(self) -> int:
        """Check all rows of the file; InputError where they are not the benchmark's, or not those of another import."""
        name, where = self.benchmark.name, self.table.shown_as
        number, digest = self._number_and_digest
        if number not in self.benchmark.rows:
            known = " or ".join(f"{rows:,} ({copy})" for rows, copy in self.benchmark.rows.items())
            raise InputError(
                f"benchmark {name}: {where} has {number:,} of its rows; expected {known}; give the whole file with "
                "--benchmark-uri, or import another set as a file, under a name of its own"
            )
        for before, digest_before in self._digests_before():
            if digest_before != digest:
                raise InputError(
                    f"benchmark {name}: {where} has other questions or answers (digest {digest}) than {before} (digest "
                    f"{digest_before}); scores on the two cannot be compared: import the same file, or use another "
                    "workspace"
                )
        logger.info("benchmark %s: %d rows, digest %s", name, number, digest)
        return min(number, self.limit or number)

    def rows(self) -> Iterator[SourceRow]:
        return islice(self.table.rows(), self.limit or None)

    def record(self) -> bytes:
        """Return what stands beside the parts of its import."""
        number, digest = self._number_and_digest
        return json.dumps({"name": self.benchmark.name, "rows": number, "digest": digest}, indent=1).encode()

    @cached_property
    def _number_and_digest(self) -> tuple[int, str]:
        """Return number and digest of all rows, in any order; InputError for one without a question or an answer."""
        digests, unreadable = [], []
        for number, row in enumerate(self.table.rows(), start=1):
            for value, column in ((row.question, self.benchmark.question), (row.solution, self.benchmark.answer)):
                if not value.strip():
                    raise InputError(
                        f"benchmark {self.benchmark.name}: {self.table.shown_as}, row {number} of the benchmark: "
                        f"column {column!r} is empty; expected a question and an answer in each row"
                    )
            if not row.answer:
                unreadable.append(number)
            digests.append(hashlib.sha256(json.dumps([row.question, row.solution]).encode()).digest())
        if unreadable:
            self._refuse(unreadable, len(digests))
        return len(digests), hashlib.sha256(b"".join(sorted(digests))).hexdigest()

    def _refuse(self, unreadable: Sequence[int], number: int) -> NoReturn:
        """Say which rows have no final answer: left out, they would make a score on other questions."""
        name, column = self.benchmark.name, self.benchmark.answer
        raise InputError(
            f"benchmark {name}: {self.table.shown_as}: {len(unreadable):,} of {number:,} rows have no final answer "
            f"that can be read in column {column!r} (the first is row {unreadable[0]:,} of the benchmark); expected "
            f"one {EXPECTED[self.benchmark.reading]} in each row; give an unchanged copy with --benchmark-uri, or "
            "import another set as a file, under a name of its own"
        )

    def _digests_before(self) -> Iterator[tuple[str, str]]:
        """Yield what its digest has to be, and who says so: the declaration, and the imports of the workspace."""
        if self.benchmark.digest:
            yield "the declared benchmark", self.benchmark.digest
        for fingerprint in storage.list_names(self.place):
            folder = storage.join(self.place, fingerprint)
            try:
                record = storage.read_json(storage.join(folder, RECORD))
            except FileNotFoundError:
                continue
            if record["name"] == self.benchmark.name:
                yield folder, record["digest"]
