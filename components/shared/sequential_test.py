"""How sure it is that a mean lies beyond a bound, looked at again after every few values.

The evidence is a likelihood ratio, as in Wald's sequential test (1945), of the values under a mean beyond the bound and
under the bound itself, averaged over means on a grid (Robbins 1970). While the true mean keeps the bound, its
expectation never exceeds 1, so that it ever reaches 1/a with a probability of at most a, however often one looks (Ville
1939). It holds for values anywhere from 0 to 1, not for shares alone (Waudby-Smith and Ramdas 2024), for any order of
the values, and needs their sum and number only.
"""

from __future__ import annotations

import math

GRID = 32  # means beyond the bound


def log_evidence(total: float, number: float, bound: float, *, above: bool) -> float:
    """Return the logarithm of the evidence that the mean of values from 0 to 1 is above a bound, or else below it.

    ``total``: their sum; ``bound``: between 0 and 1, exclusively.
    """
    if not above:
        total, bound = number - total, 1 - bound
    missing = number - total
    ratios = [
        total * math.log(mean / bound) + (missing * math.log((1 - mean) / (1 - bound)) if missing > 0 else 0.0)
        for mean in (bound + (1 - bound) * step / GRID for step in range(1, GRID + (missing <= 0)))
    ]
    most = max(ratios)
    return most + math.log(sum(math.exp(ratio - most) for ratio in ratios) / GRID)
