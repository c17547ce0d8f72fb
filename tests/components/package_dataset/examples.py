"""Rows of a dataset for tests of its forms."""

from __future__ import annotations

import dataclasses
from typing import Any

from components.shared.publishing.tiers import tier_of
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
    row = dataclasses.replace(base, **values)
    return dataclasses.replace(row, tier=tier_of(row, is_right=row.final_answer == row.answer))
