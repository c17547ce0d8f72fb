"""The rules by which a training row gives away a question of a benchmark, and the index that applies them.

The benchmark is indexed and the training rows pass by, so memory depends on the benchmark alone. Both texts are in
canonical form first (``canonical_tokens``): LaTeX, plain text and Unicode are spelt alike.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence

from components.find_contamination.config import NEAR_DUPLICATE, SIZES
from components.shared.texts.canonical import canonical_tokens
from components.shared.texts.ngrams import NgramIndex

# Two questions with the same numbers and formulas are near duplicates if they share this much of all their words: the
# most that two different stories of GSM8K with the same numbers share is 0.35 (README.md). With fewer than two numbers,
# numbers say little.
ALIKE, ALIKE_WITHOUT_NUMBERS = 0.4, 0.8


class Rules:
    """The questions of benchmarks that were added; they are numbered from 0 in the order in which they come."""

    def __init__(self) -> None:
        self._number = 0
        self._whole: defaultdict[bytes, list[int]] = defaultdict(list)
        self._runs = {rule: NgramIndex(size) for rule, size in SIZES.items()}
        self._alike: defaultdict[Sequence[str], list[tuple[int, frozenset[str]]]] = defaultdict(list)

    def add(self, question: str) -> list[str]:
        """Add a question; return the rules by which it is found as a whole text only: it is shorter than their runs."""
        tokens = _tokens(question)
        words = _words(tokens)
        self._whole[_digest(question, tokens)].append(self._number)
        for rule, size in SIZES.items():
            self._runs[rule].add(words if len(words) >= size else ())  # a shorter text is found as a whole only
        self._alike[_formulas(tokens)].append((self._number, _wording(tokens)))
        self._number += 1
        return [rule for rule, size in SIZES.items() if len(words) < size]

    def find(self, question: str) -> dict[int, list[str]]:
        """Return the questions of the benchmarks that a training row gives away, and the rules that say so."""
        tokens = _tokens(question)
        words = _words(tokens)
        same = self._whole.get(_digest(question, tokens), [])
        found: defaultdict[int, list[str]] = defaultdict(list)
        for rule, index in self._runs.items():
            places = index.find(words) if len(words) >= SIZES[rule] else []
            for number in sorted({*places, *same}):
                found[number].append(rule)
        for number in sorted({*self._near(tokens), *same}):
            found[number].append(NEAR_DUPLICATE)
        return found

    def _near(self, tokens: Sequence[str]) -> list[int]:
        formulas, wording = _formulas(tokens), _wording(tokens)
        least = ALIKE if sum(map(_is_number, formulas)) > 1 else ALIKE_WITHOUT_NUMBERS
        near = self._alike.get(formulas, [])
        return [number for number, other in near if len(wording & other) >= least * max(len(wording | other), 1)]


def _tokens(question: str) -> list[str]:
    """Return the canonical form; there the word "to" is the arrow that a formula may mean by it."""
    return ["to" if each == "->" else each for each in canonical_tokens(question)]


def _words(tokens: Sequence[str]) -> list[str]:
    """Return words, numbers and variables: what runs are made of."""
    return [token for token in tokens if token[:1].isalnum()]


def _wording(tokens: Sequence[str]) -> frozenset[str]:
    return frozenset(filter(_is_word, tokens))


def _formulas(tokens: Sequence[str]) -> tuple[str, ...]:
    """Return numbers, signs and variables in their order; numbers alone sorted: a story may name them in any order."""
    found = [token for token in tokens if not _is_word(token)]
    return tuple(found if any(not _is_number(token) for token in found) else sorted(found))


def _is_word(token: str) -> bool:
    return token.isalpha() and (len(token) > 1 or token in ("a", "i"))


def _is_number(token: str) -> bool:
    return token[:1].isdigit()


def _digest(question: str, tokens: Sequence[str]) -> bytes:
    """Return what two questions share whose canonical forms are the same; of a text without any, its characters."""
    text = "\0".join(tokens or question.split())
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
