"""How a transfer is split into requests that run at the same time: its files over threads, a large file into parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

THREADS = 8  # requests to a store at the same time: what saturates a node's network without tuning
PART_BYTES = 16 * 2**20  # of an upload; eight parts at a time are little memory, and smaller files go in one request
MAX_PARTS = 10_000  # S3 and Cloud Storage take no more
_MIB = 2**20

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


def part_bytes(size: int) -> int:
    """Return the size of the parts of a file of ``size`` bytes: PART_BYTES up to 156 GiB, whole MiB beyond."""
    return max(PART_BYTES, -(-size // (MAX_PARTS * _MIB)) * _MIB)
