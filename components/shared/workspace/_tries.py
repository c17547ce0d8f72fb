"""Marks of what a process has begun, in the folder that it makes: who comes after a sudden death knows where it was.

A process that is killed (SIGKILL, out of memory, a crash within a library) can say nothing afterwards. So it says
before what it begins, with an object of a few bytes::

    tries/{process}-000000-begun.json             it began to work here
    tries/{process}-000000-part-00012.json        it began part 12
    tries/{process}-000001-row-00012-00034.json   it was about to try row 34 of part 12, alone
    tries/{process}-000002-died-00012-00034.json  it lives, but its engine died of that row
    tries/{process}-000003-ended.json             it ended by itself: whatever it had begun is blameless

Where a model works, each part is marked: that is nothing beside the work. Parts of a step without one may take
milliseconds, as a mark does; they are marked only after a process has died over the folder. A part that was begun by
``MAX_TRIES`` processes that died (one of which may not have said where) is suspect: it is done after all others, row by
row. A row that was the last thing so many of them tried alone is rejected. Marks of parts that stand mean nothing; the
manifest's writer removes all of them. Nothing is ever replaced, and where a store forbids to delete they stay.

A process that is stopped, that fails or that has done its share says so with its last mark. One that cannot be seen
from here (in another container) and has said no more than that it began counts against nothing: perhaps it works. Where
it has begun a part, that costs the part its haste, no row. Where it neither ends nor goes on to another row for
``WATCH_SECONDS``, it is taken for dead: two pods on one shard do not condemn each other's rows; no clocks are compared.
"""

from __future__ import annotations

import contextlib
import logging
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from components.shared import processes, stopping
from components.shared.errors import InputError, UnavailableError
from components.shared.stores import storage

TRIES = "tries"
MAX_TRIES = 2
WATCH_SECONDS = 600.0  # longer than any row takes alone
END_SECONDS = 3.0  # that a process which ends gives the store to take note

_NAME = re.compile(
    r"(?P<process>[\w.]+)-(?P<number>\d{6})-(?P<what>begun|part|row|died|ended)(-(?P<part>\d+)(-(?P<row>\d+))?)?\.json"
)

logger = logging.getLogger(__name__)

RowKey = tuple[int, int]  # part and index


@dataclass
class Blame:
    """How often the parts and rows of a folder were what a process died of."""

    nowhere: int = 0  # processes that died without having said where they were
    out_of_sight: int = 0  # processes that perhaps live, and have not said where they are
    parts: Counter[int] = field(default_factory=Counter)
    rows: Counter[RowKey] = field(default_factory=Counter)
    unsure: dict[RowKey, list[str]] = field(default_factory=dict)  # marks of processes that perhaps still try the row


def blame(names: Iterable[str], state_of: Callable[[str], processes.State]) -> Blame:
    """Read the marks, by name; ``state_of`` tells whether the process of a mark lives.

    A process that died while it tried a row alone died of that, and of none of the parts that it had begun.
    """
    marks: dict[str, list[re.Match[str]]] = {}
    for mark in filter(None, map(_NAME.fullmatch, sorted(names))):
        marks.setdefault(mark["process"], []).append(mark)
    result = Blame()
    for process, made in marks.items():
        result.rows.update(_row_of(mark) for mark in made if mark["what"] == "died")
        last = made[-1]
        if last["what"] in ("ended", "died") or (state := state_of(process)) == "alive":
            continue
        if last["what"] == "begun":
            result.nowhere += state == "dead"
            result.out_of_sight += state == "unknown"
        elif last["what"] == "part":
            result.parts.update({int(mark["part"]) for mark in made if mark["what"] == "part"})
        elif state == "dead":
            result.rows[_row_of(last)] += 1
        else:
            result.unsure.setdefault(_row_of(last), []).append(last[0])
    return result


def _row_of(mark: re.Match[str]) -> RowKey:
    return int(mark["part"]), int(mark["row"])


class Tries:
    """The marks of one folder: those that stand there, and those of this process."""

    def __init__(self, folder: str) -> None:
        self._uri = storage.join(folder, TRIES)
        self._process = processes.own_name()
        self._number = 0
        self._ended = False
        self.careful = False  # whether a process or an engine has died over the folder: each part is worth a mark
        self._blame = Blame()
        self._seen: dict[str, float] = {}  # when a mark was first seen, on the clock of this process

    @property
    def any(self) -> bool:
        """Whether there are marks, of this process or of others."""
        return bool(self._number or self._seen)

    def read(self) -> None:
        """Find out what other processes died of."""
        names = storage.list_names(self._uri)
        now = time.monotonic()
        self._seen = {name: self._seen.get(name, now) for name in names}
        self._blame = blame(names, self._state_of)
        self.careful = self._blame != Blame()

    def is_suspect(self, part: int) -> bool:
        """Tell whether so many processes died over a part that its rows are tried one at a time."""
        named = self._blame.parts[part]
        return named > 0 and named + self._blame.nowhere >= MAX_TRIES

    def begin(self) -> None:
        """Mark that this process works here from now on."""
        if not self._number:
            self._mark("begun")

    def deaths(self, part: int, row: int) -> int:
        """Return how often a process, or its engine, died of a row that was tried alone, as far as is known."""
        return self._blame.rows[part, row] + len(self._blame.unsure.get((part, row), ()))

    def is_condemned(self, part: int, row: int) -> bool:
        """Tell whether a row is not to be tried again; waits until it is known of each try that it is over."""
        while self.deaths(part, row) >= MAX_TRIES:
            unsure = self._blame.unsure.get((part, row), ())
            left = max((self._seen[name] for name in unsure), default=0.0) + WATCH_SECONDS - time.monotonic()
            if not unsure or left <= 0:
                return True
            logger.info("row %d of part %d may still be tried elsewhere: watching that for %.0f s", row, part, left)
            stopping.sleep(left)
            self.read()
        return False

    def begin_part(self, part: int) -> None:
        """Mark that this process works on a part from now on."""
        self._mark(f"part-{part:05d}")

    def begin_row(self, part: int, row: int) -> None:
        """Mark that this process tries a row alone, and that it has survived the one before."""
        self._mark(f"row-{part:05d}-{row:05d}")

    def row_died(self, part: int, row: int) -> None:
        """Mark that this process' engine died of a row that it was given alone."""
        self._mark(f"died-{part:05d}-{row:05d}")
        self._blame.rows[part, row] += 1
        self.careful = True

    def end(self) -> None:
        """Mark that this process ends its work here by itself; a store that does not answer at once is not waited for.

        What it had begun is blameless, and what it tried alone is not what it ends of.
        """
        if self._number and not self._ended:
            self._ended = True
            thread = threading.Thread(target=self._end, daemon=True)
            thread.start()
            thread.join(END_SECONDS)

    def clear(self) -> None:
        """Remove all marks, where the store allows that: the folder is finished."""
        try:
            storage.delete_folder(self._uri)
        except (InputError, UnavailableError) as error:
            logger.info("the records in %s were not deleted: %s", self._uri, error)

    def _end(self) -> None:
        with contextlib.suppress(Exception):
            self._mark("ended")

    def _mark(self, what: str) -> None:
        name = f"{self._process}-{self._number:06d}-{what}.json"
        self._number += 1
        with contextlib.suppress(FileExistsError):
            storage.create_json(storage.join(self._uri, name), {"host": processes.host()})

    def _state_of(self, process: str) -> processes.State:
        return "alive" if process == self._process else processes.state_of(process)
