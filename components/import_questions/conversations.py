"""Questions and responses in conversations: lists of turns, as chat data has them in a column.

[{"role": "user", "content": "What is 2+2?"}, {"role": "assistant", "content": "4"}]       messages
[{"from": "human", "value": "What is 2+2?"}, {"from": "gpt", "value": "4"}]                ShareGPT
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_WHO, _WHAT = ("role", "from"), ("content", "value", "text")
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


def question_in(turns: Sequence[Mapping[str, Any]]) -> str:
    """Return what the first turn of the user says; "" if there is none."""
    return next((_text(turn) for turn in turns if _first(turn, _WHO) in _ASKS), "")


def reply_in(turns: Sequence[Mapping[str, Any]]) -> str:
    """Return the first reply to the first turn of the user; "" if there is none."""
    asked = next((place for place, turn in enumerate(turns) if _first(turn, _WHO) in _ASKS), len(turns))
    return next((_text(turn) for turn in turns[asked:] if _first(turn, _WHO) in _REPLIES), "")


def _first(turn: Mapping[str, Any], keys: Sequence[str]) -> Any:
    value = next((turn[key] for key in keys if turn.get(key) is not None), "")
    return value.lower() if isinstance(value, str) and keys is _WHO else value


def _text(turn: Mapping[str, Any]) -> str:
    """Return a turn's text; of a list of blocks, its texts."""
    content = _first(turn, _WHAT)
    if isinstance(content, Sequence) and not isinstance(content, str):
        content = "".join(block.get("text") or "" for block in content if isinstance(block, Mapping))
    return content if isinstance(content, str) else ""
