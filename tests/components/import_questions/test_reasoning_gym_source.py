from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from components.import_questions.reasoning_gym_source import CLEANING, ReasoningGymSource, clean_question
from components.shared.errors import InputError

INSTRUCTIONS = ("final answer", "Do not", "Return only", "Your task", "Answer in", "Give only")
PROGRAM = """
from components.import_questions.reasoning_gym_source import CLEANING, ReasoningGymSource
for row in ReasoningGymSource(generators=list(CLEANING), num_questions=60, seed=3, origin="").rows():
    print(row)
"""


def open_generators(*generators: str, num_questions: int = 12, seed: int = 0, origin: str = "") -> ReasoningGymSource:
    return ReasoningGymSource(generators=generators, num_questions=num_questions, seed=seed, origin=origin)


@pytest.mark.parametrize("generator", CLEANING)
def test_questions_hold_no_instruction_on_the_form_of_the_answer(generator: str) -> None:
    rows = list(open_generators(generator, num_questions=50).rows())
    assert len(rows) == 50
    for row in rows:
        assert not any(instruction in row.question for instruction in INSTRUCTIONS), row.question
        assert row.question[-1] in ".?", row.question
        assert row.answer
        assert row.origin == generator


def test_generators_take_turns() -> None:
    rows = open_generators("gcd", "lcm", "products", num_questions=7).rows()
    assert [row.origin for row in rows] == ["gcd", "lcm", "products", "gcd", "lcm", "products", "gcd"]


def test_same_seed_gives_the_same_questions_in_any_process() -> None:
    outputs = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert outputs[0] == outputs[1]
    assert outputs[0].count("SourceRow") == 60


def test_another_seed_gives_other_questions() -> None:
    first, second = (list(open_generators("gsm_symbolic", seed=seed).rows()) for seed in (0, 1))
    assert not {row.question for row in first} & {row.question for row in second}


def test_origin_stands_in_for_the_generators_names() -> None:
    assert {row.origin for row in open_generators("gcd", "lcm", origin="mixed").rows()} == {"mixed"}


def test_unknown_generator_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match="unknown generator 'sudoku'; expected any of basic_arithmetic, chain_sum"):
        open_generators("gcd", "sudoku")


def test_generators_without_a_number_of_questions_are_refused() -> None:
    with pytest.raises(InputError, match="--num-questions 0: generators have no end"):
        open_generators("gcd", num_questions=0)


def test_question_in_unknown_words_is_a_bug_of_ours() -> None:
    with pytest.raises(AssertionError, match="now words its questions differently"):
        clean_question("gcd", "What is the GCD of 4 and 6?")


def test_settings_of_a_generator_make_its_questions_easier() -> None:
    source = ReasoningGymSource(generators=["chain_sum?max_terms=2&max_digits=1"], num_questions=8, seed=0, origin="")
    assert all(re.fullmatch(r"Calculate \d [+-] \d\.", row.question) for row in source.rows())
    assert {row.origin for row in source.rows()} == {"chain_sum"}


@pytest.mark.parametrize("text", ["chain_sum?foo=1", "chain_sum?max_terms=two", "chain_sum?max_terms=0", "chain_sum?x"])
def test_settings_that_a_generator_does_not_take_are_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"is not accepted .*; expected settings of chain_sum"):
        ReasoningGymSource(generators=[text], num_questions=8, seed=0, origin="")
