"""The rows of a finished folder of ours: questions with responses, such as those of a dataset."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

from components.import_questions.source import SourceRow
from components.shared.errors import InputError
from components.shared.records import Example, Response, kind_of
from components.shared.workspace.row_sources import open_source
from components.shared.workspace.rows import Rows

KINDS: dict[str, type[Example] | type[Response]] = {kind_of(record): record for record in (Example, Response)}


@dataclass(frozen=True, kw_only=True)
class FolderSource:
    """Rows of the kind ``example`` or ``response``, in their order."""

    uri: str
    origin: str  # "" takes that of each row
    limit: int = 0  # at most so many rows, the first ones; 0 is all
    with_answers: bool = True  # not those that are to be found anew

    def count(self) -> int:
        number = len(self._rows)
        if number == 0:
            raise InputError(f"--source {self.uri} has no rows")
        return min(number, self.limit or number)

    def rows(self) -> Iterator[SourceRow]:
        for row in islice(self._rows, self.limit or None):
            yield SourceRow(
                question=row.question,
                answer=row.answer if self.with_answers else "",
                response=row.response,
                origin=self.origin or row.source,
                # An example was chosen among responses that ended.
                finish_reason=row.finish_reason if isinstance(row, Response) else "stop",
            )

    @cached_property
    def _rows(self) -> Rows[Any]:
        kind = open_source(self.uri).kind
        if kind not in KINDS:
            raise InputError(
                f"--source {self.uri} holds {kind} rows; expected a dataset, or responses (questions of a workspace "
                "need no import)"
            )
        return Rows([self.uri], KINDS[kind])
