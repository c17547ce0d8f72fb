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

# One word and the end token: what a judge writes is what it costs, and a stage's reason says what lacks.
SCHEMA = '{"type": "boolean"}'
_ANSWERS = {"yes": True, "true": True, "no": False, "false": False}
_ANSWER_KEYS, _WHY_KEYS = ("answer", "verdict"), ("why", "reason")
_FENCE = re.compile(r"\A```\w*\s*|\s*```\Z")
_TRUTH = re.compile(r"\A(?P<before>\W*(?:answer\W+)?)(?:(?P<true>true)|false)(?!\w)", re.IGNORECASE)
_BEGINS_WITH_ANSWER = re.compile(r"[\s*_\"'#>]*(?:answer[\s*_]*:[\s*_]*)?(?:yes|no)(?!\w)", re.IGNORECASE)
MAX_OBJECTS = 10  # that are looked for in a reply


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
        return max(1, math.ceil(round(self.threshold * self.number, 9)))  # 0.28 * 25 > 7

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
    """Return what a reply says, true or false, with its words; None for one that decides nothing.

    A judge that nothing holds to the form may write words around the object, or words alone: these count where they
    name a verdict or begin with Yes or No, true or false.
    """
    text = _FENCE.sub("", split_thought(reply)[1].strip())
    if objects := _objects_in(text):
        verdicts = [_said_by(each, reason) for each in objects]
        holds = {verdict and verdict == KEEP for verdict in verdicts}
        return verdicts[-1] if len(holds) == 1 else None
    in_words = _TRUTH.sub(lambda said: said["before"] + ("Yes" if said["true"] else "No"), text)
    is_verdict = "verdict" in text.lower() or _BEGINS_WITH_ANSWER.match(in_words)
    holds_in_words = parse_verdict(in_words) if is_verdict else None
    if holds_in_words is None:
        return None
    return KEEP if holds_in_words else Verdict(reason, text if len(text.split()) > 1 else "")


def _objects_in(text: str) -> list[dict[str, Any]]:
    """Return the JSON objects that stand in a text, in order; braces of formulas are none."""
    objects: list[dict[str, Any]] = []
    decoder, start = json.JSONDecoder(), text.find("{")
    while start >= 0 and len(objects) < MAX_OBJECTS:
        end = start + 1
        try:
            found, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            pass
        else:
            objects += [found] if found else []
        start = text.find("{", end)
    return objects


def _said_by(found: Mapping[str, Any], reason: str) -> Verdict | None:
    said = {key.lower(): value for key, value in found.items()}
    if said.keys() - {*_ANSWER_KEYS, *_WHY_KEYS}:
        return None
    holds = {_holds(said[key]) for key in _ANSWER_KEYS if key in said}
    if len(holds) != 1 or None in holds:
        return None
    why = next((str(said[key]) for key in _WHY_KEYS if said.get(key)), "")
    return KEEP if holds == {True} else Verdict(reason, why)


def _holds(answer: object) -> bool | None:
    if isinstance(answer, bool):
        return answer
    return _ANSWERS.get(answer.lower().strip(" .!*")) if isinstance(answer, str) else None


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
