"""Operations in words on two plain numbers as signs: "the product of 12 and 15", "multiply 12 by 15" are 12 * 15."""

from __future__ import annotations

import re
from collections.abc import Callable

_NUMBER = r"(\d[\d.]*|[b-hj-z])(?!\S)"
_NAMES = {"sum": "+", "product": "*", "difference": "-", "quotient": "/"}
_COMMANDS = {"add": "+", "multiply": "*", "divide": "/"}
_NAMED = re.compile(
    rf"\b(?:the )?({'|'.join(_NAMES)}) (?:of|between) {_NUMBER} and {_NUMBER}(?! (?:[-+*/^,]|and\b|\d))"
)
_COMMANDED = re.compile(rf"^({'|'.join(_COMMANDS)}) {_NUMBER} (?:by|and|to|with) {_NUMBER}(?! [-+*/^,])")
_SUBTRACTED = re.compile(rf"^subtract {_NUMBER} from {_NUMBER}(?! [-+*/^,])")
_SPOKEN = re.compile(rf"{_NUMBER} (minus|divided by) {_NUMBER}")
_OPERATIONS = frozenset((*_NAMES, *_COMMANDS, "subtract", "minus", "divided"))

_RULES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (_NAMED, lambda found: f"{found[2]} {_NAMES[found[1]]} {found[3]}"),
    (_COMMANDED, lambda found: f"find {found[2]} {_COMMANDS[found[1]]} {found[3]}"),
    (_SUBTRACTED, lambda found: f"find {found[2]} - {found[1]}"),
    (_SPOKEN, lambda found: f"{found[1]} {'-' if found[2] == 'minus' else '/'} {found[3]}"),
)


def with_signs(words: list[str]) -> list[str]:
    """Return the words of a sentence with signs for its operations."""
    if _OPERATIONS.isdisjoint(words):
        return words
    sentence = " ".join(words)
    for pattern, rule in _RULES:
        sentence = pattern.sub(rule, sentence)
    return sentence.split()
