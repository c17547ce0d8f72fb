"""Unfinished folders: which parts are missing, who works on them, and over what attempts crashed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from components.shared.stores.inventory import StoredObject, below
from components.shared.workspace._attempts import ANY_LIMIT, FOLDER, MAX_DEATHS, Attempt, Standing, work_of
from components.shared.workspace._leases import LEASES, Leases, lease_seconds
from components.shared.workspace.plans import Plan, missing_among, missing_parts, part_name, read_plan_or_none

MAX_NAMED = 3  # how many parts, processes or rows a message names; the number of the others follows


@dataclass(frozen=True, kw_only=True)
class Holder:
    """A process that works on a folder, and is alive as far as its last sign of life tells."""

    host: str  # a machine or pod
    memory_limit: int  # bytes that its container may take; 0: nothing limits it
    since: str  # when it took the first of what it holds, by its own clock
    silent_seconds: int  # since it last wrote, by the store's clock
    works: tuple[str, ...]  # the missing parts that it holds, or the whole folder

    @property
    def sentence(self) -> str:
        """Return who it is and what it does."""
        told = (
            named(["the whole folder" if work == FOLDER else work for work in self.works]) or "no part at this moment"
        )
        limit = f" (limited to {self.memory_limit / 2**30:.1f} GiB)" if self.memory_limit else ""
        return f"{self.host}{limit}: {told}, since {self.since}; last sign of life {self.silent_seconds} s ago"


@dataclass(frozen=True, kw_only=True)
class Unfinished:
    """A folder with a plan and without a manifest."""

    uri: str
    plan: Plan
    missing: tuple[str, ...]  # the missing parts, by the names of the work on them
    holders: tuple[Holder, ...]
    left_by: str  # the host that worked on it last, if nobody does now and that was a moment ago; "" otherwise
    deaths: Mapping[str, int]  # attempts that crashed over missing parts
    rows_alone: Mapping[
        tuple[str, int], int
    ]  # rows of missing parts that were tried alone, and how many crashes each caused

    @property
    def suspect(self) -> list[str]:
        """The parts whose rows are tried one at a time, after all others."""
        return [work for work, number in self.deaths.items() if number >= MAX_DEATHS and work != FOLDER]

    @property
    def makers(self) -> str:
        """Return in a few words who works on it."""
        return named([f"{each.host} (last sign of life {each.silent_seconds} s ago)" for each in self.holders])


def read_unfinished(folder: str) -> Unfinished | None:
    """Return how the work on a folder stands; None if it has no plan. Nothing is written."""
    plan = read_plan_or_none(folder)
    if plan is None:
        return None
    leases, works = Leases(folder), list(map(work_of, range(len(plan.slices))))
    attempts = leases.look((FOLDER, *works), ANY_LIMIT)  # whoever reads this does no work
    # Looked for after the leases, so that parts written meanwhile are seen.
    return _unfinished(folder, plan, leases, attempts, missing_parts(folder, plan))


def unfinished_as_listed(folder: str, objects: Sequence[StoredObject]) -> Unfinished | None:
    """Return the same by one listing of the folder, for people to look at: of the leases, few are read.

    A part that is written while the folder is listed may count as missing. Whoever holds no missing part, and wrote
    none lately, is not looked for.
    """
    plan = read_plan_or_none(folder)
    if plan is None:
        return None
    leases, of_leases = Leases(folder), below(objects, LEASES)
    times = {each.name: each.time for each in objects}
    missing = missing_among(times, plan)
    lately = max(times.values(), default=0.0) - lease_seconds()
    works = [work_of(number) for number in range(len(plan.slices)) if times.get(part_name(number), lately) >= lately]
    return _unfinished(folder, plan, leases, leases.look_at(of_leases, (FOLDER, *works), ANY_LIMIT), missing)


def _unfinished(
    folder: str, plan: Plan, leases: Leases, attempts: Sequence[Attempt], missing_numbers: Sequence[int]
) -> Unfinished:
    missing = list(map(work_of, missing_numbers))
    of_interest = {FOLDER, *missing}
    standing = leases.standing
    holders = _holders(attempts, standing, of_interest, leases)
    return Unfinished(
        uri=folder,
        plan=plan,
        missing=tuple(missing),
        holders=holders,
        left_by=_left_by(attempts, leases) if not holders else "",
        deaths={work: standing.parts[work] for work in (FOLDER, *missing) if standing.parts[work]},
        rows_alone={row: standing.rows[row] for row in _rows_alone(attempts) if row[0] in of_interest},
    )


def rows_done(folder: str, plan: Plan) -> int:
    """Return how many rows of a folder stand in parts that are written, kept or rejected."""
    missing = sum(len(plan.slices[number]) for number in missing_parts(folder, plan))
    return plan.rows_in - missing * plan.units_per_row


def named(names: Sequence[str]) -> str:
    """Return the first of some names, and how many others there are."""
    others = len(names) - MAX_NAMED
    return ", ".join(names[:MAX_NAMED]) + (f" and {others} more" if others > 0 else "")


def _holders(
    attempts: Iterable[Attempt], standing: Standing, of_interest: set[str], leases: Leases
) -> tuple[Holder, ...]:
    latest = {attempt.work: attempt for attempt in attempts if attempt.work in standing.held}
    by_process: dict[str, list[Attempt]] = {}
    for attempt in latest.values():
        by_process.setdefault(attempt.holder, []).append(attempt)
    now = leases.now() if by_process else 0.0
    return tuple(
        Holder(
            host=own[0].host,
            memory_limit=own[0].memory_limit,
            since=min(attempt.since for attempt in held or own),
            silent_seconds=max(0, round(now - max(standing.held[attempt.work] for attempt in own))),
            works=tuple(attempt.work for attempt in held),
        )
        for own in by_process.values()
        for held in [[attempt for attempt in own if attempt.work in of_interest]]
    )


def _left_by(attempts: Sequence[Attempt], leases: Leases) -> str:
    now = leases.now() if attempts else 0.0
    recent = [attempt for attempt in attempts if leases.may_come_back(attempt, now)]
    return max(recent, key=lambda attempt: attempt.time).host if recent else ""


def _rows_alone(attempts: Iterable[Attempt]) -> list[tuple[str, int]]:
    events = [(attempt.work, what, row) for attempt in attempts for _, what, row in attempt.events]
    return sorted({(work, row) for work, what, row in events if what in ("row", "died")})
