"""Single values: a number with its unit, a word, a formula with words around it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from components.shared.texts.math_answers.named_parts import operations_of
from components.shared.texts.math_answers.number_words import read_number
from components.shared.texts.math_answers.numbers import Number, number_of
from components.shared.texts.math_answers.phrases import flat, ratio_of, words_of
from components.shared.texts.math_answers.regions import has_variable
from components.shared.texts.math_answers.units import (
    DEGREES,
    PERCENT,
    WITH_SIGNS,
    factors_between,
    may_be_equal,
    split_unit,
    unit_name,
)
from components.shared.texts.math_answers.verdicts import Verdict, in_order, verdict

Compare = Callable[[str, str], Verdict]

_SHORT = "the at is of in on to if for no not min max and nor all odd yes up by are has an it"
_SHORT_WORDS = frozenset(_SHORT.split())
_SHORT_WRITTEN = "|".join(sorted({*_SHORT_WORDS, *map(str.capitalize, _SHORT_WORDS)}))
_WORD = re.compile(
    r"\\text\s*\{[^{}]*\}|\\(?:min|max)(?![a-zA-Z])"
    rf"|(?<![a-zA-Z\\{{_^])(?:{_SHORT_WRITTEN}|[a-zA-Z]{{4,}}(?!\())(?![a-zA-Z])"
)
_ONLY_WORDS = re.compile(r"[a-zA-Z][a-zA-Z\s.'’,-]*")
_TURNING = (
    "not no least most more less greater fewer larger smaller over under above below except without never than neither"
    " half twice double triple"
)
_CHANGING = frozenset(_TURNING.split())  # "at least 6" is not 6
_SUBJECTS = frozenset(("serie", "series", "sequence", "integral", "limit", "function", "statement", "system"))
_KINDS = frozenset(("triangle", "function", "number", "angle", "line", "quadrilateral", "curve", "day"))
_NUMBERISH = re.compile(r"[\d\\]")


@dataclass(frozen=True, slots=True)
class _Quantity:
    text: str  # without the unit
    unit: str
    number: Number | None


def compare_quantities(answer: str, other: str, algebra: Compare, compare: Compare) -> Verdict:
    """Compare two single values; ``algebra`` compares what is not a plain number, ``compare`` parts of a sentence."""
    if operations_of(answer) != operations_of(other):
        return Verdict.DIFFERENT
    one, two = _quantity_of(answer), _quantity_of(other)
    if one.number and two.number:
        return verdict(_same_number(one, two))
    if (mixed := _sentences(answer, other, one, two, compare)) is not None:
        return mixed
    if {one.unit, two.unit} == {DEGREES, "rad"}:
        return _in_radians(one, two, algebra)
    if not may_be_equal(one.unit, two.unit):
        return Verdict.DIFFERENT
    if _is_in_words(one.text) or _is_in_words(two.text):
        return (
            verdict(_same_words(words_of(answer), words_of(other)))
            if _is_in_words(two.text) == _is_in_words(one.text)
            else Verdict.DIFFERENT
        )
    if PERCENT in (one.unit, two.unit) and one.unit != two.unit:
        return max(algebra(one.text, two.text), _hundredth(one, two, algebra))
    verdicts = [algebra(one.text, two.text)]
    if DEGREES in (one.unit, two.unit) and one.unit != two.unit:
        verdicts.append(_in_radians(one, two, algebra))
    if len(one.unit or two.unit) == 1 and bool(one.unit) != bool(two.unit) and verdicts[0] is Verdict.DIFFERENT:
        verdicts.append(algebra(answer, other))  # the unit may have been a variable
    return max(verdicts)


def _quantity_of(text: str) -> _Quantity:
    value, unit = split_unit(text)
    signed = unit in WITH_SIGNS
    in_words = read_number(flat(value if signed else text))
    if in_words is not None:
        name = unit if signed else unit_name(in_words[1])
        if not _NUMBERISH.search(in_words[1]):
            return _Quantity(value, name, Number(in_words[0]))
    number = number_of(value)
    if number is None and (ratio := ratio_of(value)) and len(ratio) == 2:
        number = Number(ratio[0])
    return _Quantity(value, unit, number)


def _same_number(one: _Quantity, two: _Quantity) -> bool:
    assert one.number is not None
    assert two.number is not None
    if not may_be_equal(one.unit, two.unit):
        factors = factors_between(one.unit, two.unit)
        return factors is not None and one.number.value * factors[0] == two.number.value * factors[1]
    if PERCENT in (one.unit, two.unit) and one.unit != two.unit:
        percent, plain = (one.number, two.number) if one.unit == PERCENT else (two.number, one.number)
        return percent.equals(plain) or Number(percent.value / 100, plain.places, plain.digits).equals(plain)
    return one.number.equals(two.number)


def _hundredth(one: _Quantity, two: _Quantity, algebra: Compare) -> Verdict:
    percent, plain = (one, two) if one.unit == PERCENT else (two, one)
    return algebra(rf"\frac{{{percent.text}}}{{100}}", plain.text)


def _in_radians(one: _Quantity, two: _Quantity, algebra: Compare) -> Verdict:
    degrees, radians = (one, two) if one.unit == DEGREES else (two, one)
    if radians.unit not in ("", "rad"):
        return Verdict.DIFFERENT
    return algebra(rf"\frac{{({degrees.text}) \pi}}{{180}}", radians.text)


def _sentences(answer: str, other: str, one: _Quantity, two: _Quantity, compare: Compare) -> Verdict | None:
    """Compare formulas with words around them, part by part: the words, and each formula."""
    formulas, formulas_two = _formulas_of(one.text), _formulas_of(two.text)
    if formulas is None and formulas_two is None:
        return None
    words, words_two = words_of(" ".join(_WORD.findall(answer))), words_of(" ".join(_WORD.findall(other)))
    if words != words_two and ((words and words_two) or _CHANGING.intersection(words + words_two)):
        return Verdict.DIFFERENT
    return in_order(formulas or [one.text], formulas_two or [two.text], compare)


def is_sentence(text: str) -> bool:
    """Tell whether a text is formulas with words around them."""
    return _formulas_of(text) is not None


def _formulas_of(text: str) -> list[str] | None:
    """Return the formulas between the words of a text, None if it has no words, or only words."""
    pieces = [
        piece.strip(" ,.:;()") if piece.count("(") != piece.count(")") else piece.strip(" ,.:;")
        for piece in _WORD.split(text)
    ]
    formulas = [piece for piece in pieces if piece]
    if formulas in (["a"], ["A"]) and text.startswith(f"{formulas[0]} "):
        return None  # an article
    return formulas if formulas and len(pieces) > 1 else None


def _same_words(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Compare words; one side may name what it speaks of: "The series diverges", "isosceles triangle"."""
    shorter, longer = sorted((one, other), key=len)
    before = len(longer) - len(shorter)
    if not shorter:
        return False
    is_behind = longer[before:] == shorter and _SUBJECTS.issuperset(longer[:before])
    return is_behind or (longer[: len(shorter)] == shorter and _KINDS.issuperset(longer[len(shorter) :]))


def _is_in_words(text: str) -> bool:
    plain = flat(text)
    if not _ONLY_WORDS.fullmatch(plain):
        return False
    return any(len(word) > 3 or word.lower() in _SHORT_WORDS for word in plain.split()) and has_variable(plain)
