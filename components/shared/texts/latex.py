"""Braces, commands and their arguments in LaTeX text."""

from __future__ import annotations

import re
import sys

INSIDE = r"(?:[^{}]|\{[^{}]*\})*"  # a pattern: what stands in braces, with braces in it one level deep

_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)  # an escaped brace is consumed with its backslash and does not count
_COMMAND = re.compile(r"\\[a-zA-Z]+")
_NUMBER = re.compile(r"[-+−]?\d+(?:[.,]\d+)*")
_BRACKET = re.compile(r"\\.|[()\[\]]", re.DOTALL)
_TEXT = re.compile(rf"\\text\s*\{{({INSIDE})\}}")


def without_text(text: str) -> str:
    r"""Return the text with the words of each ``\text{…}`` in place of the command."""
    return _TEXT.sub(r" \1 ", text)


def closing_brace(text: str, start: int, end: int = sys.maxsize) -> int:
    """Return the position of the brace that closes what begins at ``start``; -1 if there is none before ``end``."""
    depth = 1
    for token in _BRACE.finditer(text, start, end):
        depth += {"{": 1, "}": -1}.get(token.group(), 0)
        if depth == 0:
            return token.start()
    return -1


def next_token(text: str, start: int) -> int:
    r"""Return where LaTeX's next argument ends: a number, a command with its arguments, a bracket, or one character."""
    if number := _NUMBER.match(text, start):
        return number.end()
    if command := _COMMAND.match(text, start):
        return _after_arguments(text, command.end())
    if text[start : start + 1] in ("(", "["):
        return _after_bracket(text, start)
    if text.startswith("\\{", start) and (close := text.find("\\}", start)) > 0:
        return close + 2
    return start + 1


def _after_arguments(text: str, end: int) -> int:
    while text[end : end + 1] in ("{", "["):
        close = closing_brace(text, end + 1) if text[end] == "{" else text.find("]", end)
        if close < 0:
            return len(text)
        end = close + 1
    if end < len(text) and text[end].isdigit():  # \sqrt2, \frac12
        end = min(end + (2 if text[:end].endswith("frac") else 1), len(text))
    return end


def _after_bracket(text: str, start: int) -> int:
    depth = 0
    for token in _BRACKET.finditer(text, start):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(token.group(), 0)
        if depth == 0:
            return token.end()
    return start + 1
