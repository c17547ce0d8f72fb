from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.shared.texts.math_answers import extract_final_answer
from components.shared.texts.prompts import MAX_SOLVE_EXAMPLES, SOLVE, fill_prompt, load_prompt, load_solve_examples


def test_the_line_that_names_the_source_is_no_part_of_the_prompt(tmp_path: Path) -> None:
    path = tmp_path / "prompt.txt"
    path.write_text("# source: here\n\nAnswer {question}\n", encoding="utf-8")
    assert load_prompt(path) == "Answer {question}"


def test_a_prompt_without_a_source_is_a_bug(tmp_path: Path) -> None:
    path = tmp_path / "prompt.txt"
    path.write_text("Answer {question}", encoding="utf-8")
    with pytest.raises(AssertionError, match="the first line has to be"):
        load_prompt(path)


@given(st.text(), st.text())
def test_values_stand_in_the_prompt_as_they_are_braces_and_all(question: str, name: str) -> None:
    filled = fill_prompt("{name} asks: {question} \\boxed{{}}", question=question, name=name)
    assert filled == f"{name} asks: {question} \\boxed{{}}"


def test_every_missing_variable_is_listed() -> None:
    with pytest.raises(ValueError, match="the prompt needs answer, question; given: name"):
        fill_prompt("{question} {answer} {name}", name="x")


def test_the_solving_prompt_asks_for_steps_and_a_boxed_answer() -> None:
    filled = fill_prompt(load_prompt(SOLVE), question="What is {1} + \\frac{1}{2}?")
    assert filled.startswith("What is {1} + \\frac{1}{2}?\n")
    assert "step by step" in filled
    assert filled.endswith("\\boxed{}.")


def test_as_many_worked_examples_are_shown_as_are_asked_for_each_with_a_boxed_answer() -> None:
    prompt = load_prompt(SOLVE)
    assert load_solve_examples(prompt, 0) == ()
    examples = load_solve_examples(prompt, MAX_SOLVE_EXAMPLES)
    assert len(examples) == MAX_SOLVE_EXAMPLES
    assert all(extract_final_answer(response) and "step by step" in asked for asked, response in examples)
