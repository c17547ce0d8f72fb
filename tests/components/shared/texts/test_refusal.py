from __future__ import annotations

import pytest

from components.shared.texts.refusal import is_refusal


@pytest.mark.parametrize(
    "reply",
    [
        "I'm sorry, but I can't help with that.",
        "I am unable to answer this question.",
        "I cannot assist with that request.",
        "As an AI language model, I do not solve homework.",
        "Unfortunately, I won't be able to do this.",
        "**I apologize**, this is not possible.",
        "Sorry, but I cannot continue.",
    ],
)
def test_a_refusal_is_one(reply: str) -> None:
    assert is_refusal(reply)


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "First I add 3 and 4. The final answer is \\boxed{7}.",
        "I will solve this step by step.",
        "We cannot have x = 0, since it divides the other side. So x = 2.",
        "As an integer, x is at least 3.",
        "I can do this with a system of equations.",
        "Unfortunately the first number is odd, so 2 does not divide it.",
    ],
)
def test_a_solution_is_none(reply: str) -> None:
    assert not is_refusal(reply)
