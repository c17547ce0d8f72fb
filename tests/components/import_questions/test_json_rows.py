from __future__ import annotations

from typing import Any

import pytest

from components.import_questions.json_rows import rows_in
from components.shared.errors import InputError

ROWS = [{"question": "a", "answer": "1"}, {"question": "b", "answer": "2"}]
TURNS = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "1"}]


@pytest.mark.parametrize(
    ("value", "rows"),
    [
        (ROWS, ROWS),
        ({"train": ROWS}, ROWS),
        ({"version": "1.1", "data": ROWS}, ROWS),
        ({"prompt": "Solve each.", "data": ROWS}, ROWS),
        ({"features": [{"name": "question"}], "rows": ROWS}, ROWS),
        ({"name": "task", "examples": ROWS, "tags": ["x"]}, ROWS),
        ({"question": ["a", "b"], "answer": ["1", "2"]}, ROWS),
        ({"question": [], "answer": []}, []),
        ({"question": {"0": "a", "1": "b"}, "answer": {"0": "1", "1": "2"}}, ROWS),
        ({"question": {"5": "a"}}, [{"question": "a"}]),
        ({"x1": ROWS[0], "x2": ROWS[1]}, ROWS),
        ({"prompt": [TURNS, TURNS], "answer": ["1", "2"]}, [{"prompt": TURNS, "answer": n} for n in "12"]),
    ],
)
def test_rows_are_found_in_each_form_that_programs_write(value: Any, rows: list[Any]) -> None:
    assert rows_in(value, "a.json") == rows


@pytest.mark.parametrize(
    "row",
    [
        {"question": "a"},
        {"question": "a", "answers": ["1", "2"]},
        {"question": "a", "steps": [{"text": "b"}]},
        {"question": {"problem": "a"}, "label": {"steps": []}},
        {"messages": TURNS},
        {"messages": TURNS, "answers": ["1", "2"]},
        {"question": "a", "answer": "1", "items": [{"n": 1}, {"n": 2}]},
        {"messages": TURNS, "tools": [{"name": "b"}], "data": [{"z": 1}]},
        {"prompt": {"text": "a"}, "answer": {"text": "1"}},
        {},
    ],
)
def test_an_object_that_is_a_row_stays_one(row: dict[str, Any]) -> None:
    assert rows_in(row, "a.json") == [row]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"train": ROWS, "test": ROWS}, r"^a\.json holds several lists of rows: train, test; write the one"),
        ({"question": ["a", "b"], "answer": ["1"]}, r"columns of different lengths: question \(2\), answer \(1\)"),
        (7, r"^a\.json holds one value of type int; expected a list"),
    ],
)
def test_what_holds_no_rows_or_several_lists_is_one_message(value: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        rows_in(value, "a.json")
