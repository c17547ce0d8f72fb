"""Leases: the right to work on a part. The first process that creates its name has it (``_attempts`` has the names).

The age of a lease is measured by the store's clock, because the clocks of pods may differ. A live process writes a sign
of life every ``BEAT_SECONDS``. A process that has written nothing for ``lease_seconds()`` counts as dead. One that ran
on this machine and is gone counts as dead at once. If it was only frozen, nothing is lost or duplicated, because parts
are created exclusively too.

A process that ends by itself releases what it holds, which is not a crash. ``leases/folder/`` is the lease on work that
one process does alone: a training, or a step that needs its parts in order.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import threading
import time
import weakref
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Any

from components.shared import processes, speaking, stopping
from components.shared.errors import InputError, UnavailableError
from components.shared.stores import storage
from components.shared.stores.inventory import StoredObject, list_objects, store_time
from components.shared.stores.retries import LIMIT_SECONDS, READ_SECONDS, limit_seconds
from components.shared.workspace._attempts import (
    FOLDER,
    MAX_DEATHS,
    NO_LIMIT,
    Attempt,
    Standing,
    alive_name,
    attempt_name,
    event_name,
    judge,
    last_signs,
    number_of,
    read_attempts,
)
from components.shared.workspace._pauses import Others

LEASES = "leases"
BEAT_SECONDS = 30.0
END_SECONDS = 3.0  # how long a process that ends waits for the store
THREADS = 16

logger = logging.getLogger(__name__)


def lease_seconds() -> float:
    """Return for how long a live process may write nothing: one beat, and as long as it waits for its store.

    Never less than with the default limit: other processes may use that, and a library may block all threads of a
    process for minutes.
    """
    return BEAT_SECONDS + max(limit_seconds(), LIMIT_SECONDS) + READ_SECONDS


class Leases:
    """The leases of one folder: those that this process holds, and what is known about those of others."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._uri = storage.join(folder, LEASES)
        self._process = processes.own_name()
        self._number = itertools.count(1)
        self._lock = threading.Lock()  # for what this process holds, and the thread that says that it lives
        self._held: dict[str, Lease] = {}
        self._beating: threading.Event | None = None
        self._last_sign = ""  # by which it said that it lives
        self._holders: dict[str, tuple[str, str, str, int]] = {}  # of attempts, by name: their content never changes
        self.standing = Standing()
        self.any = False  # whether objects stand here, of this process or of others

    @property
    def held(self) -> bool:
        """Whether this process holds a lease on a part, which is then not written yet."""
        return any(work != FOLDER for work in self._held)

    @property
    def has_folder(self) -> bool:
        """Whether this process holds the lease on the whole folder, which overrides those on its parts."""
        return FOLDER in self._held

    def is_suspect(self, work: str) -> bool:
        """Tell whether so many attempts crashed over a part that its rows are tried one at a time."""
        return self.standing.parts[work] >= MAX_DEATHS

    def look(self, works: Collection[str], memory_limit: int | None = None) -> list[Attempt]:
        """Find out who holds these works, and what crashed over them; return the attempts at them, in order.

        Crashes under a smaller memory limit do not count; it is this process' own, unless one is given.
        """
        return self.look_at(list_objects(self._uri), works, memory_limit)

    def look_at(
        self, objects: Sequence[StoredObject], works: Collection[str], memory_limit: int | None = None
    ) -> list[Attempt]:
        """Find out the same from what stands below ``leases/``, which somebody has listed."""
        self.any = self.any or bool(objects)
        wanted = set(works)
        attempts = [attempt for attempt in read_attempts(objects) if attempt.work in wanted]
        unknown = [attempt.name for attempt in attempts if attempt.name not in self._holders]
        with ThreadPoolExecutor(THREADS) as threads:
            self._holders |= zip(unknown, threads.map(self._read_holder, unknown), strict=True)
        signs = last_signs(objects)
        for attempt in attempts:
            attempt.holder, attempt.host, attempt.since, attempt.memory_limit = self._holders[attempt.name]
            attempt.time = max(attempt.time, signs.get(attempt.holder, 0.0))
        out_of_sight = any(self._state_of(attempt.holder) == "unknown" for attempt in attempts)
        now = self.now() if out_of_sight else 0.0
        limit = (processes.memory_limit() or NO_LIMIT) if memory_limit is None else memory_limit
        self.standing = judge(attempts, partial(self._is_dead, now=now), limit)
        return attempts

    def now(self) -> float:
        """Return the store's time, or this machine's for a directory in which this process may not write."""
        try:
            return store_time(self._folder)
        except InputError:
            return time.time()

    def wait_for_folder(self, is_done: Callable[[], bool]) -> bool:
        """Take the lease on the whole folder, once nobody else has it; False if its work is done before.

        Raises UnavailableError if this process has an accelerator and another live process has the lease.
        """
        others = Others()
        with speaking.phase(f"waiting for the process that works on {self._folder}"):
            while not self.has_folder and not is_done():
                attempts = self.look((FOLDER,))
                if (FOLDER in self.standing.held or not self.take(FOLDER)) and not others.wait(self.standing.held):
                    raise UnavailableError(
                        f"{self._folder} is being made by {attempts[-1].host}, since {attempts[-1].since}, as a whole, "
                        "and this process would keep an accelerator idle meanwhile; the same command continues, or "
                        "finds the finished folder"
                    )
        return self.has_folder

    def take(self, work: str) -> Lease | None:
        """Take the next attempt at some work; None if another process has just taken it."""
        lease = Lease(self, work, self.standing.attempts[work])
        with stopping.deferred():  # a lease that stands but is not held would never be released: it counts as a crash
            try:
                self._write(lease.name, self._description())
            except FileExistsError:
                return None
            self._hold(lease)
        return lease

    def _hold(self, lease: Lease) -> None:
        """Release a lease at the end of this process, and say until then that it lives."""
        self.any = True
        with self._lock:
            self._held[lease.work] = lease
            if self._beating is None:
                self._beating = threading.Event()
                arguments = weakref.ref(self), self._beating
                threading.Thread(target=_beat, args=arguments, name="leases", daemon=True).start()

    def write_event(self, lease: Lease, what: str) -> None:
        """Record what this process does next."""
        self._write(event_name(lease.work, lease.number, next(self._number), what), {})

    def settle(self, lease: Lease) -> None:
        """Stop holding a lease whose work is finished. Its object stays, so that no process does the work again."""
        with self._lock:
            self._held.pop(lease.work, None)
            self._end_beats()

    def release(self) -> None:
        """Release all leases, as this process ends by itself. Do not wait for a store that does not respond."""
        with self._lock:
            leases, self._held = list(self._held.values()), {}
            self._end_beats()
        threads = [threading.Thread(target=self._release, args=(lease,), daemon=True) for lease in leases]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + END_SECONDS
        for thread in threads:
            thread.join(max(deadline - time.monotonic(), 0.0))

    def clear(self) -> None:
        """Remove all leases of a finished folder, if the store allows it."""
        with self._lock:
            self._held = {}
            self._end_beats()
        if self.any:
            try:
                storage.delete_folder(self._uri)
            except (InputError, UnavailableError) as error:
                logger.info("the leases in %s stay: %s", self._uri, error)

    def _release(self, lease: Lease) -> None:
        with contextlib.suppress(Exception):
            self.write_event(lease, "ended")

    def _end_beats(self) -> None:
        if not self._held and self._beating is not None:
            self._beating.set()
            self._beating = None

    def say_alive(self) -> None:
        """Write a sign of life, if this process holds a lease."""
        with self._lock:
            lease = next(reversed(self._held.values()), None)
        # Not in a folder that somebody has deleted: writing would bring it back.
        if lease is None or not storage.exists(storage.join(self._uri, lease.name)):
            return
        before, self._last_sign = self._last_sign, alive_name(self._process, next(self._number))
        self._write(self._last_sign, {})
        if before:
            storage.delete_object(storage.join(self._uri, before))

    def _write(self, name: str, content: Mapping[str, Any]) -> None:
        storage.create_json(storage.join(self._uri, name), content)

    def _description(self) -> dict[str, Any]:
        return {
            "process": self._process,
            "host": processes.host(),
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
            "memory_limit": processes.memory_limit(),
        }

    def _read_holder(self, name: str) -> tuple[str, str, str, int]:
        try:
            content = storage.read_json(storage.join(self._uri, name))
        except FileNotFoundError:
            return "", "", "", 0  # the folder was finished meanwhile
        if not isinstance(content, dict) or not isinstance(content.get("process"), str):
            raise InputError(f"{storage.join(self._uri, name)} was not written by ScaleQuest; remove it")
        limit = content.get("memory_limit")
        return content["process"], str(content.get("host")), str(content.get("since")), limit or 0

    def _is_dead(self, process: str, time: float, *, now: float) -> bool:
        state = self._state_of(process)
        return state == "dead" or (state == "unknown" and now - time >= lease_seconds())

    def may_come_back(self, attempt: Attempt, now: float) -> bool:
        """Tell whether another attempt may follow one that was released: Kubernetes restarts a stopped pod."""
        return now - attempt.time < lease_seconds() and self._state_of(attempt.holder) != "dead"

    def _state_of(self, process: str) -> processes.State:
        if process == self._process:
            return "alive"
        return processes.state_of(process) if process.count(".") == 3 else "unknown"


def _beat(of: weakref.ref[Leases], ended: threading.Event) -> None:
    """Write signs of life until the process holds no lease, or its leases are no longer used."""
    while not ended.wait(BEAT_SECONDS) and (leases := of()) is not None:
        try:
            leases.say_alive()
        except Exception as error:  # noqa: BLE001  # a store that refuses to delete, or that is back next time
            logger.debug("no sign of life: %s", error)
        del leases


class Lease:
    """The right of this process to work on a part, and how many crashes each of its rows has caused."""

    def __init__(self, leases: Leases, work: str, number: int) -> None:
        self.work = work
        self.number = number
        self._leases = leases
        self.name = attempt_name(work, number)
        self._deaths = {row: n for (of, row), n in leases.standing.rows.items() if of == work}
        self._row_is_open = False
        self.suspect = leases.is_suspect(work)

    def must_be_alone(self, index: int) -> bool:
        """Tell whether a row has to be tried alone, after all others, because it may crash a process or an engine."""
        return self.suspect or self._deaths.get(index, 0) > 0

    def try_alone(self, index: int) -> bool:
        """Record that this row is tried alone; False, and no record, if it has caused too many crashes already."""
        if self._deaths.get(index, 0) >= MAX_DEATHS:
            logger.warning("row %d of part %d is given up: %s", index, number_of(self.work), self.why_given_up(index))
            return False
        self._leases.write_event(self, f"row-{index:05d}")
        self._row_is_open = True
        return True

    def died(self, index: int) -> None:
        """Record that the engine died of this row, which it was given alone, while this process lives."""
        self._leases.write_event(self, f"died-{index:05d}")
        self._deaths[index] = self._deaths.get(index, 0) + 1

    def why_given_up(self, index: int) -> str:
        """Return the reason why a row is quarantined."""
        return f"tried alone, {self._deaths.get(index, 0)} processes or engines died of it"

    def end_rows(self) -> None:
        """Record that a crash from now on is not caused by the row that was tried last."""
        if self._row_is_open:
            self._leases.write_event(self, "past")
            self._row_is_open = False

    def settle(self) -> None:
        """Stop holding it: the part is written."""
        self._leases.settle(self)
