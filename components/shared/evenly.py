"""Some of many items, evenly spread: what is looked at of a folder of any size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def evenly(items: Sequence[T], number: int) -> list[T]:
    """Return at most so many items, evenly spread, the first one among them."""
    step = max(1, len(items) / number)
    return [items[int(index * step)] for index in range(min(len(items), number))]
