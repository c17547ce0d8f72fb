"""Values counted in bins with round edges, as bars of a card or a page."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

NUM_BINS = 10  # at most two more, so that the edges are round
BAR_WIDTH = 24  # characters
_ROUND = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One line of a histogram."""

    label: str
    rows: int
    share: float  # of the longest bar, 0 to 1

    @property
    def text(self) -> str:
        """The bar as text."""
        return "█" * round(self.share * BAR_WIDTH)


@dataclass(frozen=True, kw_only=True)
class Bins:
    """Values by bins of equal width: ``counts[n]`` of them lie from ``edges[n]`` to ``edges[n + 1]``."""

    edges: Sequence[float]  # one more than counts; the same twice where all values are equal
    counts: Sequence[int]

    def number_of(self, value: float) -> int:
        """Return the bin of a value."""
        width = self.edges[1] - self.edges[0]
        return min(int((value - self.edges[0]) / width), len(self.counts) - 1) if width else 0

    def label(self, number: int) -> str:
        """Return a bin in words."""
        low, high = self.edges[number], self.edges[number + 1]
        return f"{low:.3g}" if low == high else f"{low:.6g} to {high:.6g}"


def bars_of(counts: Mapping[str, int]) -> list[Bar]:
    """Return a bar for each count, in their order."""
    longest = max(counts.values(), default=1)
    return [Bar(label=label, rows=rows, share=rows / longest) for label, rows in counts.items()]


def bins_of(values: array[float]) -> Bins:
    """Count values in about ten bins with round edges; one bin where all are equal, none without values."""
    if not values:
        return Bins(edges=(), counts=())
    low, high = min(values), max(values)
    if low == high:
        return Bins(edges=(low, high), counts=(len(values),))
    width = round_step((high - low) / NUM_BINS)
    first, last = math.floor(low / width + 1e-9), math.ceil(high / width - 1e-9)
    bins = Bins(edges=[round(width * n, 12) for n in range(first, last + 1)], counts=[0] * (last - first))
    counts = Counter(map(bins.number_of, values))
    return Bins(edges=bins.edges, counts=[counts[number] for number in range(last - first)])


def histogram(values: array[float]) -> list[Bar]:
    """Return the bins of values as bars."""
    bins = bins_of(values)
    return bars_of({bins.label(number): count for number, count in enumerate(bins.counts)})


def round_step(least: float) -> float:
    """Return the smallest of 1, 2, 2.5 and 5 times a power of ten that is not below ``least``."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * factor for factor in _ROUND if power * factor >= least * (1 - 1e-9))
