"""The forms that rows are published in for a training elsewhere, and which split a question belongs to.

``data/``: each row's columns and the same as ``messages``; ``rl/``: each question once, with an answer to compare with.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, cast

import pyarrow as pa

from components.shared.publishing.tiers import CONSTRUCTED, rank_of
from components.shared.records import Example, schema_of, to_table
from components.shared.texts.canonical import canonical_key

Split = Literal["train", "validation"]

_MESSAGE = pa.struct([pa.field("role", pa.string()), pa.field("content", pa.string())])

DATA_SCHEMA = pa.schema([*schema_of(Example), pa.field("messages", pa.list_(_MESSAGE), nullable=False)])
RL_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("prompt", pa.list_(_MESSAGE), nullable=False),
        pa.field("question", pa.string(), nullable=False),
        pa.field("answer", pa.string(), nullable=False),
        pa.field("tier", pa.string(), nullable=False),
        pa.field("pass_rate", pa.float64(), nullable=True),
        pa.field("num_agreeing", pa.int64(), nullable=True),
        pa.field("num_candidates", pa.int64(), nullable=True),
        pa.field("source", pa.string(), nullable=False),
        pa.field("difficulty", pa.float64(), nullable=True),
        pa.field("metadata", pa.string(), nullable=False),
    ]
)

DATA_COLUMNS = MappingProxyType(
    {
        "id": "the response's id; the question's id is the part before its last hyphen",
        "question": "the question",
        "response": "the response that was chosen",
        "final_answer": "the content of the response's last box",
        "answer": "the known answer, empty if none is known",
        "source": "the generator or the data set that the question comes from",
        "difficulty": "predicted fail rate of the question, null if none was predicted",
        "reward": "the reward model's score of the response",
        "num_agreeing": "how many of the question's responses have this final answer by value, this one included",
        "num_candidates": "how many responses there were to choose from",
        "num_tokens": "tokens of the response",
        "metadata": "the other columns of the file that the question comes from, as a JSON object; empty if not kept",
        "history": "where and why the row was rejected before it was used as input again; mostly empty",
        "thought": "what a reasoning solver thought before the response; empty unless it was asked for",
        "tier": "how the answer is known: see the tiers below",
        "messages": "the question as the user's message, the response as the assistant's",
    }
)
RL_COLUMNS = MappingProxyType(
    {
        "id": "the question's id",
        "prompt": "the question as the user's message",
        "question": "the question",
        "answer": "the answer to compare a final answer with",
        "tier": "how the answer is known: see the tiers below",
        "pass_rate": "share of the candidates whose final answer is this one by value; null if the rows do not say it. "
        "Responses that were cut off or gave no final answer are not among the candidates",
        "num_agreeing": "how many candidates gave this answer; null where `pass_rate` is",
        "num_candidates": "how many responses were compared; null where `pass_rate` is",
        "source": "the generator or the data set that the question comes from",
        "difficulty": "predicted fail rate of the question, null if none was predicted",
        "metadata": "the other columns of the file that the question comes from, as a JSON object; empty if not kept",
    }
)


def split_of(question: str, validation_share: float) -> Split:
    """Return the split that a question belongs to, decided by its canonical form alone: all its rows share it."""
    if validation_share == 0:
        return "train"
    return "validation" if _hash(canonical_key(question)) < validation_share * 2**64 else "train"


def data_table(rows: Sequence[Example]) -> pa.Table:
    """Return rows as they are published: their columns, and question and response as messages."""
    column = DATA_SCHEMA.field("messages")
    messages = [[_message("user", row.question), _message("assistant", row.response)] for row in rows]
    return to_table(rows, Example).append_column(column, pa.array(messages, column.type))


@dataclass
class Problems:
    """Questions with answers, each question once; of its rows in one part, the one whose answer is known best."""

    num_without_answer: int = 0  # rows
    num_repeated: int = 0  # rows of a question that another row stands for
    _seen: set[int] = field(default_factory=set)

    def table_of(self, rows: Sequence[Example]) -> pa.Table:
        """Return what the rows of one part add."""
        answered = [row for row in rows if row.answer or row.final_answer]
        best: dict[int, Example] = {}
        for row in answered:
            number = _hash(_normal(row.question))
            if number not in self._seen and (number not in best or rank_of(row.tier) < rank_of(best[number].tier)):
                best[number] = row
        self._seen |= best.keys()
        self.num_without_answer += len(rows) - len(answered)
        self.num_repeated += len(answered) - len(best)
        return pa.Table.from_pylist([_problem(row) for row in best.values()], schema=RL_SCHEMA)


def _problem(row: Example) -> dict[str, Any]:
    """Return a question with its answer; the known answer goes before what responses agree on."""
    is_counted = row.tier != CONSTRUCTED and row.num_candidates  # how many gave a known answer, another row would say
    agreeing, candidates = (row.num_agreeing, row.num_candidates) if is_counted else (None, None)
    return {
        "id": row.id.rpartition("-")[0],
        "prompt": [_message("user", row.question)],
        "question": row.question,
        "answer": row.answer or row.final_answer,
        "tier": row.tier,
        "pass_rate": None if agreeing is None else agreeing / cast(int, candidates),
        "num_agreeing": agreeing,
        "num_candidates": candidates,
        "source": row.source,
        "difficulty": row.difficulty,
        "metadata": row.metadata,
    }


def _message(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _normal(text: str) -> str:
    return " ".join(text.casefold().split())


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
