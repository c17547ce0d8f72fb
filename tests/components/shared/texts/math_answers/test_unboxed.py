from __future__ import annotations

import pytest

from components.shared.texts.math_answers.unboxed import unboxed_answer


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("The answer is 12.", "12"),
        ("The answer is 3. No: the answer is 4. It has 2 digits.", "4"),
        ("**Final answer:** $\\frac{1}{2}$", "$\\frac{1}{2}$"),
        ("The answer is:\n\n$$12$$", "$$12$$"),
        ("**Answer**: 5", "5"),
        ("The answer is 0.5.\nI checked 3 times.", "0.5"),
        ("So there are 3 - 5 = -2 of them.", "-2"),
        ("It costs $1,234.50, which is 2/3 of it", "2/3"),
        ("From 10-20 pears", "20"),
        ("Nobody can tell.", ""),
        ("", ""),
    ],
)
def test_the_last_answer_that_is_said_goes_before_the_last_number(reply: str, answer: str) -> None:
    assert unboxed_answer(reply) == answer
