"""Folders of rows that are being made: a part is written as soon as all its rows are settled."""

from __future__ import annotations

import dataclasses
import json
import logging
import random
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from components.shared import speaking, stopping
from components.shared.accelerators import num_held
from components.shared.config import StepConfig
from components.shared.counters import count_work
from components.shared.records import R, Reject, Row, count_reasons, from_table, to_table
from components.shared.stores import storage, transfers
from components.shared.workspace._attempts import number_of, work_of
from components.shared.workspace._claims import Claim
from components.shared.workspace._gate_watch import GateWatch
from components.shared.workspace._gathered_ledgers import FolderLedgers
from components.shared.workspace._leases import Lease, Leases
from components.shared.workspace._lost_races import accept_part, input_contents, refuse_other_inputs
from components.shared.workspace._pauses import Others
from components.shared.workspace.ledgers import LEDGER_KEY, Figures, Ledger, no_figures, sum_ledgers, write_rejects
from components.shared.workspace.manifests import read_manifest_or_none
from components.shared.workspace.plans import missing_parts, part_name
from components.shared.workspace.tables import read_table, table_digest, to_parquet

KILLED_THE_ENGINE = "killed_the_engine"  # why a quarantined row is rejected: it crashed its process or engine

T = TypeVar("T")

logger = logging.getLogger(__name__)


class OutputFolder:
    """The folder of rows that a step makes."""

    def __init__(self, claim: Claim, record: type[Row], config: StepConfig) -> None:
        self.claim = claim
        self.uri = claim.uri
        self.fingerprint = claim.plan.fingerprint
        self.record = record
        self.slices = claim.plan.slices
        self.units_per_row = claim.plan.units_per_row
        self.leases = Leases(claim.uri)
        self.ledgers = FolderLedgers(claim.uri)
        self.gates = GateWatch(config, self.ledgers)
        self.num_gpus = num_held(config.num_gpus)  # by this process
        self.arithmetic = ""  # of the model that this process computes with
        self._files: dict[str, str] = {}
        self._clock = time.monotonic()
        self.course = speaking.Course("row", 0)

    @property
    def finished(self) -> bool:
        """Whether the manifest exists: nothing is left to do."""
        return self.claim.manifest is not None

    def row_id(self, index: int, fingerprint: str = "") -> str:
        """Return an id for the ``index``-th row of a folder that has no input rows: unique in any workspace.

        ``fingerprint``: of the work that makes the row, where the folder's own says more (how many rows there are).
        """
        return f"{(fingerprint or self.fingerprint)[:8]}-{index:07d}"

    def has_work(self) -> bool:
        """Tell whether there is a part to take; wait for parts that others hold until these are written or free.

        A process with an accelerator does not wait for holders that are alive. Settle the parts taken before the call.
        """
        others = Others()
        while not self.finished and not self.leases.held and (missing := self._missing()):
            self.gates.judge()
            self.leases.look(missing)
            if self.leases.has_folder or any(work not in self.leases.standing.held for work in missing):
                return True
            if not others.wait(self.leases.standing.held):
                break
        return False

    def missing_parts(self, *, in_order: bool = False) -> Iterator[Part]:
        """Yield the missing parts that no other process works on, each under a lease of this process.

        A part is written when its last row is settled. Parts come in order, but those over which attempts crashed come
        last. A step that needs them ``in_order`` leases the whole folder. Waits for others as ``has_work`` does, but
        not while a part that was yielded is not settled: then it ends, and the caller asks again afterwards.
        """
        if self.finished:
            return
        if in_order and not self.leases.wait_for_folder(lambda: read_manifest_or_none(self.uri) is not None):
            return
        with speaking.phase("", lambda: self.course):
            while self.has_work():
                missing = self._missing()
                self._clock = time.monotonic()
                self.course = speaking.Course("row", sum(len(self.slices[number_of(work)]) for work in missing))
                for lease in self._leases_on(missing, in_order):
                    yield from self._open(lease)

    def _missing(self) -> list[str]:
        """Return the names of the work on missing parts."""
        return list(map(work_of, missing_parts(self.uri, self.claim.plan)))

    def _leases_on(self, missing: Sequence[str], in_order: bool) -> Iterator[Lease]:
        """Take leases on parts without crashes, then on one of the others; in order, on all."""
        # The holder of the whole folder skips no part, whichever process held it before.
        works = [work for work in missing if in_order or work not in self.leases.standing.held]
        suspect = [] if in_order else list(filter(self.leases.is_suspect, works))
        yield from self._take(deque(work for work in works if work not in suspect), in_order)
        yield from islice(self._take(deque(suspect), in_order), 1)  # it takes long: the next ones are for others

    def _take(self, waiting: deque[str], in_order: bool) -> Iterator[Lease]:
        while waiting:
            if lease := self.leases.take(waiting.popleft()):
                yield lease
            elif in_order:  # a process that counted as dead goes on: look again
                return
            elif waiting:  # another process was faster: go on elsewhere, or it would be faster at each part
                waiting.rotate(random.randrange(len(waiting)))  # noqa: S311

    def _open(self, lease: Lease) -> Iterator[Part]:
        stopping.check()
        part = Part(self, lease)
        yield part
        part.write_if_empty()

    def read_part(self, number: int) -> list[Any]:
        """Return the rows of a finished part; FileNotFoundError if it is missing."""
        return from_table(read_table(storage.join(self.uri, part_name(number))), cast(Any, self.record))

    def add_file(self, name: str, content: bytes | Path) -> None:
        """Write an object beside the parts, a large one from a local file; the manifest will name it."""
        self._files[name] = transfers.create_file(content, storage.join(self.uri, name))

    def finish(self, figures: Figures = no_figures) -> str:
        """Write the manifest if no part is missing; return the folder's address.

        ``figures``: makes further metrics for the manifest from the sums over the parts.
        """
        if self.finished:
            return self.uri
        assert not self.leases.held, "a row was not settled"
        present = storage.list_md5s(self.uri)
        names = [part_name(number) for number in range(len(self.slices))]
        if missing := [name for name in names if name not in present]:
            logger.info("%d of %d parts of %s are still being made by others", len(missing), len(names), self.uri)
            self._leave()
            return self.uri
        ledgers = self.ledgers.of(names, present)
        for name, ledger in zip(names, ledgers, strict=True):
            refuse_other_inputs(storage.join(self.uri, name), ledger.inputs, self.claim.plan.inputs)
            self.gates.take(name, ledger.watched)
        self.gates.judge()  # the others may have closed a gate by their last parts
        totals = sum_ledgers(ledgers)
        assert totals.rows_in == self.claim.plan.rows_in + totals.rows_added, (self.uri, totals)
        with stopping.deferred():
            self.claim.write_manifest(
                rows_in=totals.rows_in,
                rows_out=totals.rows_out,
                rejected=totals.rejected,
                parts=[ledger.entry(name) for name, ledger in zip(names, ledgers, strict=True)],
                files=self._files,
                metrics=totals.metrics | dict(figures(totals.metrics)),
                arithmetic="; ".join(totals.arithmetic),
            )
        self._clear()
        return self.uri

    def _leave(self) -> None:
        """Leave the folder, and the ledgers of the parts that this process wrote, to the other processes."""
        self.leases.release()
        self.ledgers.copy()
        # Another process may have finished the folder meanwhile, and not have seen what was written here.
        if self.ledgers.any and read_manifest_or_none(self.uri):
            self._clear()

    def _clear(self) -> None:
        self.leases.clear()
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
    """One part that is being made: rows are settled in any order and kept in the order of the input."""

    def __init__(self, folder: OutputFolder, lease: Lease) -> None:
        self.number = number_of(lease.work)
        self.slice = folder.slices[self.number]
        self.lease = lease
        self._folder = folder
        self._kept: dict[int, Sequence[Row]] = {}
        self._rejected: dict[int, Sequence[Reject]] = {}
        self._settled = 0
        self._added = 0
        self._written = False
        self._metrics: dict[str, float] = {}
        self._arithmetic: set[str] = set()  # of rows that others computed
        self._watch = folder.gates.of_part()

    def __len__(self) -> int:
        return len(self.slice)

    def rows(self, rows: Iterable[R]) -> Iterator[tuple[int, R]]:
        """Yield the slice's rows with their indices, each to be settled before the next one is asked for.

        A quarantined row (two attempts crashed at it) is rejected here; the step never sees it.
        """
        for index, (row,) in self.groups((index, (row,)) for index, row in enumerate(rows)):
            yield index, row

    def groups(self, groups: Iterable[tuple[int, Sequence[R]]]) -> Iterator[tuple[int, Sequence[R]]]:
        """Do the same for rows that are settled together, each group with the index of its first row."""
        for index, rows in groups:
            stopping.check()
            if self.lease.must_be_alone(index) and not self.lease.try_alone(index):
                detail = self.lease.why_given_up(index)
                rejected = [Reject(row=row, reason=KILLED_THE_ENGINE, detail=detail) for row in rows]
                self.settle(index, rejected=rejected, count=len(rows))
            else:
                yield index, rows

    def settle(
        self, index: int, *, kept: Sequence[Row] = (), rejected: Sequence[Reject] = (), count: int = 1, added: int = 0
    ) -> None:
        """Keep or reject the slice's row ``index`` (from 0), or the ``count`` rows from there that belong together.

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
            self.lease.end_rows()
            with stopping.deferred():
                self._write()
        self._folder.gates.judge()

    def write_if_empty(self) -> None:
        """Write the part of a slice without rows, unless units were added to it."""
        if not self.slice and not self._written:
            self._write()

    def add_to_metric(self, name: str, value: float) -> None:
        """Add to a sum that the manifest shows (tokens)."""
        self._metrics[name] = self._metrics.get(name, 0.0) + value

    def add_arithmetic(self, kinds: Iterable[str]) -> None:
        """Note what rows were computed in that this process did not compute."""
        self._arithmetic.update(kinds)

    def watch(self, figure: str, values: Sequence[float]) -> None:
        """Let a gate see values from 0 to 1 of a figure, if one watches that."""
        self._watch.add(figure, values)

    def _write(self) -> None:
        kept = [row for index in sorted(self._kept) for row in self._kept[index]]
        rejected = [reject for index in sorted(self._rejected) for reject in self._rejected[index]]
        self._folder.gates.see(self._watch, kept, len(rejected))
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
            metrics=self._metrics | {"seconds": seconds, "accelerator_seconds": seconds * self._folder.num_gpus},
            arithmetic=sorted({self._folder.arithmetic, *self._arithmetic} - {""}),
            inputs=input_contents(self._folder.claim.plan.inputs),
            watched=self._watch.sums,
        )
        assert ledger.rows_in == ledger.rows_out + sum(ledger.rejected.values()), ledger
        table = table.replace_schema_metadata({LEDGER_KEY: json.dumps(dataclasses.asdict(ledger))})
        uri = storage.join(self._folder.uri, name := part_name(self.number))
        try:
            content = to_parquet(table)
            storage.create(uri, content)
            self._folder.ledgers.add(name, ledger, content)
            count_work(
                rows_in=ledger.rows_in, rows_out=ledger.rows_out, rejected=ledger.rejected, figures=ledger.metrics
            )
        except FileExistsError:
            ledger = accept_part(uri, ledger, self._folder.claim.plan.inputs)
        self._folder.gates.take(name, ledger.watched)
        self._kept, self._rejected, self._written = {}, {}, True
        self.lease.settle()
        self._folder.log_progress(self, ledger)


@dataclass(frozen=True, slots=True)
class RowKey(Generic[T]):
    """The key of a row in a part that is being made: a request carries it, and the answer brings it back."""

    part: Part
    index: int  # in the part's slice
    row: T = field(compare=False)  # part and index identify it, not its content
