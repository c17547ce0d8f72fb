r"""Answers with a parameter or a modulus: ``\frac{\pi}{4} + k\pi, k \in \mathbb{Z}``, ``x \equiv 3 \pmod{7}``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from components.shared.texts.math_answers.phrases import flat

_DECLARED = re.compile(
    r"[\s,;(]*(?:\\q?quad\s*)*(?:\b(?:where|for|with)\b\s*)?(?:(?:any|all|each|every|an|some)\s+)?"
    r"(?:([a-zA-Z])\s*\\in\s*(?:\\mathbb\s*\{)?\s*([ZNRQ])\s*\}?(?:\^\{[^{}]*\})?"
    r"|([a-zA-Z])\s+(?:is\s+)?(?:(?:an|any|a)\s+)?(integer|natural|real)(?: number)?"
    r"|(integer|natural|real)s?(?: numbers?)?\s+([a-zA-Z]))[\s).]*$"
)
_MODULUS = re.compile(r"(?<=\S)\s*[,(]*\s*\\?[pb]?mod(?:ulo)?(?![a-zA-Z])[\s{]*(\w+)[\s})]*$")
_MARKS = (r"\in", "integer", "natural", "real")  # one of which such an answer has
_SETS = {"integer": "Z", "natural": "N", "real": "R"}


@dataclass(frozen=True, slots=True)
class _Answer:
    text: str  # without what it says of its parameter
    name: str
    domain: str


def without_parameters(answer: str, other: str) -> tuple[str, str]:
    """Return two answers without what they say of a parameter or modulus, and with one name for a parameter.

    They stay as they are where they say different things of it.
    """
    one, two = _read(answer), _read(other)
    if one and two:
        return (one.text, _renamed(two, one.name)) if one.domain == two.domain else (answer, other)
    return one.text if one else answer, two.text if two else other


def _read(text: str) -> _Answer | None:
    if "mod" in text and (modulus := _MODULUS.search(text)):
        return _Answer(text[: modulus.start()].replace(r"\equiv", "="), "", f"mod {modulus[1]}")
    found = _DECLARED.search(flat(text)) if any(map(text.__contains__, _MARKS)) else None
    if found is None or not found.start():
        return None
    kind = found[4] or found[5]
    return _Answer(flat(text)[: found.start()], found[1] or found[3] or found[6], found[2] or _SETS[kind])


def _renamed(answer: _Answer, name: str) -> str:
    if not name or re.search(_single(name), answer.text):
        return answer.text
    return re.sub(_single(answer.name), name, answer.text)


def _single(letter: str) -> str:
    return rf"(?<![\\a-zA-Z]){letter}(?![a-zA-Z])"
