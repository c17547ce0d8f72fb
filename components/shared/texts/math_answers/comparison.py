r"""Two normalised answers, compared by their kind: lists, intervals, equations, words, values.

A rule returns None if neither answer is of its kind. What no rule decides goes to the given ``Algebra``: sympy in a
process of its own, or a placeholder whose verdict is UNKNOWN. Every rule treats both answers alike.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from components.shared.texts.math_answers.dates import date_of
from components.shared.texts.math_answers.domains import Congruence, congruence_of, without_parameters
from components.shared.texts.math_answers.equations import Equation, equation_of
from components.shared.texts.math_answers.named_parts import derivatives_of, with_names
from components.shared.texts.math_answers.normal import MAX_CHARS
from components.shared.texts.math_answers.notations import in_binomials
from components.shared.texts.math_answers.number_words import is_number_in_words
from components.shared.texts.math_answers.numbers import Number, number_of
from components.shared.texts.math_answers.parts import items_at_breaks, parts_of
from components.shared.texts.math_answers.phrases import (
    base_of,
    choice_of,
    clock_of,
    coordinates_of,
    figure_of,
    flat,
    in_numbers,
    label_of,
    letter_of,
    letters_in_a_list,
    letters_in_a_run,
    ratio_of,
    says_no_value,
    without_words,
)
from components.shared.texts.math_answers.piecewise import Piece, pieces_of
from components.shared.texts.math_answers.powers import compare_powers
from components.shared.texts.math_answers.primes import in_units
from components.shared.texts.math_answers.quantities import compare_quantities, is_sentence
from components.shared.texts.math_answers.regions import Interval, has_variable, region_of, without_member
from components.shared.texts.math_answers.structure import (
    ascending,
    both_signs,
    brackets_of,
    lines_of,
    matrix_of,
    split_list,
    split_relations,
)
from components.shared.texts.math_answers.units import in_one_unit, split_unit
from components.shared.texts.math_answers.verdicts import Verdict, all_of, any_of, in_any_order, in_order, verdict

Algebra = Callable[[str, str], Verdict]
MAX_ITEMS = 30  # of lists in any order: each item is compared with each

_IDLE_SPACE = re.compile(r"(?<!\d)\s+|\s+(?!\d)")  # 5 1/2 is not 51/2
_PLAIN = re.compile(r"-?\d{1,30}(?:\.\d{1,30})?")
_COMMA_IN_NUMBER = re.compile(r"(?<![\d.,])(\d{1,3}(?:,\d{3})+|\d{1,2}(?:,\d{2})+,\d{3})(?!,?\d)(?=\.\d|(?!\.))")
_DECIMAL_COMMA = re.compile(r"([-+]?)(?:(\d+)|(\d{1,3}(?:\.\d{3})+)),(\d+)")
_SLASHED = re.compile(r"(?<![\w/.^{}])(\d+)/(\d+)\s*(?=\\(?:pi|sqrt)(?![a-z]))")  # 2/3\pi is seldom 2 over 3\pi


def compare(answer: str, other: str, algebra: Algebra) -> Verdict:
    """Compare two answers; if one can be read in several ways, one equal reading is enough."""
    if not answer or not other:
        return Verdict.DIFFERENT
    if _same_text(answer, other):
        return Verdict.EQUAL
    if _PLAIN.fullmatch(answer) and _PLAIN.fullmatch(other):
        return verdict(Number.of(answer).equals(Number.of(other)))
    if max(len(answer), len(other)) > 2 * MAX_CHARS:
        return Verdict.DIFFERENT
    if (texts := without_parameters(answer, other)) is None:
        return Verdict.DIFFERENT
    readings, readings_two = readings_of(texts[0]), [reading for text in texts[1] for reading in readings_of(text)]
    comparison = _Comparison(algebra)
    return any_of(comparison.compare(one, two) for two in readings_two for one in readings)


def readings_of(text: str) -> list[str]:
    r"""Return the readings of a text with commas: 1,234 is one number or two, 3,75 is a decimal or two numbers."""
    text = without_member(text)
    if measured := in_units(text):
        return measured
    readings = list(dict.fromkeys((text, _SLASHED.sub(r"\\frac{\1}{\2} ", text), in_binomials(text))))
    readings += filter(None, (in_one_unit(text), in_numbers(text)))
    if "," not in text:
        return readings
    if not brackets_of(text):
        grouped = _COMMA_IN_NUMBER.sub(lambda number: number[1].replace(",", ""), text)
        if len(split_list(text)) > len(split_list(grouped)) > 1:
            return readings_of(grouped)  # what separates the items of "1,200 and 3,400" is something else
        readings.insert(0, grouped)
    value, _ = split_unit(text)
    if decimal := _DECIMAL_COMMA.fullmatch(value):
        whole = decimal[2] or decimal[3].replace(".", "")
        if decimal[3] or len(decimal[4]) != 3 or whole == "0" or len(whole) > 3:
            readings.append(text.replace(value, f"{decimal[1]}{whole}.{decimal[4]}", 1))
    return list(dict.fromkeys(readings))


def _same_text(answer: str, other: str) -> bool:
    one, two = _IDLE_SPACE.sub("", answer), _IDLE_SPACE.sub("", other)
    return one == two or (len(one) > 1 and one.isalpha() and one.casefold() == two.casefold())


@dataclass(frozen=True, slots=True)
class _Several:
    """Items in brackets of some kind: "list" has none; "row" is [..], "vector" a column, or in angles."""

    kind: str
    items: tuple[str, ...]


class _Comparison:
    """The rules, in the order in which they are asked."""

    def __init__(self, algebra: Algebra) -> None:
        self._any_algebra = algebra

    def _algebra(self, answer: str, other: str) -> Verdict:
        if derivatives_of(answer) != derivatives_of(other):
            return Verdict.DIFFERENT
        return self._any_algebra(with_names(answer), with_names(other))

    def compare(self, answer: str, other: str) -> Verdict:
        """Compare by the first rule that applies."""
        if _same_text(answer, other):
            return Verdict.EQUAL
        for rule in (
            self._parts, self._congruences, self._no_value, self._choices, self._phrases, self._labels, self._pieces,
            self._regions, self._matrices, self._equations, self._lists, self._orders, self._powers,
        ):  # fmt: skip
            if (found := rule(answer, other)) is not None:
                return found
        return compare_quantities(answer, other, self._algebra, self.compare)

    def _parts(self, answer: str, other: str) -> Verdict | None:
        """Compare the parts that have the same label; a list without labels has them in the labels' order."""
        one, two = parts_of(answer), parts_of(other)
        if one is not None and two is not None:
            places = sorted(one)
            if places != sorted(two):
                return Verdict.DIFFERENT
            return in_order([one[place] for place in places], [two[place] for place in places], self.compare)
        for parts, text in ((one, other), (two, answer)):
            if parts is not None:
                return in_order([parts[place] for place in sorted(parts)], _in_order_of(text, len(parts)), self.compare)
        return None

    def _congruences(self, answer: str, other: str) -> Verdict | None:
        """Compare what stands before a modulus; where both answers have one, the moduli as well."""
        one, two = congruence_of(answer), congruence_of(other)
        if one is None and two is None:
            return None
        if one and two:
            same = verdict(True) if _are_congruent(one, two) else self.compare(one.text, two.text)
            return min(same, self.compare(one.modulus, two.modulus))
        return self.compare(one.text if one else answer, two.text if two else other)

    def _no_value(self, answer: str, other: str) -> Verdict | None:
        none = says_no_value(answer), says_no_value(other)
        return verdict(all(none)) if any(none) else None

    def _choices(self, answer: str, other: str) -> Verdict | None:
        """Compare the letters if one side is a letter alone, the texts if one side has no letter."""
        choices, letters = (choice_of(answer), choice_of(other)), (letter_of(answer), letter_of(other))
        if all(letters):
            return verdict(letters[0] == letters[1])
        for choice, letter, text in ((choices[0], letters[1], other), (choices[1], letters[0], answer)):
            if choice and letter and choice.rest:
                return verdict(choice.letter == letter)
            if choice and choice.rest and not choice_of(text):
                return self.compare(choice.rest, text)
        if choices[0] and choices[1] and choices[0].rest and choices[1].rest:
            same = verdict(choices[0].letter == choices[1].letter)
            return min(same, self.compare(choices[0].rest, choices[1].rest))
        for run, listed in ((answer, other), (other, answer)):
            if (letters_two := letters_in_a_run(run)) and (several := letters_in_a_list(listed)):
                return verdict(letters_two == several)
        return None

    def _phrases(self, answer: str, other: str) -> Verdict | None:
        if (one := clock_of(answer)) and (two := clock_of(other)) and (one.half or two.half or one == two):
            return verdict(one.equals(two))
        dates = date_of(flat(answer)), date_of(flat(other))
        if dates[0] and dates[1]:
            return verdict(dates[0].equals(dates[1]))
        if any(dates) and (number_of(answer) or number_of(other)):
            return Verdict.DIFFERENT  # "15 August" is no 15
        if (ratio := ratio_of(answer)) and (ratio_two := ratio_of(other)):
            return verdict(ratio == ratio_two)
        bases = base_of(answer), base_of(other)
        if bases[0] and bases[1]:
            return verdict(_value_in_base(*bases[0]) == _value_in_base(*bases[1]))
        for base, text in ((bases[0], other), (bases[1], answer)):
            if base and re.fullmatch(r"\(?[0-9A-Z]+\)?", text):
                return verdict(base[0] == text.strip("()"))
        figures = figure_of(answer), figure_of(other)
        return verdict(figures[0] == figures[1]) if all(figures) else None

    def _labels(self, answer: str, other: str) -> Verdict | None:
        """Compare what stands behind labels, as in "center: (1, 2)"; two labels have to be the same words."""
        one, two = label_of(answer), label_of(other)
        if one and two:
            return min(verdict(one[0] == two[0]), self.compare(one[1], two[1]))
        labelled = one or two
        return self.compare(labelled[1], without_words(labelled[0], other if one else answer)) if labelled else None

    def _pieces(self, answer: str, other: str) -> Verdict | None:
        one, two = pieces_of(answer), pieces_of(other)
        return in_any_order(one, two, self._same_piece) if one and two else None

    def _same_piece(self, one: Piece, two: Piece) -> Verdict:
        return all_of((self.compare(one.value, two.value), self.compare(one.condition, two.condition)))

    def _regions(self, answer: str, other: str) -> Verdict | None:
        one, two = region_of(answer), region_of(other)
        if one is None or two is None:
            certain = (one is not None and one.certain) or (two is not None and two.certain)
            has_relation = bool(split_relations(answer)[1]) and bool(split_relations(other)[1])
            return Verdict.DIFFERENT if certain and not has_relation and "|" not in answer + other else None
        if not one.certain and not two.certain:
            return None
        if one.variable and two.variable and one.variable != two.variable:
            return Verdict.DIFFERENT
        return in_any_order(one.intervals, two.intervals, self._same_interval)

    def _same_interval(self, one: Interval, two: Interval) -> Verdict:
        if (one.low_open, one.high_open) != (two.low_open, two.high_open):
            return Verdict.DIFFERENT
        return all_of((self.compare(one.low, two.low), self.compare(one.high, two.high)))

    def _matrices(self, answer: str, other: str) -> Verdict | None:
        one, two = matrix_of(answer), matrix_of(other)
        if one is None or two is None or min(len(one), len(one[0]), len(two), len(two[0])) == 1:
            return None  # a row or a column is a vector: the rule for lists
        return in_order(one, two, lambda row, row_two: in_order(row, row_two, self.compare))

    def _equations(self, answer: str, other: str) -> Verdict | None:
        one, two = equation_of(answer), equation_of(other)
        if one and two:
            return self._two_equations(one, two)
        for equation, value in ((one, other), (two, answer)):
            if equation:
                names_several = equation.name.startswith("(") and len(split_list(value)) > 1
                if split_relations(value)[1] and not (names_several or equation_of(value) or region_of(value)):
                    return None
                return any_of(self.compare(each, value) for each in equation.values())
        return None

    def _two_equations(self, one: Equation, two: Equation) -> Verdict:
        if one.name and two.name:
            if not one.has_name(two.name):
                return self._algebra(one.text, two.text) if one.may_turn(two) else Verdict.DIFFERENT
            values, values_two = one.values(), two.values()
            if len(values) == len(values_two):
                return in_order(values, values_two, self.compare)
            return any_of(self.compare(value, value_two) for value in values for value_two in values_two)
        if one.is_numeric and two.is_numeric:
            if len(one.sides) == len(two.sides):
                return in_order(one.sides, two.sides, self.compare)
            return self.compare(one.sides[-1], two.sides[-1])
        if (one.name and two.is_numeric) or (two.name and one.is_numeric):
            return any_of(self.compare(value, value_two) for value in one.values() for value_two in two.values())
        if one.is_numeric != two.is_numeric or len(one.sides) != len(two.sides):
            return Verdict.DIFFERENT
        if is_sentence(one.text) or is_sentence(two.text):
            return compare_quantities(one.text, two.text, self._algebra, self.compare)
        sides = any_of(
            (in_order(one.sides, two.sides, self._plainly), in_order(one.sides, two.sides[::-1], self._plainly))
        )
        return sides if sides is Verdict.EQUAL else self._algebra(one.text, two.text)

    def _plainly(self, side: str, side_two: str) -> Verdict:
        return verdict(_same_text(side, side_two))

    def _lists(self, answer: str, other: str) -> Verdict | None:
        one, two = _several_of(answer), _several_of(other)
        if one is None and two is None:
            vectors = coordinates_of(answer), coordinates_of(other)
            return in_order(*vectors, self.compare) if all(vectors) else None
        one, two = one or _vector_of(answer, two), two or _vector_of(other, one)
        if "matrix" in (one.kind if one else "", two.kind if two else ""):
            return self._algebra(answer, other)
        one, two = one or _Several("single", (answer,)), two or _Several("single", (other,))
        if len(one.items) != len(two.items):
            return Verdict.DIFFERENT
        kinds = {one.kind, two.kind}
        if "list" in kinds and not kinds <= {"list", "set"}:
            one, two = _by_name(one), _by_name(two)
        if kinds <= {"list", "set", "single"}:
            short = len(one.items) <= MAX_ITEMS
            return (in_any_order if short else in_order)(one.items, two.items, self.compare)
        if "set" in kinds or (kinds == {"tuple", "row"} and len(one.items) == 2):
            return Verdict.DIFFERENT
        return in_order(one.items, two.items, self.compare)

    def _orders(self, answer: str, other: str) -> Verdict | None:
        """Compare chains of "less than", each from its smaller end; other inequalities are left to algebra."""
        (sides, signs), (sides_two, signs_two) = _ascending(answer), _ascending(other)
        if not signs and not signs_two:
            return None
        if signs == signs_two and in_order(sides, sides_two, self.compare) is Verdict.EQUAL:
            return Verdict.EQUAL
        if len(signs) != len(signs_two) or not any(map(has_variable, [*sides, *sides_two])):
            return Verdict.DIFFERENT  # 2 < 3 and 4 < 5 are both true
        return self._algebra(answer, other)

    def _powers(self, answer: str, other: str) -> Verdict | None:
        return compare_powers(answer, other, self.compare)


def _several_of(text: str) -> _Several | None:
    if (lines := lines_of(text)) is not None:
        return _Several("list", tuple(lines))
    if (rows := matrix_of(text)) is not None:
        vector = rows[0] if len(rows) == 1 else [row[0] for row in rows] if len(rows[0]) == 1 else None
        return _Several("vector", tuple(vector)) if vector else _Several("matrix", (text,))
    items = list(both_signs(split_list(text)))
    if len(items) > 1 and not ("and" in text and is_number_in_words(text)):
        return _Several("list", tuple(items))
    if (brackets := brackets_of(text)) is None:
        return None
    kind = {"(": "tuple", "[": "row", r"\{": "set", r"\langle": "vector"}.get(brackets[0], "row")
    items = list(both_signs(split_list(brackets[1])))
    if kind == "set":
        items = list({_IDLE_SPACE.sub("", item): item for item in items}.values())
    return _Several(kind, tuple(items)) if len(items) > 1 or kind == "set" else None


def _are_congruent(one: Congruence, other: Congruence) -> bool:
    """Tell whether two answers with one modulus name the same classes: 10 is 3 modulo 7."""
    classes, classes_two = one.classes(), other.classes()
    return classes is not None and classes_two is not None and classes.are_those_of(classes_two)


def _in_order_of(text: str, count: int) -> list[str]:
    """Return so many items of a list whose order counts, or as many as it has; those of a set have none."""
    if len(items := items_at_breaks(text)) == count:
        return items
    several = _several_of(text)
    return [text] if several is None or several.kind in ("set", "matrix") else list(several.items)


def _by_name(several: _Several) -> _Several:
    """Return a list of values with names in the order of these: y=3, x=2 is the point (2, 3)."""
    equations = [equation_of(item) for item in several.items] if several.kind == "list" else [None]
    names = [equation.name for equation in equations if equation and equation.name]
    if len(set(names)) < len(equations):
        return several
    items = [item for _, item in sorted(zip(names, several.items, strict=True))]
    return _Several("list", tuple(items))


def _vector_of(text: str, other: _Several | None) -> _Several | None:
    r"""Return 3i - 2j or \binom{3}{-2} as a vector where the other answer is one: alone they may be numbers."""
    if other is None or other.kind not in ("tuple", "vector"):
        return None
    coordinates = coordinates_of(text)
    return _Several("vector", coordinates) if coordinates else None


def _ascending(text: str) -> tuple[list[str], list[str]]:
    sides, signs = split_relations(text)
    if not signs or set(signs) <= {"=", "~", "=="}:
        return [text], []
    return ascending(sides, signs)


def _value_in_base(digits: str, base: int) -> int | str:
    try:
        return int(digits, base)
    except ValueError:
        return f"{digits} in base {base}"
