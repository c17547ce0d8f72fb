"""Operations in words on two plain numbers as signs: "the product of 12 and 15", "multiply 12 by 15" are 12 * 15.

Only where the operation is a whole question or side of an equation: "twice the sum of 3 and 5" is not 2 * 3 + 5.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_NUMBER = r"(\d+(?:\.\d+)?|[b-hj-z])(?!\S)"
# Of a sentence, or of the operation where only how to write its value follows.
_END = r"(?=$| (?:rounded|correct|expressed|written|in|as an?|to (?:the nearest|\d+ (?:decimal|significant)))(?!\S))"
_NAMES = {"sum": "+", "product": "*", "difference": "-", "quotient": "/"}
_COMMANDS = {"add": "+", "multiply": "*", "divide": "/"}
_NAMED = re.compile(
    r"(?P<before>^|^(?:(?:find|compute|calculate|evaluate|determine|if|is) )|(?<= =) |(?<= when) )"
    rf"(?:the )?({'|'.join(_NAMES)}) (of|between) {_NUMBER} and {_NUMBER}"
    rf"(?:{_END}|(?= =(?!\S)| is \d[\d.]*$| is divided by ))"
)
_COMMANDED = re.compile(rf"^({'|'.join(_COMMANDS)}) {_NUMBER} (?:by|and|to|with) {_NUMBER}{_END}")
_SUBTRACTED = re.compile(rf"^subtract {_NUMBER} from {_NUMBER}{_END}")
_SPOKEN = re.compile(rf"^(find|compute|calculate|evaluate|determine) {_NUMBER} (minus|divided by) {_NUMBER}{_END}")
_OPERATIONS = frozenset((*_NAMES, *_COMMANDS, "subtract", "minus", "divided"))


def _named(found: re.Match[str]) -> str:
    _, name, word, one, two = found.groups()
    if word == "between" and one[0].isdigit() and two[0].isdigit() and float(one) < float(two):
        one, two = two, one  # the difference between 3 and 10 is 7
    return f"{found['before']}{one} {_NAMES[name]} {two}"


_RULES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (_NAMED, _named),
    (_COMMANDED, lambda found: f"find {found[2]} {_COMMANDS[found[1]]} {found[3]}"),
    (_SUBTRACTED, lambda found: f"find {found[2]} - {found[1]}"),
    (_SPOKEN, lambda found: f"{found[1]} {found[2]} {'-' if found[3] == 'minus' else '/'} {found[4]}"),
)


def with_signs(words: list[str]) -> list[str]:
    """Return the words of a sentence with signs for its operations."""
    if _OPERATIONS.isdisjoint(words):
        return words
    sentence = " ".join(words)
    for pattern, rule in _RULES:
        sentence = pattern.sub(rule, sentence)
    return sentence.split()
