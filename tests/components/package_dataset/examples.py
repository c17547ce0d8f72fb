"""Rows of a dataset for tests of its forms."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from components.shared.records import Example


def example(number: int, **values: Any) -> Example:
    base = Example(
        id=f"q{number}-0",
        question=f"What is {number} + {number}?",
        response=rf"Twice {number} is \boxed{{{2 * number}}}.",
        final_answer=str(2 * number),
        answer="",
        source="qwen2-math",
        difficulty=0.25,
        reward=1.0,
        num_agreeing=3,
        num_candidates=4,
        num_tokens=9,
    )
    return dataclasses.replace(base, **values)


def equal_texts(pairs: Iterable[tuple[str, str]]) -> list[bool]:
    return [known == answer for known, answer in pairs]
