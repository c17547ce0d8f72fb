"""What a judge is asked about a question, stage by stage, and what its replies decide.

One stage after the other, and of each one judgement after the other: only until the stage is decided, and no stage
behind one that fails.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.filter_solvability.config import SOLVABILITY_PROMPT, STAGE_PROMPT, STAGES
from components.filter_solvability.judge_verdict import parse_verdict
from components.shared.engines import UNANSWERED, Completion, why_unanswered
from components.shared.engines.thoughts import split_thought
from components.shared.filters import KEEP, Verdict
from components.shared.texts.prompts import fill_prompt, load_examples, load_prompt

MAX_WHY_CHARS = 160
# Nothing more is written where a stage holds: that is most replies, and what a kept question costs.
SCHEMA = json.dumps(
    {
        "anyOf": [
            {
                "type": "object",
                "properties": {"answer": {"const": "Yes"}},
                "required": ["answer"],
                "additionalProperties": False,
            },
            {
                "type": "object",
                "properties": {"answer": {"const": "No"}, "why": {"type": "string", "maxLength": MAX_WHY_CHARS}},
                "required": ["answer", "why"],
                "additionalProperties": False,
            },
        ]
    }
)
_ANSWERS = {"yes": True, "no": False}
_FENCE = re.compile(r"```(?:json)?\s*(.*?)\s*```", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One thing that has to hold of a question."""

    name: str
    reason: str  # for which a question of which it does not hold is rejected
    message: Callable[[str], str]  # what the judge is asked about a question
    read: Callable[[str], Verdict | None]  # of a reply; None if it decides nothing
    examples: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Voting:
    """How many judgements a stage gets at most, and how many of them have to say that it holds."""

    number: int
    threshold: float  # share of the judgements, 0 to 1

    @property
    def needed(self) -> int:
        """How many judgements have to say that a stage holds."""
        return max(1, math.ceil(self.threshold * self.number))

    def decide(self, votes: Sequence[bool | None]) -> bool | None:
        """Return whether a stage holds after these votes, None while another one may change it."""
        agreeing = votes.count(True)
        if agreeing >= self.needed:
            return True
        return False if len(votes) - agreeing > self.number - self.needed else None


def load_stages() -> tuple[Stage, ...]:
    """Return the stages of ``stages.yaml``."""
    return tuple(_stage(entry) for entry in load_examples(STAGES))


def whole_question() -> tuple[Stage, ...]:
    """Return the one stage of a judge that reasons about everything at once, in words."""
    prompt = load_prompt(SOLVABILITY_PROMPT)

    def read(reply: str) -> Verdict | None:
        solvable = parse_verdict(reply)
        return None if solvable is None else KEEP if solvable else Verdict("unsolvable")

    return (
        Stage(
            name="solvable",
            reason="unsolvable",
            message=lambda question: fill_prompt(prompt, question=question),
            read=read,
        ),
    )


def read_reply(reply: str, reason: str) -> Verdict | None:
    """Return what a structured reply says, with its words; None for a reply of any other form.

    A judge that nothing holds to the form may give its verdict in words: these count where they name it so.
    """
    text = split_thought(reply)[1].strip()
    if fenced := _FENCE.fullmatch(text):
        text = fenced[1]
    try:
        said = json.loads(text)
    except ValueError:
        holds = parse_verdict(text) if "verdict" in text.lower() else None
        return None if holds is None else KEEP if holds else Verdict(reason, text)
    answer = said.get("answer") if isinstance(said, dict) and not said.keys() - {"answer", "why"} else None
    holds = _ANSWERS.get(answer.lower()) if isinstance(answer, str) else None
    return None if holds is None else KEEP if holds else Verdict(reason, str(said.get("why", "")))


@dataclass(frozen=True, kw_only=True)
class Course:
    """How far the judging of one question has come."""

    verdict: Verdict | None  # None while something is left to ask
    stage: Stage  # that decided, or that is asked next
    judgement: int  # of this stage, from 0: the next one, where something is left to ask


def follow(stages: Sequence[Stage], replies: Sequence[Completion], voting: Voting) -> Course:
    """Return what the replies, in the order in which they were asked for, decide."""
    left = iter(replies)
    for stage in stages:
        course = _decided(stage, left, voting)
        if course.verdict != KEEP:
            return course
    return Course(verdict=KEEP, stage=stages[-1], judgement=0)


def _decided(stage: Stage, replies: Iterator[Completion], voting: Voting) -> Course:
    said: list[Verdict] = []
    while (holds := voting.decide([_vote(each, stage) for each in said])) is None:
        if (reply := next(replies, None)) is None:
            return Course(verdict=None, stage=stage, judgement=len(said))
        said.append(_heard(stage, reply))
        if reply.finish_reason in UNANSWERED:  # it would not be answered the next time either
            return Course(verdict=said[-1], stage=stage, judgement=len(said))
    verdict = KEEP if holds else next((each for each in said if each.reason == stage.reason), _first_failure(said))
    return Course(verdict=verdict, stage=stage, judgement=len(said))


def _vote(said: Verdict, stage: Stage) -> bool | None:
    return True if said == KEEP else False if said.reason == stage.reason else None


def _heard(stage: Stage, reply: Completion) -> Verdict:
    if (verdict := why_unanswered(reply, cut="cut_off")) != KEEP:
        return verdict
    return stage.read(reply.text) or Verdict("no_verdict", stage.name)


def _first_failure(said: Sequence[Verdict]) -> Verdict:
    return next(each for each in said if each != KEEP)


def _stage(entry: Mapping[str, Any]) -> Stage:
    prompt, ask, reason = load_prompt(STAGE_PROMPT), str(entry["ask"]), str(entry["reason"])

    def message(question: str) -> str:
        return fill_prompt(prompt, text=question, ask=ask)

    return Stage(
        name=str(entry["name"]),
        reason=reason,
        message=message,
        read=lambda reply: read_reply(reply, reason),
        examples=tuple((message(example["text"]), example["reply"]) for example in entry["examples"]),
    )
