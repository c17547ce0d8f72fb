import pytest

from components.shared.texts.math_answers.normal import normalize_answer
from components.shared.texts.math_answers.notations import in_binomials


@pytest.mark.parametrize("text", ["C(10,3)", "{}_{10}C_3", "_{10}C_{3}", "C_{10}^3", r"\mathrm{C}^3_{10}", "10C3"])
def test_every_notation_of_a_number_of_choices_is_one(text: str) -> None:
    assert in_binomials(normalize_answer(text)) == r"\binom{10}{3}"


@pytest.mark.parametrize("text", ["P(2,3)", "C", "AC(10,3)", "C(1,2,3)", "C_{3}", "f(10,3)", r"\binom{10}{3}"])
def test_what_is_no_number_of_choices_stays(text: str) -> None:
    assert in_binomials(text) == text
