"""Scores without a model: a number derived from the text, for tests and for trying a pipeline out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from components.shared.scoring import K, Score, Text, too_long


class ScriptedScorer:
    """Gives each text a number from 0 to 1 that looks random and is always the same; its tokens are words."""

    arithmetic = ""

    def __init__(self, max_tokens: int) -> None:
        self._max_tokens = max_tokens or 1_000_000

    def score(self, texts: Iterable[Text[K]]) -> Iterator[Score[K]]:
        """Yield one score for each text, in order."""
        for text in texts:
            words = str(text.text)
            num_tokens = len(words.split())
            if num_tokens > self._max_tokens:
                yield too_long(text.key, num_tokens, self._max_tokens)
            else:
                yield Score(key=text.key, num_tokens=num_tokens, value=scripted_value(words))

    def close(self) -> None:
        """Do nothing: there is nothing to release."""


def scripted_value(text: str) -> float:
    """Return the text's number: 0 up to and without 1."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") / 2**32
