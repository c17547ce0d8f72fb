"""Folders of rows in the making: parts that write themselves once all their rows are settled."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

from components.shared import speaking, stopping
from components.shared.accelerators import num_accelerators
from components.shared.records import R, Reject, Row, count_reasons, from_table, to_table
from components.shared.stores import storage
from components.shared.workspace._claims import Claim
from components.shared.workspace._gathered_ledgers import FolderLedgers
from components.shared.workspace._lost_races import accept_part, input_contents, refuse_other_inputs
from components.shared.workspace._tries import TRIES, Tries
from components.shared.workspace.ledgers import LEDGER_KEY, Ledger, sum_ledgers, write_rejects
from components.shared.workspace.manifests import read_manifest_or_none
from components.shared.workspace.plans import part_name
from components.shared.workspace.tables import read_table, table_digest, to_parquet

KILLED_THE_ENGINE = "killed_the_engine"  # why a row is rejected that took down the process or its engine

T = TypeVar("T")

logger = logging.getLogger(__name__)


class OutputFolder:
    """The folder of rows that a step makes."""

    def __init__(self, claim: Claim, record: type[Row], shard: int, num_shards: int) -> None:
        self.claim = claim
        self.uri = claim.uri
        self.fingerprint = claim.plan.fingerprint
        self.record = record
        self.slices = claim.plan.slices
        self.units_per_row = claim.plan.units_per_row
        self.tries = Tries(claim.uri)
        self.ledgers = FolderLedgers(claim.uri)
        self.arithmetic = ""  # of the model that this process computes with
        self._files: dict[str, str] = {}
        self._own = range(shard, len(self.slices), num_shards)
        self._clock = time.monotonic()
        self.course = speaking.Course("row", 0)

    @property
    def finished(self) -> bool:
        """Whether the manifest stands: nothing is left to do."""
        return self.claim.manifest is not None

    def row_id(self, index: int) -> str:
        """Return the id of the ``index``-th row that this folder makes out of nothing: unique in any workspace."""
        return f"{self.fingerprint[:8]}-{index:07d}"

    def missing_parts(self, *, in_order: bool = False) -> Iterator[Part]:
        """Yield this shard's parts that do not stand yet; each writes itself once its last row is settled.

        In their order; but those that processes died over come last, unless the step needs them ``in_order``.
        """
        if self.finished:
            return
        present = set(storage.list_names(self.uri))
        missing = [number for number in self._own if part_name(number) not in present]
        if len(missing) < len(self._own):
            logger.info("%d of this shard's %d parts stand already", len(self._own) - len(missing), len(self._own))
        if TRIES in present:
            self.tries.read()
        self._clock = time.monotonic()
        self.course = speaking.Course("row", sum(len(self.slices[number]) for number in missing))
        suspect = [] if in_order else [number for number in missing if self.tries.is_suspect(number)]
        with speaking.phase("", lambda: self.course):
            for number in missing:
                if number not in suspect:
                    yield from self._open(number)
            for number in suspect:
                if not storage.exists(storage.join(self.uri, part_name(number))):  # others may have done it meanwhile
                    yield from self._open(number)

    def _open(self, number: int) -> Iterator[Part]:
        stopping.check()
        part = Part(self, number)
        yield part
        part.write_if_empty()

    def read_part(self, number: int) -> list[Any]:
        """Return the rows of a part that stands already; FileNotFoundError where it does not."""
        return from_table(read_table(storage.join(self.uri, part_name(number))), cast(Any, self.record))

    def add_file(self, name: str, content: bytes) -> None:
        """Write an object that stands beside the parts; the manifest will name it and its digest."""
        uri = storage.join(self.uri, name)
        try:
            storage.create(uri, content)
        except FileExistsError:
            content = storage.read_bytes(uri)  # of an attempt that was cut off
        self._files[name] = hashlib.sha256(content).hexdigest()

    def finish(self, metrics: Mapping[str, float] | None = None) -> str:
        """Write the manifest if every part stands, whoever made it; return the folder's address."""
        if self.finished:
            return self.uri
        present = storage.list_md5s(self.uri)
        names = [part_name(number) for number in range(len(self.slices))]
        missing = [name for name in names if name not in present]
        assert not {names[number] for number in self._own} & set(missing), "a row of this shard was not settled"
        if missing:
            logger.info("%d of %d parts of %s are other shards' and still missing", len(missing), len(names), self.uri)
            self._leave()
            return self.uri
        ledgers = self.ledgers.of(names, present)
        for name, ledger in zip(names, ledgers, strict=True):
            refuse_other_inputs(storage.join(self.uri, name), ledger.inputs, self.claim.plan.inputs)
        totals = sum_ledgers(ledgers)
        assert totals.rows_in == self.claim.plan.rows_in + totals.rows_added, (self.uri, totals)
        with stopping.deferred():
            self.claim.write_manifest(
                rows_in=totals.rows_in,
                rows_out=totals.rows_out,
                rejected=totals.rejected,
                parts=[ledger.entry(name) for name, ledger in zip(names, ledgers, strict=True)],
                files=self._files,
                metrics=totals.metrics | dict(metrics or {}),
                arithmetic="; ".join(totals.arithmetic),
            )
        self._clear()
        return self.uri

    def _leave(self) -> None:
        """Say that this process has done its share: nothing that it had begun is to be blamed for what comes."""
        self.tries.end()
        self.ledgers.copy()
        # Another shard may have finished the folder meanwhile, and not have seen what was written here.
        if (self.tries.any or self.ledgers.any) and read_manifest_or_none(self.uri):
            self._clear()

    def _clear(self) -> None:
        if self.tries.any:
            self.tries.clear()
        self.ledgers.clear()

    def part_seconds(self) -> float:
        """Return the seconds since this process wrote its last part; they add up, even where parts overlap."""
        now = time.monotonic()
        seconds, self._clock = now - self._clock, now
        return seconds

    def log_progress(self, part: Part, ledger: Ledger) -> None:
        """Say what was written, how fast it goes and what is left."""
        told = part.number + 1, len(self.slices), ledger.rows_out, ledger.rejected, self.course
        logger.info("part %d of %d: %d out, rejected %s; %s", *told)


class Part:
    """One part in the making: rows are settled in any order, kept in the order of the input."""

    def __init__(self, folder: OutputFolder, number: int) -> None:
        self.number = number
        self.slice = folder.slices[number]
        self._folder = folder
        self._tries = folder.tries
        self._begun = False
        self._tried_alone = False
        self._kept: dict[int, Sequence[Row]] = {}
        self._rejected: dict[int, Sequence[Reject]] = {}
        self._settled = 0
        self._added = 0
        self._written = False
        self._metrics: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self.slice)

    @property
    def suspect(self) -> bool:
        """Whether processes died over this part: its rows are to be tried one at a time."""
        return self._tries.is_suspect(self.number)

    def rows(self, rows: Iterable[R]) -> Iterator[tuple[int, R]]:
        """Yield the slice's rows with their indices, each to be settled before the next one is asked for.

        A row that two processes died of is rejected here instead: nothing that a step has to know of.
        """
        for index, (row,) in self.groups((index, (row,)) for index, row in enumerate(rows)):
            yield index, row

    def groups(self, groups: Iterable[tuple[int, Sequence[R]]]) -> Iterator[tuple[int, Sequence[R]]]:
        """Do the same for rows that are settled together, each group with the index of its first row."""
        self._begin_groups()
        for index, rows in groups:
            stopping.check()
            if self.must_be_alone(index) and not self.try_alone(index):
                detail = self.why_condemned(index)
                rejected = [Reject(row=row, reason=KILLED_THE_ENGINE, detail=detail) for row in rows]
                self.settle(index, rejected=rejected, count=len(rows))
            else:
                yield index, rows

    def begin(self) -> None:
        """Leave a mark that this process works on the part: for what may die of it, with work that takes seconds."""
        if self.suspect:
            logger.warning("part %d was begun by processes that died: its rows are tried alone", self.number)
        self._tries.begin_part(self.number)
        self._begun = True

    def _begin_groups(self) -> None:
        if not self._begun:
            if self._tries.careful:
                self.begin()
            else:
                self._tries.begin()

    def must_be_alone(self, index: int) -> bool:
        """Tell whether a row is to be tried alone, after all others, because a process or an engine may die of it."""
        return self._tries.careful and (self.suspect or self._tries.deaths(self.number, index) > 0)

    def try_alone(self, index: int) -> bool:
        """Leave a mark that this row is tried alone; False, and no mark, where too many have died of it already."""
        if self._tries.is_condemned(self.number, index):
            logger.warning("row %d of part %d is given up: %s", index, self.number, self.why_condemned(index))
            return False
        self._tries.begin_row(self.number, index)
        self._tried_alone = True
        return True

    def died(self, index: int) -> None:
        """Leave a mark that the engine died of this row, which it was given alone."""
        self._tries.row_died(self.number, index)

    def why_condemned(self, index: int) -> str:
        """Say what is known of a row that is given up."""
        return f"tried alone, {self._tries.deaths(self.number, index)} processes or engines died of it"

    def settle(
        self, index: int, *, kept: Sequence[Row] = (), rejected: Sequence[Reject] = (), count: int = 1, added: int = 0
    ) -> None:
        """Say what became of the slice's row ``index`` (from 0), or of ``count`` rows from there that belong together.

        ``added`` counts units among kept and rejected that are not in the slice. The last row writes the part.
        """
        assert index not in self._kept, (self.number, index)
        units = count * self._folder.units_per_row + added
        assert len(kept) + len(rejected) == units, (self.number, index, len(kept), len(rejected), units)
        self._kept[index] = kept
        self._rejected[index] = rejected
        self._settled += count
        self._folder.course.done += count
        self._added += added
        if self._settled == len(self.slice):
            if self._tried_alone:
                self._tries.begin_part(self.number)  # a process that dies from here on does not die of the last row
            with stopping.deferred():
                self._write()

    def write_if_empty(self) -> None:
        """Write the part if its slice has no rows that could be settled, unless units were added to it."""
        if not self.slice and not self._written:
            self._write()

    def add_to_metric(self, name: str, value: float) -> None:
        """Add to a sum that the manifest shows (tokens)."""
        self._metrics[name] = self._metrics.get(name, 0.0) + value

    def _write(self) -> None:
        kept = [row for index in sorted(self._kept) for row in self._kept[index]]
        rejected = [reject for index in sorted(self._rejected) for reject in self._rejected[index]]
        table = to_table(kept, self._folder.record)
        rejects, rejects_digest = write_rejects(self._folder.uri, self.number, rejected, self._folder.record)
        seconds = self._folder.part_seconds()
        ledger = Ledger(
            rows_in=len(self.slice) * self._folder.units_per_row + self._added,
            rows_out=len(kept),
            rows_added=self._added,
            rejected=count_reasons(rejected),
            digest=table_digest(table),
            rejects=rejects,
            rejects_digest=rejects_digest,
            metrics=self._metrics | {"seconds": seconds, "accelerator_seconds": seconds * num_accelerators()},
            arithmetic=[self._folder.arithmetic] if self._folder.arithmetic else [],
            inputs=input_contents(self._folder.claim.plan.inputs),
        )
        assert ledger.rows_in == ledger.rows_out + sum(ledger.rejected.values()), ledger
        table = table.replace_schema_metadata({LEDGER_KEY: json.dumps(dataclasses.asdict(ledger))})
        name = part_name(self.number)
        uri = storage.join(self._folder.uri, name)
        try:
            content = to_parquet(table)
            storage.create(uri, content)
            self._folder.ledgers.add(name, ledger, content)
        except FileExistsError:
            ledger = accept_part(uri, ledger, self._folder.claim.plan.inputs)
        self._kept, self._rejected, self._written = {}, {}, True
        self._folder.log_progress(self, ledger)


@dataclass(frozen=True, slots=True)
class RowKey(Generic[T]):
    """A row of a part in the making: a model is given it with what is asked, and gives it back with its answer."""

    part: Part
    index: int  # in the part's slice
    row: T = field(compare=False)  # its place names it, whatever it holds
