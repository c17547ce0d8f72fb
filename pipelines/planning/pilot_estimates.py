"""What a pilot says of the whole run: shares, totals and means, each with its 90 % interval.

The pilot's questions are a sample of the whole run's, and part of it: the interval is for what the whole run will make,
and has no width where the pilot is the whole. Questions are what is drawn, so all that follows from one question (its
responses, their tokens) is summed up before anything is said of its spread.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from components.shared.intervals import wilson_interval

LEVEL = 0.9
Z = NormalDist().inv_cdf((1 + LEVEL) / 2)


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """A figure of the whole run: what is expected, and from where to where it may be."""

    value: float
    low: float
    high: float

    def times(self, number: float) -> Estimate:
        """Return it so many times."""
        return Estimate(value=self.value * number, low=self.low * number, high=self.high * number)

    def product(self, other: Estimate) -> Estimate:
        """Return the product, from both at their lowest to both at their highest."""
        return Estimate(value=self.value * other.value, low=self.low * other.low, high=self.high * other.high)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """How many questions the pilot wrote, and how many the whole run will."""

    num_pilot: int
    num_whole: int

    @property
    def factor(self) -> float:
        """How many times the pilot the whole run is."""
        return self.num_whole / self.num_pilot

    @property
    def unseen(self) -> float:
        """The share of the whole run's questions that the pilot does not have."""
        return 1 - self.num_pilot / self.num_whole


def share_of(kept: Sequence[float], given: Sequence[float], sample: Sample) -> Estimate:
    """Return which share of what a stage is given it keeps; one entry a question, of those that reach the stage.

    Wilson's interval. Where a question has several rows, which share its fate, it counts as many as the spread over the
    questions says.
    """
    share, total = sum(kept) / sum(given), sum(given)
    squares = sum((k - share * g) ** 2 for k, g in zip(kept, given, strict=True))
    number = share * (1 - share) * total**2 / squares if squares else len(given)
    seen = number / sample.unseen if sample.unseen else math.inf
    if math.isinf(seen):
        return Estimate(value=share, low=share, high=share)
    low, high = wilson_interval(share * seen, seen, LEVEL)
    return Estimate(value=share, low=low, high=high)


def mean_of(values: Sequence[float], sample: Sample) -> Estimate:
    """Return the mean over the whole run's rows; one value a row of the pilot's."""
    mean = sum(values) / len(values)
    half = Z * _spread(values) * math.sqrt(sample.unseen / len(values))
    return Estimate(value=mean, low=mean - half, high=mean + half)


def total_of(values: Sequence[float], sample: Sample, fewer: Estimate) -> Estimate:
    """Return the total over the whole run of what each question of the pilot came to; 0 for those that came to nothing.

    ``fewer``: how much less of it there is in the whole run for each question, because more of them are duplicates.
    """
    filled = [*values, *[0.0] * (sample.num_pilot - len(values))]
    total = sum(values) * sample.factor
    half = Z * _spread(filled) * math.sqrt(sample.unseen / sample.num_pilot) * sample.num_whole
    low = max((total - half) * fewer.low, sum(values))  # what the pilot has is there
    return Estimate(value=max(total * fewer.value, sum(values)), low=low, high=(total + half) * fewer.high)


def fewer_distinct(groups: Sequence[int], factor: float) -> Estimate:
    """Return by how much the share of distinct questions falls where there are ``factor`` times as many of them.

    ``groups``: how often each distinct question was written. At best the share stays (1.0). Expected is what questions
    that were written once and twice say of those not yet seen (Chao and others 2014, Ecological Monographs 84); at
    least, what they would say if the pilot was lucky, and as few were written twice as chance allows (95 %).
    """
    number, counts = sum(groups), Counter(groups)

    def share_with(num_pairs: float) -> float:
        unseen = counts[1] * (counts[1] - 1) / (2 * (num_pairs + 1))
        if not unseen:
            return len(groups) / (number * factor)
        more = number * (factor - 1)
        found = unseen * -math.expm1(more * math.log1p(-counts[1] / (number * unseen + counts[1])))
        return (len(groups) + found) / (number * factor)

    now = len(groups) / number
    value, low = (min(1.0, share_with(pairs) / now) for pairs in (counts[2], most_pairs(counts[2])))
    return Estimate(value=value, low=low, high=1.0)


def most_pairs(seen: int) -> float:
    """Return how many of what was seen so often may be expected at most (95 %; Wilson and Hilferty 1931)."""
    number = seen + 1
    return float(number * (1 - 1 / (9 * number) + Z / (3 * math.sqrt(number))) ** 3)


def _spread(values: Sequence[float]) -> float:
    """Return the standard deviation."""
    mean = sum(values) / len(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / max(1, len(values) - 1))
