"""Worked solutions: each step of them is right, and so is the box."""

from __future__ import annotations

import re

import pytest

from components.import_questions.reasoning_gym_source import ReasoningGymSource
from components.import_questions.worked_solutions import WRITERS
from components.shared.errors import InputError
from components.shared.texts.math_answers import AnswerChecker, extract_final_answer

EQUATION = re.compile(r"(-?\d+(?: [-+*] -?\d+)+) = (-?\d+)(?!\d)")


def rows_of(*generators: str, is_worked: bool = True) -> ReasoningGymSource:
    return ReasoningGymSource(generators=generators, num_questions=60, seed=5, origin="", is_worked=is_worked)


@pytest.mark.parametrize("generator", WRITERS)
def test_a_worked_solution_boxes_the_known_answer(generator: str) -> None:
    rows = list(rows_of(generator).rows())
    with AnswerChecker() as checker:
        assert all(checker.equal((row.answer, extract_final_answer(row.response)) for row in rows))
    assert all(len(row.response.splitlines()) > 1 for row in rows)


@pytest.mark.parametrize("generator", [name for name in WRITERS if name != "gsm_symbolic"])  # it writes its own
def test_each_equation_of_a_worked_solution_holds(generator: str) -> None:
    equations = [found for row in rows_of(generator).rows() for found in EQUATION.findall(row.response)]
    assert len(equations) > 60
    for sum_, result in equations:
        assert eval(sum_) == int(result), f"{sum_} = {result}"


def test_none_is_written_where_none_is_asked_for() -> None:
    assert {row.response for row in rows_of("leg_counting", is_worked=False).rows()} == {""}


def test_generators_without_worked_solutions_are_refused() -> None:
    with pytest.raises(InputError, match="no worked solutions to gcd; expected any of chain_sum, gsm_symbolic"):
        rows_of("leg_counting", "gcd")
