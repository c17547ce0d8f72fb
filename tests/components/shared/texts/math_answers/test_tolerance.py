from __future__ import annotations

import pytest

from components.shared.texts.math_answers.tolerance import are_within


@pytest.mark.parametrize(
    ("known", "answer", "within"),
    [
        ("2.5", "2.6", True),  # exactly as far as it may be, which no binary number is
        ("2.5", r"\frac{12}{5}", True),
        ("$2.5$", "The answer is 2.45", True),
        ("2.5", "2.61", False),
        ("2.5", "-2.5", False),
        ("2.5", "x", False),
        ("(2.5, 3)", "(2.5, 3)", False),  # no plain number: compared by value alone
        ("2.5", "", False),
    ],
)
def test_numbers_may_be_as_far_apart_as_the_tolerance_says(known: str, answer: str, within: bool) -> None:
    assert are_within(0.1, known, answer) is within
    assert are_within(0.1, answer, known) is within
