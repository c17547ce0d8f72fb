r"""Sets of real numbers: ``[4,\infty)``, ``x\geq 4``, ``x<-5 or x>1``, ``\{x \mid x\neq 3\}``, all real numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from components.shared.texts.math_answers.numbers import number_of
from components.shared.texts.math_answers.phrases import flat
from components.shared.texts.math_answers.structure import (
    ascending,
    both_signs,
    brackets_of,
    split_at,
    split_list,
    split_relations,
)

INFINITY = re.compile(r"\s*\+?\s*\\infty\s*")
MINUS_INFINITY = re.compile(r"\s*-\s*\\infty\s*")
_VARIABLE = re.compile(r"\\?[a-zA-Z]+(?:_\{\w+\})?(?:\([a-zA-Z]\))?")
_NO_VARIABLES = re.compile(r"\\text\s*\{[^{}]*\}|\\[a-zA-Z]+|(?<![a-zA-Z])[ei](?![a-zA-Z])")
_GREEK = re.compile(r"\\(?:alpha|beta|gamma|delta|theta|lambda|mu|phi|omega|sigma|tau|rho)(?![a-zA-Z])")
_DISTANCE = re.compile(r"\|\s*([a-z])\s*(?:([-+])\s*([\d./]+|\\frac\{\d+\}\{\d+\})\s*)?\|")
_MEMBER = re.compile(r"\\?[a-zA-Z]+(?:_\{\w+\})?\s*\\in(?![a-zA-Z])\s*")
_HEAD = re.compile(r"\\?[a-zA-Z]+(?:_\{\w+\})?\s*(?:\\in(?![a-zA-Z])|=)\s*")
_IN_BRACKETS = re.compile(r"([\[\](])([^\[\]]+)([\[\])])")
_BETWEEN = re.compile(
    r"(\\cup(?![a-zA-Z])|\\cap(?![a-zA-Z])|(?<=[\[\])])\s*(?:[,;]|\\text\s*\{\s*(?:and|or)\s*\}|and|or)(?=\s*[\[\](]))"
)
_DECIMAL_COMMA = re.compile(r"(?<=\d),(?=\d)")
_BUILDER = re.compile(
    r"\\\{\s*(\\?[a-zA-Z]+)\s*(?:\\in\s*\\mathbb\{R\}\s*)?(?:\\mid|\||:)\s*"
    r"(?:\1\s*\\in\s*\\mathbb\{R\}\s*,\s*)?(.*?)(?:,?\s*\1\s*\\in\s*\\mathbb\{R\})?\s*\\\}"
)
_ALL = re.compile(
    r"(?:the set of )?(?:all|any) real(?:s| numbers?)?(?: (?:values? )?(?:of )?[a-z])?|\\mathbb\{R\}|all x|R", re.I
)
_WITHOUT = re.compile(
    r"(?:\\mathbb\{R\}|all reals?(?: numbers?)?)\s*(?:\\setminus|-|except(?: for)?|,?\s*[a-z]\s*\\neq|but)\s*"
    r"(?:\\\{)?(.*?)(?:\\\})?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Interval:
    """The ends of an interval, in the one spelling, and whether they belong to it."""

    low: str
    high: str
    low_open: bool
    high_open: bool


@dataclass(frozen=True, slots=True)
class Region:
    """A union of intervals; ``certain`` if the text can mean nothing else, unlike a pair of numbers in brackets."""

    intervals: tuple[Interval, ...]
    variable: str
    certain: bool

    @property
    def points(self) -> tuple[str, ...]:
        """The only numbers that are not in the region; none if it lacks others."""
        pairs = list(pairwise(self.intervals))
        single = all(left.high == right.low and left.high_open and right.low_open for left, right in pairs)
        ends = (self.intervals[0].low, self.intervals[-1].high)
        return tuple(left.high for left, _ in pairs) if single and ends == (r"-\infty", r"\infty") else ()


def without_member(text: str) -> str:
    r"""Return the set after ``x \in``."""
    return _MEMBER.sub("", text, count=1) if _MEMBER.match(text) else text


def with_round_brackets(text: str) -> str:
    r"""Return the intervals ]2;5[ and [0;1[ \cup ]2;3] as (2,5) and [0,1) \cup (2,3]; another text as it is."""
    head = _HEAD.match(text)
    pieces = _BETWEEN.split(text[head.end() :] if head else text)
    found = [_IN_BRACKETS.fullmatch(piece.strip()) for piece in pieces[::2]]
    if not any(each and (each[1] == "]" or each[3] == "[") for each in found):
        return text
    for place, each in enumerate(found):
        if each is None or len(ends := _ends_of(each[2])) != 2:
            return text
        pieces[2 * place] = f"{'[' if each[1] == '[' else '('}{ends[0]}, {ends[1]}{']' if each[3] == ']' else ')'}"
    return (head[0] if head else "") + " ".join(map(str.strip, pieces))


def region_of(text: str) -> Region | None:
    """Return the set of numbers that a text names, None if it names none that can be parsed."""
    text = text.strip()
    if builder := _BUILDER.fullmatch(text):
        text = builder[2] or r"\mathbb{R}"
    if _ALL.fullmatch(flat(text)):
        return Region((Interval(r"-\infty", r"\infty", True, True),), "", text != "R")
    if (without := _WITHOUT.fullmatch(flat(text))) and without[1]:
        return _without_points(split_list(without[1]), "")
    parts = [part for piece in split_at(text, r"\cup") for part in _alternatives(piece)]
    regions = [_piece(part) for part in parts]
    if not regions or any(region is None for region in regions):
        return None
    pieces = [region for region in regions if region is not None]
    names = {piece.variable for piece in pieces} - {""}
    if len(names) > 1:
        return None
    intervals = tuple(interval for piece in pieces for interval in piece.intervals)
    certain = r"\cup" in text or any(piece.certain for piece in pieces)  # "(3,0) or (-3,0)" may be two points
    return Region(intervals, names.pop() if names else "", certain)


def _alternatives(text: str) -> list[str]:
    plain = re.sub(r"\\text\s*\{\s*,?\s*or\s*\}|(?<![a-zA-Z\\])or(?![a-zA-Z])", r"\\cup ", text)
    return split_at(plain, r"\cup")


def _piece(text: str) -> Region | None:
    both = re.split(
        r",\s*(?=\\?[a-zA-Z]+\s*\\neq)|\\text\s*\{\s*,?\s*and\s*\}|(?<![a-zA-Z\\])and(?![a-zA-Z])|\\wedge(?![a-z])|\\cap(?![a-z])",
        text,
    )
    if len(both) > 1:
        return _intersection(_piece(both[0]), _piece(" \\cap ".join(both[1:])))
    return _in_brackets(text) or _inequality(text)


def _in_brackets(text: str) -> Region | None:
    found = brackets_of(text)
    if found is None or found[0] not in ("(", "[", "]") or found[2] not in (")", "]", "["):
        return None
    ends = _ends_of(found[1])
    if len(ends) != 2 or "=" in text:
        return None
    low_open, high_open = found[0] in ("(", "]"), found[2] in (")", "[")
    infinite = MINUS_INFINITY.fullmatch(ends[0]) or INFINITY.fullmatch(ends[1])
    certain = bool(infinite) or low_open != high_open or found[0] == "]"
    return Region((Interval(ends[0], _end(ends[1]), low_open, high_open),), "", certain)


def _ends_of(text: str) -> list[str]:
    """Return what stands between semicolons, its decimal commas as points, or else between commas."""
    ends = split_at(text, ";")
    return [_DECIMAL_COMMA.sub(".", end) for end in ends] if len(ends) > 1 else split_at(text, ",")


def _inequality(text: str) -> Region | None:
    sides, signs = split_relations(text)
    if signs == ["!="] and _is_variable(sides[0]):
        return _without_points(split_list(sides[1]), sides[0])
    if len(signs) == 1 and (distance := _DISTANCE.fullmatch(sides[0])) and not has_variable(sides[1]):
        return _around(distance, signs[0], sides[1])
    sides, signs = ascending(sides, signs)
    if not signs or not set(signs) <= {"<", "<="}:
        return None
    if len(sides) == 2:
        if _is_variable(sides[0]) and not has_variable(sides[1]):
            sides, signs = [r"-\infty", *sides], ["<", *signs]
        elif _is_variable(sides[1]) and not has_variable(sides[0]):
            sides, signs = [*sides, r"\infty"], [*signs, "<"]
        else:
            return None
    if len(sides) != 3 or not _is_variable(sides[1]) or has_variable(sides[0]) or has_variable(sides[2]):
        return None
    low_open, high_open = signs[0] == "<", signs[1] == "<"
    return Region((Interval(sides[0], _end(sides[2]), low_open, high_open),), sides[1], True)


def _around(distance: re.Match[str], sign: str, radius: str) -> Region | None:
    """Return the numbers within a distance of a centre, or beyond it: |x - 2| < 5."""
    middle = "0" if distance[3] is None else f"{'' if distance[2] == '-' else '-'}({distance[3]})"
    low, high, is_open = f"{middle} - ({radius})", f"{middle} + ({radius})", sign in ("<", ">")
    if sign in ("<", "<="):
        return Region((Interval(low, high, is_open, is_open),), distance[1], True)
    if sign in (">", ">="):
        intervals = Interval(r"-\infty", low, True, is_open), Interval(high, r"\infty", is_open, True)
        return Region(intervals, distance[1], True)
    return None


def _without_points(points: list[str], variable: str) -> Region | None:
    points = list(both_signs(points))
    everywhere = Region((Interval(r"-\infty", r"\infty", True, True),), variable, True)
    return _cut(everywhere, points) if points and all(points) else None


def _intersection(one: Region | None, other: Region | None) -> Region | None:
    """Return the interval between two half lines that point at each other, or a region without some points."""
    if one is None or other is None or (one.variable and other.variable and one.variable != other.variable):
        return None
    for region, without in ((one, other), (other, one)):
        if without.points:
            return _cut(region, without.points)
    if len(one.intervals) != 1 or len(other.intervals) != 1:
        return None
    for left, right in ((one.intervals[0], other.intervals[0]), (other.intervals[0], one.intervals[0])):
        if left.high == r"\infty" and right.low == r"-\infty":
            between = Interval(left.low, right.high, left.low_open, right.high_open)
            return Region((between,), one.variable or other.variable, True)
    return None


def _cut(region: Region, points: Iterable[str]) -> Region | None:
    """Return a region without some points; None unless it is known where each of them lies."""
    intervals = list(region.intervals)
    for point in points:
        cut = [_without_point(interval, point) for interval in intervals]
        if any(part is None for part in cut):
            return None
        intervals = [interval for part in cut for interval in part or ()]
    return Region(tuple(intervals), region.variable, True) if intervals else None


def _without_point(interval: Interval, point: str) -> tuple[Interval, ...] | None:
    """Return what is left of an interval; None if it is not known whether the point lies in it."""
    is_first, is_last = _is_same(point, interval.low), _is_same(point, interval.high)
    if is_first and is_last:
        return ()
    if is_first or is_last or _is_less(point, interval.low) or _is_less(interval.high, point):
        left, right = interval.low_open or is_first, interval.high_open or is_last
        return (Interval(interval.low, interval.high, left, right),)
    is_above = MINUS_INFINITY.fullmatch(interval.low) or _is_less(interval.low, point)
    if not is_above or not (INFINITY.fullmatch(interval.high) or _is_less(point, interval.high)):
        return None
    return (
        Interval(interval.low, point, interval.low_open, True),
        Interval(point, interval.high, True, interval.high_open),
    )


def _is_same(text: str, other: str) -> bool:
    """Tell whether two texts are the same, or plain numbers of one value."""
    one, two = number_of(text), number_of(other)
    return text == other or (one is not None and two is not None and one.value == two.value)


def _is_less(text: str, other: str) -> bool:
    """Tell whether two texts are plain numbers of which the first is less."""
    one, two = number_of(text), number_of(other)
    return one is not None and two is not None and one.value < two.value


def _end(text: str) -> str:
    return r"\infty" if INFINITY.fullmatch(text) else text


def _is_variable(text: str) -> bool:
    return bool(_VARIABLE.fullmatch(text.strip())) and has_variable(text)


def has_variable(text: str) -> bool:
    """Tell whether a formula has a letter that stands for something: not e, i, pi, or the name of a function."""
    return bool(_GREEK.search(text)) or any(map(str.isalpha, _NO_VARIABLES.sub("", text)))
