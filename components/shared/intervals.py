"""How sure a share is."""

from __future__ import annotations

import math
from statistics import NormalDist

Z95 = NormalDist().inv_cdf(0.975)


def wilson_interval(num_right: float, num_all: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927)."""
    share, z2 = num_right / num_all, Z95**2
    centre = share + z2 / (2 * num_all)
    half = Z95 * math.sqrt(share * (1 - share) / num_all + z2 / (4 * num_all**2))
    low, high = ((centre + side * half) / (1 + z2 / num_all) for side in (-1, 1))
    return max(0.0, low), min(1.0, high)
