"""What a page and a card say of rows, gathered in one pass over them, or over some of them."""

from __future__ import annotations

import dataclasses
import hashlib
from array import array
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from components.shared.publishing.histogram import Bar, bars_of, histogram
from components.shared.publishing.tiers import rank_of
from components.shared.records import Row


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownRow:
    """A question, with what is known of it and of its response; of any kind of row."""

    id: str
    question: str
    response: str = ""
    final_answer: str = ""
    answer: str = ""
    source: str = ""
    difficulty: float | None = None
    reward: float | None = None
    num_agreeing: int | None = None
    num_candidates: int | None = None
    num_tokens: int = 0
    tier: str = ""


_NAMES = tuple(each.name for each in dataclasses.fields(ShownRow))


def shown(row: Row) -> ShownRow:
    """Return what is shown of a row that has a question."""
    return ShownRow(**{name: getattr(row, name) for name in _NAMES if hasattr(row, name)})


@dataclass(kw_only=True)
class RowFigures:
    """Counts of rows; numbers only are held for each row."""

    num_rows: int = 0
    num_tokens: int = 0
    num_without_response: int = 0
    num_agreed: int = 0  # rows whose final answer at least one other response gives
    sources: Counter[str] = field(default_factory=Counter)
    agreement: Counter[tuple[int, int]] = field(default_factory=Counter)  # (candidates, those that agree)
    tiers: Counter[str] = field(default_factory=Counter)
    reward_values: array[float] = field(default_factory=lambda: array("d"))
    difficulty_values: array[float] = field(default_factory=lambda: array("d"))
    pairs: tuple[array[float], array[float]] = field(default_factory=lambda: (array("d"), array("d")))
    question_lengths: array[float] = field(default_factory=lambda: array("d"))  # characters
    response_lengths: array[float] = field(default_factory=lambda: array("d"))  # tokens
    _hashes: array[int] = field(default_factory=lambda: array("Q"))  # of questions

    def add(self, row: ShownRow) -> None:
        """Take a row into account."""
        self.num_rows += 1
        self.num_tokens += row.num_tokens
        self.sources[row.source] += 1
        if row.tier:
            self.tiers[row.tier] += 1
        self.question_lengths.append(len(row.question))
        if row.response:
            self.response_lengths.append(row.num_tokens)
        else:
            self.num_without_response += 1
        if row.num_agreeing is not None and row.num_candidates is not None:
            self.agreement[row.num_candidates, row.num_agreeing] += 1
            self.num_agreed += row.num_agreeing >= 2
        if row.reward is not None:
            self.reward_values.append(row.reward)
        if row.difficulty is not None:
            self.difficulty_values.append(row.difficulty)
        if row.reward is not None and row.difficulty is not None:
            self.pairs[0].append(row.difficulty)
            self.pairs[1].append(row.reward)
        text = " ".join(row.question.casefold().split()).encode("utf-8", "surrogatepass")
        self._hashes.append(int.from_bytes(hashlib.blake2b(text, digest_size=8).digest()))

    @property
    def num_repeated(self) -> int:
        """How many rows repeat the question of an earlier one, case and spaces aside."""
        return len(self._hashes) - len(np.unique(np.frombuffer(self._hashes, np.uint64))) if self._hashes else 0

    @property
    def rewards(self) -> list[Bar]:
        """The histogram of rewards."""
        return histogram(self.reward_values)

    @property
    def difficulties(self) -> list[Bar]:
        """The histogram of difficulties (predicted fail rates)."""
        return histogram(self.difficulty_values)

    @property
    def agreements(self) -> list[Bar]:
        """How often so many of so many responses to a question agreed with the one that was chosen."""
        return bars_of({f"{same} of {number}": self.agreement[number, same] for number, same in sorted(self.agreement)})

    @property
    def by_tier(self) -> list[Bar]:
        """Rows by how their answer is known, the best known first."""
        return bars_of({tier: self.tiers[tier] for tier in sorted(self.tiers, key=rank_of)})

    @property
    def by_source(self) -> list[Bar]:
        """Rows by source, the largest first."""
        return bars_of(dict(sorted(self.sources.items(), key=lambda item: (-item[1], item[0]))))
