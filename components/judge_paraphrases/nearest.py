"""The questions of benchmarks that share most of their words with a text; rare words count more."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from itertools import chain

from components.shared.records import Question
from components.shared.texts.leaks import Content, content_of
from components.shared.texts.wording import wording_of


class Nearest:
    """An index of questions by their words and numbers."""

    def __init__(self, questions: Sequence[Question], *, num_nearest: int, min_similarity: float) -> None:
        self._questions = questions
        self._num_nearest = num_nearest
        self._min_similarity = min_similarity
        self._rows: defaultdict[str, list[int]] = defaultdict(list)
        for number, row in enumerate(questions):
            for word in _words(content_of(wording_of(row.question))):
                self._rows[word].append(number)
        self._weights = {word: math.log(1 + len(questions) / len(rows)) for word, rows in self._rows.items()}

    def of(self, question: str) -> list[Question]:
        """Return the nearest ones, the nearest first; none if even that shares too little."""
        words = _words(content_of(wording_of(question)))
        shared: defaultdict[int, float] = defaultdict(float)
        for word in sorted(words & self._rows.keys()):
            for number in self._rows[word]:
                shared[number] += self._weights[word]
        rarest = math.log(1 + len(self._questions))  # of a word that no benchmark has
        whole = sum(self._weights.get(word, rarest) for word in words)
        best = sorted(shared.items(), key=lambda item: (-item[1], item[0]))[: self._num_nearest]
        return [self._questions[number] for number, weight in best if weight >= self._min_similarity * whole]


def _words(content: Content) -> frozenset[str]:
    return frozenset(chain(content.words, content.formulas, content.numbers))
