r"""The exact value of an answer that is arithmetic on plain numbers, however it is written; no sympy.

``2.5\times 10^{3}``, ``2.5e3``, ``5 1/2``, ``\frac{11}{2}``, ``0.\overline{6}``, ``5!``, ``(3+4)/2``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

TOLERANCE = Fraction(1, 10**6)  # of decimals: absolute, but relative for values below 1
MIN_PLACES, MIN_DIGITS = 6, 4  # a decimal with so many digits counts as rounded
MAX_BITS = 60_000  # of a value: 1500! has 14,000
MAX_CHARS = 1_000

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d{1,4}(?!\d))?)|(?P<command>\\[a-zA-Z]+|\\[%{}])|(?P<sign>\S))"
)
_RECURRING = re.compile(
    r"(\d*)\.(\d*)(?:\\overline\s*\{(\d+)\}|\\dot\{(\d)\}(?:(\d*)\\dot\{(\d)\})?|\((\d+)\)(?![\d^(])"
    r"|(?:(\d)\8{2,}|(\d{2,12}?)\9+)\s*(?:\\ldots|\.{3}))"
)
_TIMES = frozenset((r"\cdot", r"\times", "*"))
_OVER = frozenset((r"\div", "/"))


@dataclass(frozen=True, slots=True)
class Number:
    """A value; ``places`` and ``digits`` if it was written as a decimal."""

    value: Fraction
    places: int | None = None
    digits: int = 0

    @classmethod
    def of(cls, decimal: str) -> Number:
        """Return the value of a whole number or a decimal."""
        _, dot, places = decimal.partition(".")
        digits = len(decimal.replace(".", "").strip("-0"))
        return cls(Fraction(decimal), len(places) if dot else None, digits if dot else 0)

    def equals(self, other: Number) -> bool:
        """Compare exactly; if one is a decimal, within the precision of its digits."""
        distance = abs(self.value - other.value)
        if distance == 0 or (self.places is None and other.places is None):
            return distance == 0
        if distance < TOLERANCE * min(Fraction(1), max(abs(self.value), abs(other.value))):
            return True
        return self._is_rounded_by(distance) or other._is_rounded_by(distance)

    def _is_rounded_by(self, distance: Fraction) -> bool:
        if self.places is None or self.places < MIN_PLACES or self.digits < MIN_DIGITS:
            return False
        return distance * 2 <= Fraction(1, 10**self.places)


def number_of(text: str) -> Number | None:
    """Return the value of a text in the one spelling of LaTeX; None if it is not arithmetic on plain numbers."""
    if len(text) > MAX_CHARS or not any(map(str.isdigit, text)):
        return None
    try:
        reader = _Reader(_RECURRING.sub(_recurring, text))
        value = reader.total()
        if not reader.is_at_end():
            return None
    except (_NotPlainError, ZeroDivisionError, RecursionError):
        return None
    return Number(value, *reader.written) if reader.written else Number(value)


class _NotPlainError(Exception):
    """The text contains something other than plain numbers, or too large ones."""


class _Reader:
    """Reads a sum from left to right, one token at a time."""

    def __init__(self, text: str) -> None:
        self._tokens = [(str(found.lastgroup), found[str(found.lastgroup)]) for found in _TOKEN.finditer(text.strip())]
        self._next = 0
        self.written: tuple[int, int] | None = None  # places and digits of the decimals in it

    def is_at_end(self) -> bool:
        return self._next == len(self._tokens)

    def total(self) -> Fraction:
        value = self._product()
        while (sign := self._take("+", "-")) is not None:
            term = self._product()
            value += term if sign == "+" else -term
        return _bounded(value)

    def _product(self) -> Fraction:
        value = self._signed()
        while not self.is_at_end():
            kind, sign = self._tokens[self._next]
            if sign in _TIMES:
                self._next += 1
                value *= self._signed()
            elif sign in _OVER:
                self._next += 1
                value /= self._signed()
            elif sign in ("(", "{") or (sign == r"\frac" and self._tokens[self._next - 1][0] != "number"):
                value *= self._power()
            elif sign == "%":
                raise _NotPlainError
            elif kind == "number" or sign == r"\frac":
                value = self._mixed(value)
            else:
                break
            _bounded(value)
        return value

    def _mixed(self, whole: Fraction) -> Fraction:
        r"""Read the fraction after a whole number: 5 1/2, 5\frac{1}{2}."""
        if self._tokens[self._next - 1][0] != "number" or whole.denominator != 1:
            raise _NotPlainError
        part = self._power()
        if self._tokens[self._next - 1][0] == "number":
            if self._take("/") is None:
                raise _NotPlainError
            part /= self._power()
        if not 0 < part < 1:
            raise _NotPlainError
        return whole - part if whole < 0 else whole + part

    def _signed(self) -> Fraction:
        sign = self._take("+", "-")
        value = self._signed() if sign else self._power()
        return -value if sign == "-" else value

    def _power(self) -> Fraction:
        value = self._atom()
        while (sign := self._take("^", "!")) is not None:
            value = _power(value, self._signed_atom()) if sign == "^" else _factorial(value)
        return value

    def _signed_atom(self) -> Fraction:
        sign = self._take("-")
        value = self._atom()
        return -value if sign else value

    def _atom(self) -> Fraction:
        if self.is_at_end():
            raise _NotPlainError
        kind, token = self._tokens[self._next]
        self._next += 1
        if kind == "number":
            return self._written(token)
        if token in _BRACKETS:
            value = self.total()
            if self._take(_BRACKETS[token]) is None:
                raise _NotPlainError
            return value
        if token in _CHOSEN:
            return _CHOSEN[token](self._list())
        if token in _ARGUMENTS:
            return _ARGUMENTS[token](self._group(), self._group())
        raise _NotPlainError

    def _list(self) -> list[Fraction]:
        r"""Read two numbers or more in brackets: \{3, 5\}."""
        closing = _LIST_BRACKETS.get(self._take(*_LIST_BRACKETS) or "")
        if closing is None:
            raise _NotPlainError
        values = [self.total()]
        while self._take(",") is not None:
            values.append(self.total())
        if self._take(closing) is None or len(values) < 2:
            raise _NotPlainError
        return values

    def _group(self) -> Fraction:
        if self._tokens[self._next : self._next + 1] != [("sign", "{")]:
            raise _NotPlainError
        return self._atom()

    def _written(self, token: str) -> Fraction:
        mantissa, _, exponent = token.lower().partition("e")
        if "." in mantissa:
            places = len(mantissa.partition(".")[2]) - int(exponent or 0)
            digits = len(mantissa.replace(".", "").strip("0"))
            before = self.written or (0, 0)
            self.written = max(before[0], places), max(before[1], digits)
        return Fraction(token)

    def _take(self, *tokens: str) -> str | None:
        if self.is_at_end() or self._tokens[self._next][1] not in tokens:
            return None
        self._next += 1
        return self._tokens[self._next - 1][1]


def _binomial(top: Fraction, bottom: Fraction) -> Fraction:
    if top.denominator != 1 or bottom.denominator != 1 or not 0 <= bottom <= top <= 2000:
        raise _NotPlainError
    return Fraction(math.comb(int(top), int(bottom)))


_BRACKETS = {"(": ")", "{": "}"}
_LIST_BRACKETS = {**_BRACKETS, r"\{": r"\}"}
_CHOSEN: dict[str, Callable[[list[Fraction]], Fraction]] = {r"\max": max, r"\min": min}
_ARGUMENTS: dict[str, Callable[[Fraction, Fraction], Fraction]] = {
    r"\frac": lambda top, bottom: top / bottom,
    r"\binom": _binomial,
}


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator != 1:
        raise _NotPlainError
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if abs(exponent) * bits > MAX_BITS:
        raise _NotPlainError
    return Fraction(base ** int(exponent))


def _factorial(value: Fraction) -> Fraction:
    if value.denominator != 1 or not 0 <= value <= 4000:
        raise _NotPlainError
    return Fraction(math.factorial(int(value)))


def _bounded(value: Fraction) -> Fraction:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS:
        raise _NotPlainError
    return value


def _recurring(found: re.Match[str]) -> str:
    r"""Write a recurring decimal as a sum of fractions: 0.1\overline{6} is 1/10 + 6/90."""
    whole, before, bar, first, between, last, bracket, digit, repeated = found.groups()
    period = bar or bracket or digit or repeated or f"{first}{between or ''}{last or ''}"
    scale = 10 ** len(before)
    top = int(f"0{whole}{before}") * (10 ** len(period) - 1) + int(period)
    return rf"(\frac{{{top}}}{{{scale * (10 ** len(period) - 1)}}})"
