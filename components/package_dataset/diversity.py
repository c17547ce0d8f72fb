"""How different the questions of a dataset are, in two figures: a generator that repeats itself shows in both.

Of a sample of questions, the Vendi score (Friedman and Dieng 2023) is the effective number of different ones: 1 if all
are alike, as many as there are if none shares a word with another. What two questions have in common is counted in
hashed words and pairs of words, without names and numbers, so that a template counts once however it is filled.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from components.shared.texts.likeness import ALIKE, features_of

SAMPLE = 1000  # questions: their similarities take 8 MB, and less than two seconds


@dataclass(frozen=True, kw_only=True)
class Diversity:
    """How different the questions of a sample are."""

    num_sampled: int  # of the sample
    vendi_score: float  # 1 to num_sampled
    largest_cluster: float  # the share of questions that are like one of them


@dataclass
class QuestionSample:
    """The questions with the smallest hashes: the same sample whatever the order of the rows."""

    _largest_first: list[tuple[int, str]] = field(default_factory=list)
    _known: set[int] = field(default_factory=set)

    def add(self, question: str) -> None:
        """Take a question into account; a repeated one counts once."""
        number = -int.from_bytes(hashlib.sha256(question.encode("utf-8", "surrogatepass")).digest()[:8])
        if number in self._known or (len(self._known) == SAMPLE and number < self._largest_first[0][0]):
            return
        self._known.add(number)
        if len(self._known) > SAMPLE:
            dropped, _ = heapq.heapreplace(self._largest_first, (number, question))
            self._known.discard(dropped)
        else:
            heapq.heappush(self._largest_first, (number, question))

    def diversity(self) -> Diversity | None:
        """Return the figures; None for fewer than two questions."""
        questions = [question for _, question in sorted(self._largest_first)]
        return diversity_of(questions) if len(questions) > 1 else None


def diversity_of(questions: Sequence[str]) -> Diversity:
    """Return the figures of two or more questions."""
    features = np.stack([features_of(question) for question in questions])
    alike = features @ features.T
    values = np.linalg.eigvalsh(alike / len(questions))
    values = values[values > 1e-12]  # what rounding leaves of 0
    entropy = -float(np.sum(values * np.log(values)))
    return Diversity(
        num_sampled=len(questions),
        vendi_score=round(float(np.exp(entropy)), 2),
        largest_cluster=round(float((alike >= ALIKE).mean(axis=1).max()), 4),
    )
