"""Batches of texts of similar length: as large as the longest text allows, with little padding."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def windows(items: Iterable[T], num_rows: int) -> Iterator[list[T]]:
    """Cut a stream into lists of ``num_rows``, the last one shorter; holds one list at a time."""
    stream = iter(items)
    while window := list(itertools.islice(stream, num_rows)):
        yield window


def longest_first(window: Iterable[T], num_tokens: Callable[[T], int]) -> list[T]:
    """Sort a window with the longest texts first, so that a budget too large for the memory fails at once.

    Texts of one length keep their order: the same window makes the same batches.
    """
    return sorted(window, key=num_tokens, reverse=True)


def first_batch(texts: Sequence[T], num_tokens: Callable[[T], int], max_batch_tokens: int) -> Sequence[T]:
    """Return the batch that sorted texts begin with: its padded size, rows times longest, is at most the budget's.

    A text longer than the budget is a batch by itself.
    """
    return texts[: max(1, max_batch_tokens // num_tokens(texts[0]))]
