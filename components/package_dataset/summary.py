"""What the card and the report say about the rows, gathered in one pass over them."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field

from components.package_dataset.tiers import rank_of
from components.shared.records import Example

NUM_BINS = 10
SAMPLES_PER_SOURCE = 2
MAX_SAMPLES = 6
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


@dataclass(kw_only=True)
class Summary:
    """Counts and samples of a dataset; numbers only are held for each row."""

    num_rows: int = 0
    num_tokens: int = 0
    sources: Counter[str] = field(default_factory=Counter)
    agreement: Counter[str] = field(default_factory=Counter)
    tiers: Counter[str] = field(default_factory=Counter)
    samples: list[Example] = field(default_factory=list)
    _rewards: array[float] = field(default_factory=lambda: array("d"))
    _difficulties: array[float] = field(default_factory=lambda: array("d"))

    def add(self, row: Example) -> None:
        """Take a row into account."""
        if self.sources[row.source] < SAMPLES_PER_SOURCE and len(self.samples) < MAX_SAMPLES:
            self.samples.append(row)
        self.num_rows += 1
        self.num_tokens += row.num_tokens
        self.sources[row.source] += 1
        self.tiers[row.tier] += 1
        if row.num_agreeing is not None and row.num_candidates is not None:
            self.agreement[f"{row.num_agreeing} of {row.num_candidates}"] += 1
        if row.reward is not None:
            self._rewards.append(row.reward)
        if row.difficulty is not None:
            self._difficulties.append(row.difficulty)

    @property
    def rewards(self) -> list[Bar]:
        """The histogram of rewards."""
        return histogram(self._rewards)

    @property
    def difficulties(self) -> list[Bar]:
        """The histogram of difficulties (predicted fail rates)."""
        return histogram(self._difficulties)

    @property
    def agreements(self) -> list[Bar]:
        """How often so many of so many responses to a question agreed with the one that was chosen."""
        return _bars({label: self.agreement[label] for label in sorted(self.agreement, key=_numbers)})

    @property
    def by_tier(self) -> list[Bar]:
        """Rows by how their answer is known, the best known first."""
        return _bars({tier: self.tiers[tier] for tier in sorted(self.tiers, key=rank_of)})

    @property
    def by_source(self) -> list[Bar]:
        """Rows by source, the largest first."""
        return _bars(dict(sorted(self.sources.items(), key=lambda item: (-item[1], item[0]))))


def histogram(values: array[float]) -> list[Bar]:
    """Count values in ten bins of equal width from the least to the greatest; one bin where all are equal."""
    if not values:
        return []
    low, high = min(values), max(values)
    if low == high:
        return _bars({f"{low:.3g}": len(values)})
    width = (high - low) / NUM_BINS
    counts = Counter(min(int((value - low) / width), NUM_BINS - 1) for value in values)
    edges = [low + width * number for number in range(NUM_BINS + 1)]
    return _bars({f"{edges[n]:.3g} to {edges[n + 1]:.3g}": counts[n] for n in range(NUM_BINS)})


def _bars(counts: dict[str, int]) -> list[Bar]:
    longest = max(counts.values(), default=1)
    return [Bar(label=label, rows=rows, share=rows / longest) for label, rows in counts.items()]


def _numbers(label: str) -> tuple[int, int]:
    agreeing, candidates = label.split(" of ")
    return int(candidates), int(agreeing)
