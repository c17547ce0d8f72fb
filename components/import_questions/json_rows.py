"""The rows in one JSON value, in the forms that programs write.

[{"question": "a"}, {"question": "b"}]                     one object a row
{"version": 2, "data": [{"question": "a"}]}                the same under a name
{"question": ["a", "b"], "answer": ["1", "2"]}             columns
{"question": {"0": "a", "1": "b"}}                         columns, as pandas writes a table
{"x1": {"question": "a"}, "x2": {"question": "b"}}         rows by their names
{"question": "a"}                                          one row, also with lists of what is no question
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.import_questions.conversations import is_conversation
from components.shared.errors import InputError

NAMES_OF_LISTS = ("data", "rows", "records", "examples", "instances", "items")  # beside facts about the list

NAMES_OF_QUESTIONS = ("question", "problem", "prompt", "messages", "conversations")


def rows_in(value: Any, name: str) -> list[Any]:
    """Return the rows of a JSON value of a file; InputError, which begins with ``name``, for a value without any."""
    if isinstance(value, list):
        return value
    if not isinstance(value, dict):
        raise InputError(
            f"{name} holds one value of type {type(value).__name__}; expected a list of objects, or one object a line"
        )
    lists = [key for key, item in value.items() if _is_list_of_rows(item)]
    if _has_question(value) and not any(_has_question(value[key][0]) for key in lists):
        return [value]
    named = lists if len(value) == 1 else [key for key in lists if key in NAMES_OF_LISTS]
    if len(named) == 1:
        return list(value[named[0]])
    if len(lists) == len(value) > 1:
        raise InputError(
            f"{name} holds several lists of rows: {', '.join(lists)}; write the one that is meant to a file of its own"
        )
    if len(value) > 1 and all(isinstance(item, list) and not is_conversation(item) for item in value.values()):
        return _of_columns(value, name)
    return _of_tables(value) or [value]


def _is_list_of_rows(value: Any) -> bool:
    """Tell whether a value is a list of objects; the turns of a conversation ("messages": [...]) are no rows."""
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict) and not is_conversation(value)


def _has_question(value: Mapping[str, Any]) -> bool:
    return any(isinstance(value.get(key), str) or is_conversation(value.get(key)) for key in NAMES_OF_QUESTIONS)


def _of_columns(columns: Mapping[str, list[Any]], name: str) -> list[Any]:
    lengths = {key: len(items) for key, items in columns.items()}
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{key} ({length})" for key, length in lengths.items())
        raise InputError(f"{name} holds columns of different lengths: {said}; expected one value of each for each row")
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _of_tables(objects: Mapping[str, Any]) -> list[Any]:
    """Return the rows of objects that all have the same fields: columns by number, or rows; [] for others."""
    inner = list(objects.values())
    if not inner or not all(isinstance(item, dict) and item and item.keys() == inner[0].keys() for item in inner):
        return []
    if all(key.isdecimal() for key in inner[0]):
        return [{column: items[row] for column, items in objects.items()} for row in inner[0]]
    return [] if len(inner) == 1 or not objects.keys().isdisjoint(NAMES_OF_QUESTIONS) else inner
