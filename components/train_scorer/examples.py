"""What a scorer learns from: texts with a number, and which questions are held out to measure it."""

from __future__ import annotations

import dataclasses
import heapq
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from components.shared.records import FailRate
from components.shared.seeds import derive_seed
from components.shared.templates import ChatTemplate
from components.shared.templates.marked_text import MarkedText


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """One text and the number that a scorer is to give it."""

    row: FailRate  # where it comes from; for a reward, with this one response only
    text: str | MarkedText
    number: float


def count_examples(rows: Iterable[FailRate], target: str) -> int:
    """Return how many examples the rows make: one for each question, or one for each response."""
    return sum(1 if target == "difficulty" else len(row.responses) for row in rows)


def examples_of(rows: Iterable[FailRate], template: ChatTemplate | None) -> Iterator[Example]:
    """Yield the examples: with a chat template each response (right 1, wrong 0), without it the question."""
    for row in rows:
        if template is None:
            yield Example(row=row, text=row.question, number=row.fail_rate)
            continue
        for response, correct in zip(row.responses, row.correct, strict=True):
            yield Example(
                row=dataclasses.replace(row, responses=(response,), correct=(correct,), thoughts=()),
                text=template.conversation(row.question, response),
                number=float(correct),
            )


class HeldOut:
    """The questions that are held out: a share of the different ones, at least one if any, drawn by hash."""

    def __init__(self, questions: Iterable[str], fraction: float, seed: int) -> None:
        self._seed = seed
        draws = {self._draw(question) for question in questions}
        # one question has to be left to train on
        num_held_out = min(math.ceil(fraction * len(draws)), len(draws) - 1)
        self._draws = frozenset(heapq.nsmallest(num_held_out, draws))

    def __contains__(self, question: str) -> bool:
        return self._draw(question) in self._draws

    def __len__(self) -> int:
        return len(self._draws)

    def _draw(self, question: str) -> int:
        return derive_seed(self._seed, "train_scorer", "held_out", question)


class Drawn:
    """The examples that take part: at most so many different ones, drawn by hash; 0: all of them."""

    def __init__(self, examples: Iterable[Example], max_examples: int, seed: int) -> None:
        self._seed = seed
        self._all = not max_examples
        draws = set() if self._all else {self._draw(example) for example in examples}
        self._draws = frozenset(heapq.nsmallest(max_examples, draws))

    def __contains__(self, example: Example) -> bool:
        return self._all or self._draw(example) in self._draws

    def _draw(self, example: Example) -> int:
        return derive_seed(self._seed, "train_scorer", "drawn", example.row.id, str(example.text))
