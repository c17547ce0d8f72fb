"""The verdicts of comparisons, and how those on parts make one on the whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum
from typing import TypeVar

Item = TypeVar("Item")


class Verdict(IntEnum):
    """UNKNOWN: the text alone does not decide it; a computer algebra system has to."""

    DIFFERENT = 0
    UNKNOWN = 1
    EQUAL = 2


def verdict(equal: bool) -> Verdict:
    """Return the verdict of a plain comparison."""
    return Verdict.EQUAL if equal else Verdict.DIFFERENT


def all_of(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict on a whole whose parts all have to be equal."""
    worst = Verdict.EQUAL
    for each in verdicts:
        worst = min(worst, each)
        if worst is Verdict.DIFFERENT:
            break
    return worst


def any_of(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict if one equal reading is enough."""
    best = Verdict.DIFFERENT
    for each in verdicts:
        best = max(best, each)
        if best is Verdict.EQUAL:
            break
    return best


def in_order(items: Sequence[Item], others: Sequence[Item], compare: Callable[[Item, Item], Verdict]) -> Verdict:
    """Compare two sequences item by item."""
    if len(items) != len(others):
        return Verdict.DIFFERENT
    return all_of(compare(item, other) for item, other in zip(items, others, strict=True))


def in_any_order(items: Sequence[Item], others: Sequence[Item], compare: Callable[[Item, Item], Verdict]) -> Verdict:
    """Compare two collections: each item has a partner of its own in the other one."""
    if len(items) != len(others):
        return Verdict.DIFFERENT
    left, worst = list(others), Verdict.EQUAL
    for item in items:
        verdicts = [compare(item, other) for other in left]
        best = max(verdicts)
        if best is Verdict.DIFFERENT:
            return best
        worst = min(worst, best)
        left.pop(verdicts.index(best))
    return worst
