from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from components.shared.intervals import wilson_interval


@pytest.mark.parametrize(
    ("num_right", "low", "high"), [(0, 0.0, 0.037), (1, 0.002, 0.054), (50, 0.404, 0.596), (100, 0.963, 1.0)]
)
def test_the_interval_of_a_share_of_100_is_the_published_one(num_right: int, low: float, high: float) -> None:
    assert wilson_interval(num_right, 100) == pytest.approx((low, high), abs=0.0005)


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_is_scipys_and_holds_the_share(counts: tuple[int, int]) -> None:
    num_right, num_all = counts
    low, high = wilson_interval(num_right, num_all)
    expected = binomtest(num_right, num_all).proportion_ci(0.95, method="wilson")
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert 0 <= low <= num_right / num_all + 1e-12
    assert num_right / num_all - 1e-12 <= high <= 1
