"""The difference between two models on the same questions, and how sure it is.

Questions with the same text are one cluster: they are right or wrong together, so they count as one draw. With one
sample a question and no repeated text, the error is the published one of paired shares.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from components.shared.intervals import Z95
from components.shared.seeds import derive_seed

NUM_DRAWS = 10_000
FEW_CHANGES = 30  # fewer verdicts than this that changed: the normal interval is not to be relied on

Draws = npt.NDArray[np.float64]
Values = Sequence[tuple[bytes, float]]  # of each question: its cluster and its value


@dataclass(frozen=True, kw_only=True)
class Difference:
    """After minus before."""

    num_questions: int
    num_gained: float  # right only after; of several samples, the shares of them
    num_lost: float  # right only before
    num_up: int  # clusters that are right more often after
    num_down: int
    estimate: float
    error: float
    draws: Draws  # what it would be on other draws of questions

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval by the error."""
        return self.estimate - Z95 * self.error, self.estimate + Z95 * self.error


def difference(pairs: Iterable[tuple[bytes, float, float]], *names: str) -> Difference:
    """Compare each question's share of right samples before and after; ``names`` decide the draws.

    ``pairs``: of each question its cluster, then the two shares.
    """
    values = [(cluster, after - before) for cluster, before, after in pairs]
    estimate = math.fsum(value for _, value in values) / len(values)
    sums = _by_cluster(values)
    # Rounded: of three samples, shares are no exact numbers, and what is left of their difference is no spread.
    spread = math.fsum(round(total - size * estimate, 9) ** 2 for total, size in sums)
    return Difference(
        num_questions=len(values),
        num_gained=math.fsum(max(value, 0.0) for _, value in values),
        num_lost=math.fsum(max(-value, 0.0) for _, value in values),
        num_up=sum(total > 0 for total, _ in sums),
        num_down=sum(total < 0 for total, _ in sums),
        estimate=estimate,
        error=math.sqrt(spread) / len(values),
        draws=_draw_means(sums, *names),
    )


def interval_of(draws: Draws) -> tuple[float, float]:
    """Return the middle 95 % of draws."""
    low, high = np.percentile(draws, (2.5, 97.5))
    return float(low), float(high)


def exact_mcnemar(num_gained: int, num_lost: int) -> float:
    """Return how likely luck alone divides the verdicts that changed this unevenly or more so, in either direction."""
    number = num_gained + num_lost
    ways = total = 1  # of at most ``step`` of the changes on the rarer side
    for step in range(min(num_gained, num_lost)):
        ways = ways * (number - step) // (step + 1)
        total += ways
    return min(1.0, float(Fraction(2 * total, 2**number)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for how many there are (Holm 1979), in their order."""
    corrected, highest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda place: p_values[place])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = highest
    return corrected


def _by_cluster(values: Values) -> list[tuple[float, int]]:
    """Return the sum of each cluster's values, and their number."""
    clusters: defaultdict[bytes, list[float]] = defaultdict(list)
    for cluster, value in values:
        clusters[cluster].append(value)
    return [(math.fsum(each), len(each)) for each in clusters.values()]


def _draw_means(sums: Sequence[tuple[float, int]], *names: str) -> Draws:
    """Return the mean of each of NUM_DRAWS draws of as many clusters as there are, with replacement."""
    kinds, counts = np.unique(np.array(sums), axis=0, return_counts=True)
    number = int(counts.sum())
    random = np.random.default_rng(derive_seed("compare_solvers", *names))
    totals: Draws = random.multinomial(number, counts / number, size=NUM_DRAWS) @ kinds
    means: Draws = totals[:, 0] / totals[:, 1]
    return means
