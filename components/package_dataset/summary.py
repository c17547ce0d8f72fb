"""What the card and the report say about the rows, gathered in one pass over them."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field

from components.package_dataset.diversity import QuestionSample
from components.package_dataset.tiers import rank_of
from components.shared.publishing.histogram import Bar, bars_of, histogram
from components.shared.records import Example

SAMPLES_PER_SOURCE = 2
MAX_SAMPLES = 6


@dataclass(kw_only=True)
class Summary:
    """Counts and samples of a dataset; numbers only are held for each row."""

    num_rows: int = 0
    num_tokens: int = 0
    sources: Counter[str] = field(default_factory=Counter)
    agreement: Counter[str] = field(default_factory=Counter)
    tiers: Counter[str] = field(default_factory=Counter)
    samples: list[Example] = field(default_factory=list)
    questions: QuestionSample = field(default_factory=QuestionSample)
    _rewards: array[float] = field(default_factory=lambda: array("d"))
    _difficulties: array[float] = field(default_factory=lambda: array("d"))

    def add(self, row: Example) -> None:
        """Take a row into account."""
        if self.sources[row.source] < SAMPLES_PER_SOURCE and len(self.samples) < MAX_SAMPLES:
            self.samples.append(row)
        self.num_rows += 1
        self.questions.add(row.question)
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
        return bars_of({label: self.agreement[label] for label in sorted(self.agreement, key=_numbers)})

    @property
    def by_tier(self) -> list[Bar]:
        """Rows by how their answer is known, the best known first."""
        return bars_of({tier: self.tiers[tier] for tier in sorted(self.tiers, key=rank_of)})

    @property
    def by_source(self) -> list[Bar]:
        """Rows by source, the largest first."""
        return bars_of(dict(sorted(self.sources.items(), key=lambda item: (-item[1], item[0]))))


def _numbers(label: str) -> tuple[int, int]:
    agreeing, candidates = label.split(" of ")
    return int(candidates), int(agreeing)
