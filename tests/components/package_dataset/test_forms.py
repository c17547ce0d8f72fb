from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.package_dataset.forms import DATA_COLUMNS, DATA_SCHEMA, RL_COLUMNS, RL_SCHEMA, Problems, split_of
from components.shared.records import Example
from tests.components.package_dataset.examples import example


def problem(**values: Any) -> dict[str, Any]:
    (row,) = Problems().table_of([example(1, **values)]).to_pylist()
    assert isinstance(row, dict)
    return row


def test_each_column_is_described() -> None:
    assert list(DATA_COLUMNS) == DATA_SCHEMA.names
    assert list(RL_COLUMNS) == RL_SCHEMA.names


@pytest.mark.parametrize(
    ("values", "tier", "pass_rate"),
    [
        ({"answer": "2"}, "verified", 0.75),
        ({"answer": "3"}, "constructed", None),  # how many gave 3 is not in the row
        ({"answer": "2", "num_agreeing": None, "num_candidates": None}, "verified", None),
        ({}, "agreed 3 of 4", 0.75),
        ({"num_agreeing": 2}, "agreed 2 of 4", 0.5),
        ({"num_agreeing": 1, "num_candidates": 1}, "reward only", 1.0),  # one response agrees with nobody
        ({"num_agreeing": None, "num_candidates": None}, "reward only", None),
        ({"num_agreeing": 1, "reward": None}, "unchecked", 0.25),
    ],
)
def test_a_problem_says_how_its_answer_is_known(values: dict[str, Any], tier: str, pass_rate: float) -> None:
    row = problem(**values)
    assert (row["answer"], row["tier"], row["pass_rate"]) == (values.get("answer", "2"), tier, pass_rate)
    assert (row["num_agreeing"] is None) == (pass_rate is None)


def test_a_problem_stands_once_and_needs_an_answer() -> None:
    rows = [
        example(1),
        example(1, id="q1-3", question="What  is 1 + 1?\n"),
        example(2, final_answer=""),
        example(3, final_answer="", answer="6"),
    ]
    problems = Problems()
    assert [row["id"] for row in problems.table_of(rows).to_pylist()] == ["q1", "q3"]
    assert problems.table_of(rows[:2]).num_rows == 0
    assert (problems.num_without_answer, problems.num_repeated) == (1, 3)


@pytest.mark.parametrize(
    ("rows", "answer", "pass_rate"),
    [
        ([example(1, final_answer="3", num_agreeing=1), example(1)], "2", 0.75),
        ([example(1), example(1, final_answer="3", num_agreeing=1)], "2", 0.75),
        ([example(1, final_answer="3", answer="2"), example(1, answer="2", num_agreeing=1)], "2", 0.25),
        ([example(1, final_answer="3"), example(1, answer="2", num_agreeing=1)], "2", 0.25),
    ],
)
def test_of_the_rows_of_a_question_the_one_stands_whose_answer_is_known_best(
    rows: list[Example], answer: str, pass_rate: float
) -> None:
    (row,) = Problems().table_of(rows).to_pylist()
    assert (row["answer"], row["pass_rate"]) == (answer, pass_rate)


@pytest.mark.parametrize(
    "texts",
    [
        (r"What is $\dfrac{1}{2}$ of 1{,}000?", "what is 1/2 of 1000"),
        ("What is 7 + 8?", "What  is\n7 + 8 ?"),
        ("???", "??? "),
    ],
)
def test_spellings_of_one_question_are_in_one_split(texts: tuple[str, str]) -> None:
    for share in (0.1, 0.3, 0.5):
        assert len({split_of(text, share) for text in texts}) == 1


@given(st.text(max_size=30), st.floats(0.0, 0.5), st.floats(0.0, 0.5))
def test_a_larger_share_takes_no_question_out_of_validation(question: str, one: float, other: float) -> None:
    assert split_of(question, 0.0) == "train"
    if split_of(question, min(one, other)) == "validation":
        assert split_of(question, max(one, other)) == "validation"


def test_about_the_share_is_validation() -> None:
    splits = [split_of(f"What is {number} + 1?", 0.1) for number in range(2000)]
    assert 150 < splits.count("validation") < 250
