from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from components.shared.evenly import evenly


@given(st.integers(0, 300), st.integers(1, 40))
def test_so_many_are_taken_in_their_order_and_no_gap_is_twice_another(length: int, number: int) -> None:
    taken = evenly(range(length), number)
    assert len(taken) == min(length, number)
    assert taken[:1] == [0][:length]
    gaps = [after - before for before, after in zip(taken, [*taken[1:], length], strict=True)] if taken else []
    assert all(gap >= 1 for gap in gaps)
    assert max(gaps, default=0) - min(gaps, default=0) <= 1
