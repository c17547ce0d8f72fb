"""How sure a share is, and a mean of shares."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist, fmean

Z95 = NormalDist().inv_cdf(0.975)


def wilson_interval(num_right: float, num_all: float, level: float = 0.95) -> tuple[float, float]:
    """Return the interval of a share (Wilson 1927), which holds it at this level."""
    z = NormalDist().inv_cdf((1 + level) / 2)
    share, z2 = num_right / num_all, z**2
    centre = share + z2 / (2 * num_all)
    half = z * math.sqrt(share * (1 - share) / num_all + z2 / (4 * num_all**2))
    low, high = ((centre + side * half) / (1 + z2 / num_all) for side in (-1, 1))
    return max(0.0, low), min(1.0, high)


def interval_of_mean(shares: Sequence[tuple[float, int]]) -> tuple[float, float]:
    """Return the 95 % interval of the plain mean of independent shares, from Wilson's of each (Zou and Donner 2008).

    ``shares``: of each, how many are right, and of how many. Unlike one from draws, it has a width where all are right.
    """
    centres = [num_right / num_all for num_right, num_all in shares]
    intervals = [wilson_interval(num_right, num_all) for num_right, num_all in shares]
    halves = (
        [abs(end - centre) for end, centre in zip(ends, centres, strict=True)] for ends in zip(*intervals, strict=True)
    )
    below, above = (math.hypot(*each) / len(shares) for each in halves)
    return fmean(centres) - below, fmean(centres) + above
