from __future__ import annotations

import itertools
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.shared.texts.math_answers import AnswerChecker, normalize_answer
from components.shared.texts.math_answers.comparison import compare
from components.shared.texts.math_answers.verdicts import Verdict
from tests.components.shared.texts.case_files import cases_of

TENTHS = st.integers(-9999, 9999).map(lambda value: Fraction(value, 10))
FRACTIONS = st.builds(Fraction, st.integers(-99, 99), st.integers(2, 99))


@pytest.mark.parametrize(("pair", "equal"), cases_of("equal_answers"))
def test_answers_are_compared_by_value_in_either_order(checker: AnswerChecker, pair: list[str], equal: bool) -> None:
    assert checker.are_equal(*pair) is equal
    assert checker.are_equal(*reversed(pair)) is equal
    assert not checker.failures


@pytest.mark.parametrize(("answers", "groups"), cases_of("grouped_answers"))
def test_groups_do_not_depend_on_the_order_of_the_answers(
    checker: AnswerChecker, answers: list[str], groups: list[int]
) -> None:
    assert checker.group_by_value(answers) == groups
    pairs = {
        (one, other) for one, other in itertools.combinations(range(len(answers)), 2) if groups[one] == groups[other]
    }
    for order in itertools.permutations(range(len(answers))):
        shuffled = checker.group_by_value([answers[index] for index in order])
        found = {
            (min(one, other), max(one, other))
            for (place, one), (place_two, other) in itertools.combinations(enumerate(order), 2)
            if shuffled[place] == shuffled[place_two]
        }
        assert found == pairs


def spellings_of(value: Fraction) -> list[str]:
    """Return how people and models write a fraction."""
    top, bottom, sign = abs(value.numerator), value.denominator, "-" if value < 0 else ""
    whole, rest = divmod(top, bottom)
    return [
        f"{value}",
        rf"{sign}\frac{{{top}}}{{{bottom}}}",
        rf"\dfrac{{{value.numerator}}}{{{bottom}}}",
        rf"$\tfrac{{{value.numerator}}}{{{bottom}}}$",
        f"{sign}{top}⁄{bottom}",
        rf"x = {value}",
        rf"\text{{The answer is }} {value}",
        rf"\boxed{{{value}}}",
        rf"\textcolor{{red}}{{{value}}}",
        f"**{value}**",
        rf"{value.numerator * 3}/{bottom * 3}",
        *([rf"{sign}{whole} {rest}/{bottom}", rf"{sign}{whole}\frac{{{rest}}}{{{bottom}}}"] if whole and rest else []),
        _recurring(value),
    ]


def _recurring(value: Fraction) -> str:
    """Write a fraction as a decimal with its period under a bar."""
    whole, rest = divmod(abs(value.numerator), value.denominator)
    digits: list[int] = []
    places: dict[int, int] = {}
    while rest and rest not in places:
        places[rest] = len(digits)
        digit, rest = divmod(rest * 10, value.denominator)
        digits.append(digit)
    start = places.get(rest, len(digits))
    before, period = "".join(map(str, digits[:start])), "".join(map(str, digits[start:]))
    bar = rf"\overline{{{period}}}" if period else ""
    return f"{'-' if value < 0 else ''}{whole}" + (f".{before}{bar}" if digits else "")


@given(FRACTIONS)
def test_a_fraction_is_equal_in_all_its_spellings(value: Fraction) -> None:
    with AnswerChecker() as checker:
        for spelling in spellings_of(value):
            assert checker.are_equal(str(value), spelling), spelling
            assert not checker.are_equal(str(value + 1), spelling), spelling
        assert not checker._started  # all of it is plain arithmetic


@given(TENTHS)
def test_a_decimal_is_equal_with_a_unit_a_currency_a_percent_sign_and_an_exponent(value: Fraction) -> None:
    text = f"{float(value):.1f}"
    unsigned = text.removeprefix("-")
    sign = text.removesuffix(unsigned)
    with AnswerChecker() as checker:
        for spelling in (
            rf"{text}\%", f"{text} cm", rf"{text}\text{{ km}}", f"{sign}${unsigned}", f"{text}€", f"USD {text}",
            f"{text}°", f"{text}e0", rf"{text}\times 10^{{0}}", text.replace(".", "{,}"), f"{text}0",
            text.replace("-", "−"),
        ):  # fmt: skip
            assert checker.are_equal(text, spelling), spelling
            assert not checker.are_equal(f"{float(value) + 0.1:.1f}", spelling), spelling


@given(st.integers(1000, 10**9))
def test_a_whole_number_is_equal_however_its_thousands_are_grouped(value: int) -> None:
    with AnswerChecker() as checker:
        for separator in (",", "{,}", r"\,", r"\;", r"\ ", " ", "\u202f", r"\!,", "~", "'"):
            grouped = f"{value:,}".replace(",", separator)
            assert checker.are_equal(str(value), grouped), grouped
            assert not checker.are_equal(str(value + 1), grouped), grouped


@given(st.lists(FRACTIONS, min_size=2, max_size=4, unique=True))
def test_sets_are_equal_in_any_order_and_tuples_in_theirs(values: list[Fraction]) -> None:
    texts, turned = [str(value) for value in values], [str(value) for value in values[::-1]]
    with AnswerChecker() as checker:
        assert checker.are_equal(rf"\{{{','.join(texts)}\}}", rf"\{{{', '.join(turned)}\}}")
        assert checker.are_equal(f"({', '.join(texts)})", rf"\langle {','.join(texts)}\rangle")
        assert checker.are_equal(f"({', '.join(texts)})", r"\begin{pmatrix} " + r" \\ ".join(texts) + r" \end{pmatrix}")
        assert not checker.are_equal(f"({', '.join(texts)})", f"({', '.join(turned)})")
        assert not checker.are_equal(f"({', '.join(texts)})", rf"\{{{', '.join(texts)}\}}")


@given(st.integers(-50, 50), st.integers(1, 50), st.booleans(), st.booleans())
def test_an_interval_is_the_inequality_that_says_the_same(
    low: int, width: int, low_open: bool, high_open: bool
) -> None:
    high = low + width
    interval = f"{'(' if low_open else '['}{low}, {high}{')' if high_open else ']'}"
    signs = {True: ("<", ">"), False: (r"\le", r"\ge")}
    inequality = f"{low} {signs[low_open][0]} x {signs[high_open][0]} {high}"
    turned = f"{high} {signs[high_open][1]} x {signs[low_open][1]} {low}"
    other = f"{low} {signs[not low_open][0]} x {signs[high_open][0]} {high}"
    with AnswerChecker() as checker:
        for spelling in (inequality, turned, rf"x \in {interval}", rf"\{{x \mid {inequality}\}}"):
            assert checker.are_equal(interval, spelling), spelling
        assert not checker.are_equal(interval, other)


@given(st.text(alphabet=r"\{}()[]^_$,;=<>|&xyie0123456789.+-*/% ancmospq", max_size=25), st.text(max_size=8))
def test_whatever_two_texts_are_the_rules_come_to_an_end_and_are_symmetric(one: str, other: str) -> None:
    one, other = normalize_answer(one), normalize_answer(other)
    for pair in ((one, other), (one, "5"), (one, "(1,2)"), (one, r"x>3")):
        verdicts = [compare(*order, lambda *_: Verdict.UNKNOWN) for order in (pair, pair[::-1])]
        assert verdicts[0] is verdicts[1]
