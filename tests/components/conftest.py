"""What tests of several steps and of what they share need."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from components.shared.texts.math_answers import AnswerChecker


@pytest.fixture(scope="module")
def checker() -> Iterator[AnswerChecker]:
    """A checker that no busy machine lets run out of time."""
    with AnswerChecker(cpu_seconds=20.0) as checker:
        yield checker
