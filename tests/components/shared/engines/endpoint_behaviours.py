"""How servers of models behave: good answers, and ways to spoil them.

Four questions are asked about. The second one is ``BAD``: a server that fails at one row fails at that.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from components.shared.restarted import PROBE
from tests.components.shared.engines.served import Answer

QUESTIONS = (
    "How many wheels have 2 bicycles?",
    "How many corners have 3 purple squares?",
    "How many legs have 2 insects minus 6?",
    "How many sides have 2 pairs of parallel lines?",
)
ANSWERS = ("4", "12", "6", "4")  # of which a reply that boxes 4 has two
BAD = "purple"
STEPS = ("generate_responses", "filter_solvability", "build_preferences", "measure_fail_rate", "evaluate")
KEY = "OPENAI_API_KEY"

Behaviour = Callable[[dict[str, Any], int], Answer]


@dataclass(frozen=True, kw_only=True)
class Kept:
    """All rows are answered; ``thought``: whether the thought stands in its column."""

    thought: bool = False


@dataclass(frozen=True, kw_only=True)
class Rejected:
    """The bad row is rejected for a reason, in whose detail these words stand; the others are kept."""

    words: str
    reason: str = "refused"


@dataclass(frozen=True, kw_only=True)
class AllRejected:
    """All rows are rejected, for the reason of each step; a step without one keeps them, as wrong."""

    reasons: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Ends:
    """The step ends, before anything is written or ``after``, but with no row: an exit code, and these words."""

    code: int
    words: str
    after: bool = False


@dataclass(frozen=True, kw_only=True)
class Zoo:
    """One server: its name (of a case, where it is one), how it answers, what has to come out."""

    name: str
    answer: Behaviour
    outcome: Kept | Rejected | AllRejected | Ends
    models: Answer = field(default_factory=lambda: Answer(status=404))
    path: str = "/v1"  # of --endpoint
    environment: Mapping[str, str] = field(default_factory=dict)


def texts_of(body: Mapping[str, Any]) -> list[str]:
    """Return good samples for what is asked, all different."""
    message, number = body["messages"][-1]["content"], body.get("n", 1)
    named = [f"{body.get('seed', id(body))}.{sample}" for sample in range(number)]
    if "Verdict:" in message:
        return [f"Reason {name}: all is given.\nVerdict: Yes" for name in named]
    if "in JSON." in message:
        return ["true"] * number
    if "<question>" in message:
        return [f"<question>How many wheels have 7 cars and 2 bicycles in row {name}?</question>" for name in named]
    return [f"Way {name}: the final answer is \\boxed{{4}}." for name in named]


def said(body: Mapping[str, Any], finish_reason: Any = "stop", **changes: Callable[[str], Any]) -> Answer:
    """Answer well, but for the finish reason and for what ``changes`` make of the text in fields of the message."""
    choices = []
    for index, text in enumerate(texts_of(body)):
        message: dict[str, Any] = {"role": "assistant", "content": text}
        message |= {name: change(text) for name, change in changes.items()}
        choices.append({"index": index, "message": message, "finish_reason": finish_reason})
    return Answer(body={"choices": choices, "usage": {"prompt_tokens": 9, "completion_tokens": 5 * len(choices)}})


def well(body: dict[str, Any], _: int) -> Answer:
    return said(body)


def ends_by(word: Any) -> Behaviour:
    return lambda body, _: said(body, word)


def once(trouble: Answer) -> Behaviour:
    """Be in trouble at the first request and at the third."""
    return lambda body, number: trouble if number in (1, 3) else said(body)


def for_the_bad_row(trouble: Answer) -> Behaviour:
    return lambda body, _: trouble if BAD in body["messages"][-1]["content"] else said(body)


def for_the_bad_row_alone(trouble: Answer) -> Behaviour:
    """Be in trouble at once at the bad row, and slow at the others."""

    def answer(body: dict[str, Any], _: int) -> Answer:
        message = body["messages"][-1]["content"]
        if BAD in message:
            return trouble
        time.sleep(0 if message == PROBE else 0.2)
        return said(body)

    return answer


def once_for_each_row(trouble: Answer) -> Behaviour:
    """Be in trouble when a row comes for the first time."""
    seen: set[str] = set()

    def answer(body: dict[str, Any], _: int) -> Answer:
        message = body["messages"][-1]["content"]
        is_new = message != PROBE and message not in seen
        seen.add(message)
        return trouble if is_new else said(body)

    return answer


def at_first(trouble: Answer, times: int) -> Behaviour:
    return lambda body, number: trouble if number <= times else said(body)


def for_rows(trouble: Answer) -> Behaviour:
    """Be in trouble at each row; what is harmless is answered."""
    return lambda body, _: said(body) if body["messages"][-1]["content"] == PROBE else trouble


def unless(fits: Callable[[dict[str, Any]], bool], trouble: Answer) -> Behaviour:
    """Refuse what does not fit."""
    return lambda body, _: said(body) if fits(body) else trouble


def content(change: Callable[[str], Any]) -> Behaviour:
    return lambda body, _: said(body, content=change)


def stream(body: dict[str, Any], _: int) -> Answer:
    """Answer with events, though none were asked for; a thought comes first."""
    lines = []
    for index, text in enumerate(texts_of(body)):
        for delta in ({"reasoning_content": "Hm."}, {"content": text[:9]}, {"content": text[9:]}):
            lines.append({"choices": [{"index": index, "delta": delta, "finish_reason": None}]})
        lines.append({"choices": [{"index": index, "delta": {}, "finish_reason": "stop"}]})
    text = "".join(f"data: {json.dumps(line)}\n\n" for line in lines) + "data: [DONE]\n\n"
    return Answer(body=text.encode(), headers=(("Content-Type", "text/event-stream"),))


def events(*chunks: Any) -> Answer:
    """Answer with these events, and the one that says that all is sent."""
    text = "".join(f"data: {chunk if isinstance(chunk, str) else json.dumps(chunk)}\n\n" for chunk in chunks)
    return Answer(body=(text + "data: [DONE]\n\n").encode(), headers=(("Content-Type", "text/event-stream"),))


def one_error_in_two(body: dict[str, Any], number: int) -> Answer:
    failed = {"message": "upstream failed", "code": 502}
    good = said(body)
    if number % 2:
        good.body["choices"][0] |= {"finish_reason": "error", "error": failed}
    return good
