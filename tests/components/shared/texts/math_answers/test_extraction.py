from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.shared.texts.math_answers import extract_final_answer, known_answer
from tests.components.shared.texts.case_files import cases_of

VALUES = st.sampled_from(["4", "-7", r"\frac{1}{2}", r"\sqrt{3}", "x+1", r"\{1,2\}", "(2, 3)", "12.5"])
PLACEHOLDERS = st.sampled_from(["", "...", r"\ldots", r"\dots", "…", r"\text{answer}", "your answer", "?", r"\square"])
QUESTIONS = st.sampled_from(
    [
        "\n\nQuestion: What is 1+1?\n",
        "\n### Instruction:\nAdd.\n",
        "<|im_end|>\n<|im_start|>user\n",
        "</s>",
        "\nQ: 1+1\nA: ",
    ]
)


@pytest.mark.parametrize(("text", "answer"), cases_of("final_answers"))
def test_the_final_answer_is_what_the_reply_puts_into_its_last_boxes(text: str, answer: str) -> None:
    assert extract_final_answer(text) == answer


@pytest.mark.parametrize(("text", "answer"), cases_of("known_answers"))
def test_a_known_answer_is_a_value_and_never_a_solution(text: str, answer: str) -> None:
    assert known_answer(text) == answer


@given(VALUES, PLACEHOLDERS, QUESTIONS, VALUES)
def test_neither_a_placeholder_nor_another_question_changes_the_answer(
    value: str, placeholder: str, question: str, other: str
) -> None:
    reply = rf"Hence it is $\boxed{{{value}}}$."
    assert extract_final_answer(reply) == value
    assert extract_final_answer(rf"{reply} It stands in \boxed{{{placeholder}}}.") == value
    assert extract_final_answer(rf"{reply}{question}\boxed{{{other}}}") == value


@given(st.lists(VALUES, min_size=2, max_size=5, unique=True), st.sampled_from([", ", " and ", " or ", "\n\n", "; "]))
def test_boxes_that_only_separators_divide_are_parts_of_one_answer(values: list[str], separator: str) -> None:
    assert extract_final_answer(separator.join(rf"$\boxed{{{value}}}$" for value in values)) == ", ".join(values)


@given(st.text(alphabet="\\boxed{}fn $1-^x=\n.,", max_size=60))
def test_any_text_has_an_answer_or_none(text: str) -> None:
    assert isinstance(extract_final_answer(text), str)


@pytest.mark.parametrize("piece", ["?!", ". ", "\n---\n", "the answer is: ", "**"])
def test_a_known_answer_that_repeats_itself_is_read_in_time(piece: str) -> None:
    begun = time.process_time()
    known_answer(piece * (5000 // len(piece)) + "x")
    assert time.process_time() - begun < 5.0  # 0.4 s at most on a busy core
