"""What processes write about their work on the parts of a folder, and what it says about those that died.

A process creates an object before it works on a part. The first one to create it has the lease::

    leases/part-00012/attempt-0.json                     who, where, since when, with how much memory
    leases/part-00012/attempt-0-000001-row-00034.json    it is about to retry row 34 alone
    leases/part-00012/attempt-0-000002-died-00034.json   it lives, but its engine died of that row
    leases/part-00012/attempt-0-000003-past.json         it has finished the rows that it retried alone
    leases/part-00012/attempt-0-000004-ended.json        released: it ended by itself, not by a crash
    leases/alive/{process}-000017.json                   a sign of life; each one replaces the one before

A process that is killed (SIGKILL, out of memory, a crash within a library) can write nothing afterwards. It therefore
writes what it is about to do before it does it. After a crash, the next process creates ``attempt-1.json``. A part over
which ``MAX_DEATHS`` attempts crashed is suspect: it is done after all others, row by row. A row that was retried alone
and crashed that many attempts is quarantined. An attempt that was released does not count. Neither does one under a
smaller memory limit than the process has that looks: more memory may be all that was missing.

No object is ever overwritten. The leases of finished parts stay, so that no process takes those parts again. The
process that writes the manifest removes all leases, if the store allows it to delete.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from components.shared.stores.inventory import StoredObject

FOLDER = "folder"  # the work that is the whole folder
MAX_DEATHS = 2
NO_LIMIT = sys.maxsize  # bytes, as a memory limit
ANY_LIMIT = 0  # for whom crashes count whatever the limit was

_NAME = re.compile(
    r"(?P<work>part-\d+|folder)/attempt-(?P<attempt>\d+)"
    r"(-(?P<number>\d{6})-(?P<what>row|died|past|ended)(-(?P<row>\d+))?)?\.json"
)
_ALIVE = re.compile(r"alive/(?P<process>[\w.]+)-\d{6}\.json")


def work_of(part: int) -> str:
    """Return the name of the work on a part."""
    return f"part-{part:05d}"


def number_of(work: str) -> int:
    """Return the part that some work is on."""
    return int(work.removeprefix("part-"))


def attempt_name(work: str, number: int) -> str:
    """Return the name of the object that gives a process an attempt."""
    return f"{work}/attempt-{number}.json"


def event_name(work: str, number: int, event: int, what: str) -> str:
    """Return the name of the object that records what happened in an attempt, the ``event``-th of its process."""
    return f"{work}/attempt-{number}-{event:06d}-{what}.json"


@dataclass
class Attempt:
    """What one process has written about its work on a part."""

    work: str
    number: int
    holder: str = ""  # the process' name
    host: str = ""  # where it runs, for people
    since: str = ""  # when it took the part, by its own clock
    memory_limit: int = 0  # bytes that its container may take; 0: nothing limits it
    time: float = 0.0  # when it last wrote, by the store's clock
    events: list[tuple[int, str, int]] = field(default_factory=list)  # number, what, row (-1: none)

    @property
    def name(self) -> str:
        """The name of its object."""
        return attempt_name(self.work, self.number)


def read_attempts(objects: Iterable[StoredObject]) -> list[Attempt]:
    """Return the attempts that the names below ``leases/`` record, without their holders."""
    attempts: dict[tuple[str, int], Attempt] = {}
    for each in objects:
        if match := _NAME.fullmatch(each.name):
            key = match["work"], int(match["attempt"])
            attempt = attempts.setdefault(key, Attempt(*key))
            attempt.time = max(attempt.time, each.time)
            if match["what"]:
                attempt.events.append((int(match["number"]), match["what"], int(match["row"] or -1)))
    return [attempts[key] for key in sorted(attempts)]


def alive_name(process: str, number: int) -> str:
    """Return the name of an object by which a process says that it lives."""
    return f"alive/{process}-{number:06d}.json"


def last_signs(objects: Iterable[StoredObject]) -> dict[str, float]:
    """Return when processes last said that they live, by the store's clock."""
    return {match["process"]: each.time for each in objects if (match := _ALIVE.fullmatch(each.name))}


@dataclass
class Standing:
    """Who holds what, and how many attempts crashed over each part and row."""

    held: dict[str, float] = field(default_factory=dict)  # works with a live lease, and when its holder last wrote
    attempts: Counter[str] = field(default_factory=Counter)  # how many there were: the number of the next one
    parts: Counter[str] = field(default_factory=Counter)
    rows: Counter[tuple[str, int]] = field(default_factory=Counter)


def judge(
    attempts: Iterable[Attempt], is_dead: Callable[[str, float], bool], memory_limit: int = ANY_LIMIT
) -> Standing:
    """Return how the work on a folder stands; ``is_dead`` gets the name of a process and when it last wrote.

    A crash while a row is retried alone counts for that row, and for none of the parts that the process had leased.
    Crashes under a limit of fewer bytes than ``memory_limit`` do not count.
    """
    standing, by_holder = Standing(), dict[str, list[Attempt]]()
    for attempt in attempts:
        standing.attempts[attempt.work] = max(standing.attempts[attempt.work], attempt.number + 1)
        by_holder.setdefault(attempt.holder, []).append(attempt)
    for holder, own in by_holder.items():
        events = sorted((number, what, each.work, row) for each in own for number, what, row in each.events)
        counts = not 0 < own[0].memory_limit < memory_limit
        if counts:
            standing.rows.update((work, row) for _, what, work, row in events if what == "died")
        works, time = [each.work for each in own], max(each.time for each in own)
        _, last, work, row = events[-1] if events else (0, "", "", -1)
        if last == "ended":
            continue
        if not is_dead(holder, time):
            standing.held |= dict.fromkeys(works, time)
        elif last == "row" and counts:
            standing.rows[work, row] += 1
        elif last not in ("row", "died") and counts:
            standing.parts.update(works)
    return standing
