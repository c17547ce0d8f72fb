"""Answers that may be off by what a benchmark says of a question."""

from __future__ import annotations

from fractions import Fraction

from components.shared.texts.math_answers.normal import normalize_answer
from components.shared.texts.math_answers.numbers import number_of


def are_within(tolerance: float, answer: str, other: str) -> bool:
    """Tell whether two answers are plain numbers that are no further apart than ``tolerance``."""
    one, two = (number_of(normalize_answer(text)) for text in (answer, other))
    return one is not None and two is not None and abs(one.value - two.value) <= Fraction(str(tolerance))
