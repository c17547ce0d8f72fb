r"""Powers that are too large to compute, compared by base and exponent: ``10^{10^{10}}``, ``2^{2^{100}}``."""

from __future__ import annotations

from collections.abc import Callable

from components.shared.texts.math_answers.numbers import MAX_BITS, number_of
from components.shared.texts.math_answers.structure import power_of
from components.shared.texts.math_answers.verdicts import Verdict

LARGEST_BASE = 10**6


def compare_powers(answer: str, other: str, compare: Callable[[str, str], Verdict]) -> Verdict | None:
    """Compare two powers of whole numbers, or one with a number; None for others, and for what can be computed."""
    if number_of(answer) and number_of(other):
        return None
    one, two = _read(answer), _read(other)
    if one and two:
        (root, times, exponent), (root_two, times_two, exponent_two) = one, two
        if root != root_two:  # 2^{\log_2 9} is 3^{2}: only exponents that are whole numbers tell powers apart
            return Verdict.DIFFERENT if _is_whole(exponent) and _is_whole(exponent_two) else None
        if times == times_two:
            return compare(exponent, exponent_two)
        return compare(rf"{times} \cdot ({exponent})", rf"{times_two} \cdot ({exponent_two})")
    power, text = (one, other) if one else (two, answer)
    return Verdict.DIFFERENT if power and number_of(text) and _is_beyond_numbers(power[2]) else None


def _read(text: str) -> tuple[int, int, str] | None:
    """Return a power of a whole number above 1: its base as a power, 4 is (2, 2), and its exponent."""
    power = power_of(text)
    base = number_of(power[0]) if power else None
    if power is None or base is None or base.value.denominator != 1 or not 1 < base.value <= LARGEST_BASE:
        return None
    value = int(base.value)
    for times in range(value.bit_length() - 1, 1, -1):
        root = round(value ** (1 / times))
        if root**times == value:
            return root, times, power[1]
    return value, 1, power[1]


def _is_beyond_numbers(exponent: str) -> bool:
    """Tell whether a power with this exponent is no number that ``number_of`` reads."""
    value = number_of(exponent)
    return abs(value.value) > MAX_BITS if value else _is_whole(exponent)


def _is_whole(exponent: str) -> bool:
    """Tell whether an exponent is a whole number, or a power of whole numbers that is too large to compute."""
    if value := number_of(exponent):
        return value.value.denominator == 1
    power = _read(exponent)
    return power is not None and _is_whole(power[2])
