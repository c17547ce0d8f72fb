from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from components.compare_solvers.differences import Difference, difference, exact_mcnemar, holm, interval_of

SHARES = st.sampled_from([0.0, 0.25, 0.5, 1.0])
CLUSTERS = st.sampled_from([b"a", b"b", b"c"])


def changes(gained: int, lost: int, same: int) -> Difference:
    """Return the difference where every question is one of its own."""
    kinds = [(0.0, 1.0)] * gained + [(1.0, 0.0)] * lost + [(1.0, 1.0)] * same
    return difference([(str(number).encode(), *kind) for number, kind in enumerate(kinds)], "test")


@given(st.integers(0, 60), st.integers(0, 60), st.integers(1, 60))
def test_the_error_of_one_sample_a_question_is_the_published_one(gained: int, lost: int, same: int) -> None:
    found, number = changes(gained, lost, same), gained + lost + same
    assert found.num_questions == number
    assert (found.num_gained, found.num_lost) == (gained, lost)
    assert found.estimate == pytest.approx((gained - lost) / number)
    assert found.error == pytest.approx(math.sqrt(gained + lost - (gained - lost) ** 2 / number) / number)


@given(st.lists(st.tuples(CLUSTERS, SHARES, SHARES), min_size=1, max_size=30))
def test_a_question_that_is_repeated_makes_nothing_surer(pairs: list[tuple[bytes, float, float]]) -> None:
    once, thrice = difference(pairs, "test"), difference(pairs * 3, "test")
    assert thrice.estimate == pytest.approx(once.estimate)
    assert thrice.error == pytest.approx(once.error)
    assert interval_of(thrice.draws) == pytest.approx(interval_of(once.draws))


@pytest.mark.parametrize(("gained", "lost", "same"), [(60, 30, 210), (12, 3, 85), (400, 300, 300)])
def test_the_draws_spread_as_the_error_says(gained: int, lost: int, same: int) -> None:
    found = changes(gained, lost, same)
    assert found.draws.mean() == pytest.approx(found.estimate, abs=found.error / 20)
    assert found.draws.std() == pytest.approx(found.error, rel=0.05)
    assert interval_of(found.draws) == pytest.approx(found.interval, abs=found.error / 5)


def test_the_same_names_give_the_same_draws() -> None:
    pairs = [(bytes([number]), 0.0, float(number % 3 == 0)) for number in range(50)]
    first, again, other = (difference(pairs, name).draws for name in ("math", "math", "gsm8k"))
    assert (first == again).all()
    assert (first != other).any()


@given(st.integers(0, 400), st.integers(0, 400))
def test_the_exact_test_is_scipys(gained: int, lost: int) -> None:
    expected = binomtest(gained, gained + lost).pvalue if gained + lost else 1.0
    assert exact_mcnemar(gained, lost) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("gained", "lost"), [(6, 0), (8, 1), (10, 2), (12, 3), (13, 4), (15, 5), (21, 9), (29, 15), (39, 22)]
)
def test_the_smallest_gains_that_are_no_luck_are_the_published_ones(gained: int, lost: int) -> None:
    assert exact_mcnemar(gained, lost) < 0.05
    assert exact_mcnemar(gained - 1, lost) >= 0.05


def test_many_changes_are_tested_too() -> None:
    assert exact_mcnemar(2600, 2400) == pytest.approx(binomtest(2600, 5000).pvalue, rel=1e-9)
    assert exact_mcnemar(5000, 0) == 0.0


@pytest.mark.parametrize(
    ("given_values", "corrected"),
    [
        ([], []),
        ([0.04], [0.04]),
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),  # Holm 1979's way, worked by hand
        ([0.6, 0.7], [1.0, 1.0]),
    ],
)
def test_several_tests_are_corrected(given_values: list[float], corrected: list[float]) -> None:
    assert holm(given_values) == pytest.approx(corrected)


@given(st.lists(st.floats(0, 1), max_size=12))
def test_a_correction_never_makes_surer_and_keeps_the_order(values: list[float]) -> None:
    corrected = holm(values)
    assert all(after >= before for before, after in zip(values, corrected, strict=True))
    ranked = sorted(zip(values, corrected, strict=True))
    assert [after for _, after in ranked] == sorted(after for _, after in ranked)
