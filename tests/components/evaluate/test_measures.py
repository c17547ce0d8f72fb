from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from components.evaluate.measures import figures_of, majority_of, pass_at_k, sizes_of_pass, wilson_interval


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


@given(st.lists(st.booleans(), min_size=1, max_size=8), st.data())
def test_pass_at_k_is_the_share_of_all_draws_of_k_samples_that_hold_a_right_one(
    samples: list[bool], data: st.DataObject
) -> None:
    k = data.draw(st.integers(1, len(samples)))
    draws = list(itertools.combinations(samples, k))
    expected = sum(map(any, draws)) / len(draws)
    assert pass_at_k(len(samples), samples.count(True), k) == pytest.approx(expected)


def test_pass_at_k_is_shown_for_powers_of_two_and_for_all_samples() -> None:
    assert [sizes_of_pass(n) for n in (1, 2, 3, 8, 10)] == [[], [2], [2, 3], [2, 4, 8], [2, 4, 8, 10]]


@pytest.mark.parametrize(
    ("votes", "share"),
    [
        ([], 0.0),
        ([(0, True), (0, True), (1, False)], 1.0),
        ([(0, True), (1, False), (1, False)], 0.0),
        ([(0, True), (1, False)], 0.5),
        ([(0, True), (1, False), (2, False)], 1 / 3),
    ],
)
def test_the_largest_group_decides_and_a_tie_counts_with_its_mean(votes: list[tuple[int, bool]], share: float) -> None:
    assert majority_of(votes) == pytest.approx(share)


def test_without_questions_there_is_no_accuracy() -> None:
    assert figures_of({"seconds": 1.0}, 1) == {"num_questions": 0}
