"""Questions and responses in conversations: lists of turns, as chat data has them in a column.

[{"role": "user", "content": "What is 2+2?"}, {"role": "assistant", "content": "4"}]       messages
[{"from": "human", "value": "What is 2+2?"}, {"from": "gpt", "value": "4"}]                ShareGPT

A table in CSV holds them as text, as JSON or as Python writes them.
"""

from __future__ import annotations

import ast
import contextlib
import json
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any

_WHO, _WHAT = ("role", "from"), ("content", "value", "text")
_TEXTS = ("text", "input_text", "output_text")
_ASKS, _REPLIES = (
    frozenset(("user", "human", "prompter", "instruction")),
    frozenset(("assistant", "gpt", "model", "bot", "chatgpt", "bard")),
)


def is_conversation(value: Any) -> bool:
    """Tell whether a value is a list of turns."""
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and bool(value)
        and all(
            isinstance(turn, Mapping) and _first(turn, _WHO) and any(key in turn for key in _WHAT) for turn in value
        )
    )


def is_list_of_turns(value: Any) -> bool:
    """Tell whether a value is a list of turns, some of which may hold something else than a text."""
    return isinstance(value, list) and bool(value) and all(isinstance(t, Mapping) and _first(t, _WHO) for t in value)


def written_out(text: str) -> Any:
    """Return the turns that a text is written from; any other text as it is."""
    if not text.startswith("[{"):
        return text
    for read in (json.loads, ast.literal_eval):
        with contextlib.suppress(ValueError, SyntaxError, RecursionError, MemoryError):  # the last two: nested deeply
            if is_conversation(turns := read(text)):
                return turns
    return text


def kinds_besides_text(turns: Sequence[Mapping[str, Any]]) -> str:
    """Return what the first turn of the user holds beside text ("image"); "" for nothing."""
    asked: Mapping[str, Any] = next((turn for turn in turns if _first(turn, _WHO) in _ASKS), {})
    content = _first(asked, _WHAT)
    blocks = content if isinstance(content, Sequence) and not isinstance(content, str) else ()
    kinds = (block.get("type") or "" for block in blocks if isinstance(block, Mapping) and not block.get("text"))
    return ", ".join(sorted({kind for kind in kinds if kind and kind not in _TEXTS}))


def question_in(turns: Sequence[Mapping[str, Any]]) -> str:
    """Return what the first turn of the user says; "" if there is none."""
    return next((_text(turn) for turn in turns if _first(turn, _WHO) in _ASKS), "")


def reply_in(turns: Sequence[Mapping[str, Any]]) -> str:
    """Return the first reply with a text to the first turn of the user; "" if there is none.

    A reply that only calls a tool has none.
    """
    asked = next((place for place, turn in enumerate(turns) if _first(turn, _WHO) in _ASKS), len(turns))
    replies = takewhile(lambda turn: _first(turn, _WHO) not in _ASKS, turns[asked + 1 :])
    return next((text for turn in replies if _first(turn, _WHO) in _REPLIES and (text := _text(turn))), "")


def _first(turn: Mapping[str, Any], keys: Sequence[str]) -> Any:
    value = next((turn[key] for key in keys if turn.get(key) is not None), "")
    return value.lower() if isinstance(value, str) and keys is _WHO else value


def _text(turn: Mapping[str, Any]) -> str:
    """Return a turn's text; of a list of blocks, its texts."""
    content = _first(turn, _WHAT)
    if isinstance(content, Sequence) and not isinstance(content, str):
        content = "".join(block.get("text") or "" for block in content if isinstance(block, Mapping))
    return content if isinstance(content, str) else ""
