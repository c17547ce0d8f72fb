from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from components.shared.intervals import interval_of_mean, wilson_interval


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


COUNTS = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(COUNTS, st.integers(1, 6))
def test_the_mean_of_equal_shares_is_surer_by_the_root_of_their_number(counts: tuple[int, int], number: int) -> None:
    centre = counts[0] / counts[1]
    (low, high), (one_low, one_high) = interval_of_mean([counts] * number), wilson_interval(*counts)
    assert centre - low == pytest.approx((centre - one_low) / number**0.5)
    assert high - centre == pytest.approx((one_high - centre) / number**0.5)


@given(st.lists(COUNTS, min_size=1, max_size=5))
def test_a_mean_of_shares_has_an_interval_of_some_width_within_0_and_1(shares: list[tuple[int, int]]) -> None:
    low, high = interval_of_mean(shares)
    assert -1e-12 <= low < high <= 1 + 1e-12
    assert low - 1e-12 <= sum(right / number for right, number in shares) / len(shares) <= high + 1e-12
