from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.evaluate.measures import figures_of, majority_of, pass_at_k, sizes_of_pass


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
