from __future__ import annotations

import math
import random

import pytest

from components.shared.sequential_test import log_evidence

LIMIT = -math.log(1e-4)


def looks(values: list[float], bound: float, *, above: bool) -> int:
    """Return after how many values the evidence first reaches the limit; 0 if it never does."""
    total = 0.0
    for number, value in enumerate(values, start=1):
        total += value
        if log_evidence(total, number, bound, above=above) >= LIMIT:
            return number
    return 0


@pytest.mark.parametrize(("bound", "above", "value", "most"), [(0.5, True, 1.0, 25), (0.3, False, 0.0, 45)])
def test_a_collapse_is_sure_after_a_few_values(bound: float, above: bool, value: float, most: int) -> None:
    assert 0 < looks([value] * 200, bound, above=above) <= most


def test_a_mean_at_its_very_bound_is_hardly_ever_taken_for_one_beyond_it() -> None:
    draws = random.Random(0)
    alarms = 0
    for _ in range(200):
        alarms += looks([float(draws.random() < 0.3) for _ in range(500)], 0.3, above=True) > 0
        alarms += looks([draws.betavariate(2, 2) for _ in range(500)], 0.5, above=False) > 0
    assert alarms == 0  # at most one in 10,000


def test_a_mean_a_little_beyond_its_bound_is_found_in_time() -> None:
    draws = random.Random(1)
    assert all(0 < looks([draws.random() < 0.45 for _ in range(2000)], 0.3, above=True) < 600 for _ in range(20))


def test_both_sides_are_alike() -> None:
    assert math.isclose(log_evidence(80, 100, 0.6, above=True), log_evidence(20, 100, 0.4, above=False))


def test_values_within_the_bound_are_no_evidence() -> None:
    assert log_evidence(30, 100, 0.5, above=True) < 0
    assert log_evidence(0, 100, 0.5, above=True) < 0
    assert log_evidence(100, 100, 0.5, above=False) < 0
