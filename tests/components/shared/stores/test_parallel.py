from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from components.shared.stores._parallel import MAX_PARTS, PART_BYTES, part_bytes

LARGEST = 5 * 2**40  # that S3 and Cloud Storage take


@given(st.integers(1, LARGEST))
def test_no_file_needs_more_parts_than_stores_take(size: int) -> None:
    assert -(-size // part_bytes(size)) <= MAX_PARTS


def test_parts_grow_only_where_they_have_to() -> None:
    assert part_bytes(PART_BYTES * MAX_PARTS) == PART_BYTES
    assert part_bytes(PART_BYTES * MAX_PARTS + 1) == PART_BYTES + 2**20
