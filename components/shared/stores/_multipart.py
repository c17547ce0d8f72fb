"""How a large file is cut for an upload by parts."""

from __future__ import annotations

PART_BYTES = 16 * 2**20  # eight at a time are little memory; smaller files go in one request
MAX_PARTS = 10_000  # S3 and Cloud Storage take no more
_MIB = 2**20


def part_bytes(size: int) -> int:
    """Return the size of the parts of a file of ``size`` bytes: the usual one up to 156 GiB, whole MiB beyond."""
    return max(PART_BYTES, -(-size // (MAX_PARTS * _MIB)) * _MIB)
