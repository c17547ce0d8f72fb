"""Work that several threads share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

THREADS = 8  # requests to a store at the same time: what saturates a node's network without tuning

Item = TypeVar("Item")


def in_parallel(work: Callable[[Item], object], items: Iterable[Item]) -> None:
    """Do the work for every item; the first failure, or a signal, lets nothing else begin and is raised."""
    with ThreadPoolExecutor(THREADS) as threads:
        futures = [threads.submit(work, item) for item in items]
        try:
            for future in as_completed(futures):
                future.result()
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)  # the block waits for what has begun
            raise
