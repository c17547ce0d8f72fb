from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import pytest

from pipelines.planning.pilot_estimates import Estimate, Sample, fewer_distinct, mean_of, share_of, total_of

CERTAIN = Estimate(value=1.0, low=1.0, high=1.0)
RUNS = 300


def held(estimate: Callable[[random.Random], tuple[Estimate, float]]) -> float:
    """Return in which share of many draws the interval holds the truth."""
    draws = [estimate(random.Random(seed)) for seed in range(RUNS)]
    return sum(each.low <= truth <= each.high for each, truth in draws) / RUNS


def questions(draw: random.Random, number: int) -> list[int]:
    """Draw how many responses each of some questions has: none where it was rejected."""
    return [draw.choice([0, 0, 1, 3, 5]) for _ in range(number)]


@pytest.mark.parametrize("num_whole", [110, 400, 4000])
def test_the_total_over_the_whole_run_lies_in_its_interval_in_nine_of_ten_runs(num_whole: int) -> None:
    def drawn(draw: random.Random) -> tuple[Estimate, float]:
        whole = questions(draw, num_whole)
        pilot = [float(number) for number in whole[:100] if number]
        return total_of(pilot, Sample(num_pilot=100, num_whole=num_whole), CERTAIN), sum(whole)

    assert 0.86 <= held(drawn) <= 0.95


@pytest.mark.parametrize("num_whole", [200, 1000])
def test_a_share_of_rows_that_come_in_groups_lies_in_its_interval_in_nine_of_ten_runs(num_whole: int) -> None:
    """Five responses to a question share its fate: as if they were independent, the interval held in 6 of 10 runs."""

    def drawn(draw: random.Random) -> tuple[Estimate, float]:
        easy = [draw.betavariate(0.5, 0.5) for _ in range(num_whole)]
        kept = [sum(draw.random() < share for _ in range(5)) for share in easy]
        seen = share_of(list(map(float, kept[:100])), [5.0] * 100, Sample(num_pilot=100, num_whole=num_whole))
        return seen, sum(kept) / (5 * num_whole)

    assert 0.86 <= held(drawn) <= 0.95


def test_a_mean_lies_in_its_interval_in_nine_of_ten_runs() -> None:
    def drawn(draw: random.Random) -> tuple[Estimate, float]:
        whole = [draw.gauss(0.5, 2.0) for _ in range(500)]
        return mean_of(whole[:100], Sample(num_pilot=100, num_whole=500)), sum(whole) / 500

    assert 0.86 <= held(drawn) <= 0.95


@pytest.mark.parametrize("factor", [3, 20, 80])
@pytest.mark.parametrize("skewed", [0.0, 1.0])
def test_the_share_of_distinct_questions_is_missed_on_neither_side(factor: int, skewed: float) -> None:
    """Some questions are written again and again, others hardly ever; the bound holds in 9 of 10 runs and more."""

    def drawn(draw: random.Random) -> tuple[Estimate, float]:
        whole = [int(20_000 * draw.random() ** (1 + skewed)) for _ in range(200 * factor)]
        shares = [len(set(whole[:number])) / number for number in (200, len(whole))]
        seen = fewer_distinct(list(Counter(whole[:200]).values()), factor)
        return seen, shares[1] / shares[0]

    draws = [drawn(random.Random(seed)) for seed in range(100)]
    assert sum(each.low <= truth <= each.high + 0.02 for each, truth in draws) >= 90


def test_figures_of_a_pilot_that_is_the_whole_run_are_certain() -> None:
    all_of_it = Sample(num_pilot=4, num_whole=4)
    assert total_of([1.0, 2.0], all_of_it, CERTAIN) == Estimate(value=3.0, low=3.0, high=3.0)
    assert share_of([1.0, 0.0], [1.0, 1.0], all_of_it) == Estimate(value=0.5, low=0.5, high=0.5)
    assert mean_of([1.0, 3.0], all_of_it) == Estimate(value=2.0, low=2.0, high=2.0)
    assert fewer_distinct([1, 1, 2], 1.0) == CERTAIN


def test_a_total_is_never_below_what_the_pilot_has_already() -> None:
    seen = total_of([50.0], Sample(num_pilot=100, num_whole=102), Estimate(value=0.9, low=0.5, high=1.0))
    assert seen.low == 50.0
    assert seen.value >= 50.0


@pytest.mark.parametrize("kept", [0.0, 1.0])
def test_a_share_of_which_nothing_or_all_was_kept_is_not_certain(kept: float) -> None:
    seen = share_of([kept] * 20, [1.0] * 20, Sample(num_pilot=20, num_whole=1000))
    assert 0.05 < seen.high - seen.low < 0.2
