"""Values counted in bins, as bars of a card or a page."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

NUM_BINS = 10
BAR_WIDTH = 24  # characters


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


def bars_of(counts: Mapping[str, int]) -> list[Bar]:
    """Return a bar for each count, in their order."""
    longest = max(counts.values(), default=1)
    return [Bar(label=label, rows=rows, share=rows / longest) for label, rows in counts.items()]


def histogram(values: array[float]) -> list[Bar]:
    """Count values in ten bins of equal width from the least to the greatest; one bin where all are equal."""
    if not values:
        return []
    low, high = min(values), max(values)
    if low == high:
        return bars_of({f"{low:.3g}": len(values)})
    width = (high - low) / NUM_BINS
    counts = Counter(min(int((value - low) / width), NUM_BINS - 1) for value in values)
    edges = [low + width * number for number in range(NUM_BINS + 1)]
    return bars_of({f"{edges[n]:.3g} to {edges[n + 1]:.3g}": counts[n] for n in range(NUM_BINS)})
