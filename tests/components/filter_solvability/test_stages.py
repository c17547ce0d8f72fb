from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.filter_solvability.stages import SCHEMA, Course, Voting, follow, load_stages, read_reply, whole_question
from components.shared.engines import Completion
from components.shared.filters import KEEP, Verdict

YES, NO = '{"answer": "Yes"}', '{"answer": "No", "why": "the price"}'
ONCE, MAJORITY_OF_5 = Voting(number=1, threshold=0.5), Voting(number=5, threshold=0.5)
STAGES = load_stages()


def said(*texts: str, finish_reason: str = "stop") -> list[Completion]:
    return [Completion(text=text, finish_reason=finish_reason, num_tokens=4) for text in texts]


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        (YES, KEEP),
        (f"```json\n{YES}\n```", KEEP),
        (f'<think>{NO}</think>{{ "answer" : "yes" }}', KEEP),
        (NO, Verdict("why_not", "the price")),
        ('{"answer": "NO"}', Verdict("why_not")),
        ("Verdict: Yes", KEEP),
        ("**Verdict:** No, a number is missing.", Verdict("why_not", "**Verdict:** No, a number is missing.")),
        ("Yes", KEEP),
        ("**Yes.**", KEEP),
        ("Answer: yes", KEEP),
        ("No", Verdict("why_not")),
        ("true", KEEP),
        ("True.", KEEP),
        ("```json\ntrue\n```", KEEP),
        ("<think>It is false.</think>true", KEEP),
        ("false", Verdict("why_not")),
        ("Answer: false", Verdict("why_not", "Answer: false")),
        ("False, the price is missing.", Verdict("why_not", "False, the price is missing.")),
        ("No, the price is missing.", Verdict("why_not", "No, the price is missing.")),
        ('{"answer": true}', KEEP),
        ('{"answer": false, "why": "the price"}', Verdict("why_not", "the price")),
        ('{"verdict": "No"}', Verdict("why_not")),
        ('{"reason": "the price", "Verdict": "No."}', Verdict("why_not", "the price")),
        (f"So: {YES}", KEEP),
        (f"Of the set {{1, 2}}:\n```json\n{NO}\n```\nThat is all.", Verdict("why_not", "the price")),
        (f"{NO}\n\n{NO}", Verdict("why_not", "the price")),
    ],
)
def test_a_reply_is_read_in_its_form_and_in_those_that_say_the_same(reply: str, verdict: Verdict | None) -> None:
    assert read_reply(reply, "why_not") == verdict


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "[true]",
        "true or false",
        "truly",
        "True, one might think so, but I cannot tell",
        "?",
        "Yes or No",
        "Yes, one might think so, but I cannot tell",
        "Not at all",
        '{"answer": 1}',
        '{"answer": null}',
        '{"answer": "Maybe"}',
        '{"answer": "Yes", "verdict": "No"}',
        '{"answer": "Yes", "also": 1}',
        '{"answer": "Ye',
        "{}",
        f"{YES}{NO}",
        f'{YES} or {{"x": 1}}',
    ],
)
def test_a_reply_that_decides_nothing_is_no_verdict(reply: str) -> None:
    assert read_reply(reply, "why_not") is None


@pytest.mark.parametrize(
    ("number", "threshold", "needed"),
    [(25, 0.28, 7), (25, 0.56, 14), (100, 0.07, 7), (3, 0.5, 2), (5, 0.0, 1), (5, 1.0, 5), (25, 0.281, 8)],
)
def test_a_share_that_is_a_whole_number_of_judgements_needs_just_these(
    number: int, threshold: float, needed: int
) -> None:
    assert Voting(number=number, threshold=threshold).needed == needed


def test_a_question_passes_all_stages_in_turn() -> None:
    for number, stage in enumerate(STAGES):
        assert follow(STAGES, said(*[YES] * number), ONCE) == Course(verdict=None, stage=stage, judgement=0)
    assert follow(STAGES, said(*[YES] * len(STAGES)), ONCE).verdict == KEEP


def test_the_first_stage_that_fails_rejects_and_nothing_more_is_asked() -> None:
    reasons = ["not_a_question", "several_questions", "missing_condition", "contradiction"]
    for number, reason in enumerate(reasons):
        course = follow(STAGES, said(*[YES] * number, NO), ONCE)
        assert course.verdict == Verdict(reason, "the price")


@given(votes=st.lists(st.booleans(), min_size=5, max_size=5), threshold=st.sampled_from([0.2, 0.5, 0.8, 1.0]))
def test_a_stage_ends_as_all_judgements_would_decide_and_as_soon_as_it_is_decided(
    votes: list[bool], threshold: float
) -> None:
    voting = Voting(number=5, threshold=threshold)
    asked = next(n for n in range(1, 6) if voting.decide(votes[:n]) is not None)
    assert voting.decide(votes[:asked]) == (sum(votes) >= voting.needed)
    missing = 5 - (asked - 1)  # one judgement earlier, both ends were open
    earlier = sum(votes[: asked - 1])
    assert earlier < voting.needed <= earlier + missing


@pytest.mark.parametrize(
    ("replies", "asked", "verdict"),
    [
        ([YES, YES, YES], 3, None),
        ([NO, YES, NO, NO], 4, Verdict("not_a_question", "the price")),
        (["?", "?", NO], 3, Verdict("not_a_question", "the price")),
        (["?", "?", "?"], 3, Verdict("no_verdict", "question")),
        ([YES, "?", YES, "?", YES], 5, None),
    ],
)
def test_a_majority_ends_a_stage(replies: Sequence[str], asked: int, verdict: Verdict | None) -> None:
    assert follow(STAGES, said(*replies[: asked - 1]), MAJORITY_OF_5).stage.name == "question"
    course = follow(STAGES, said(*replies), MAJORITY_OF_5)
    assert course.verdict == verdict
    if verdict is None:
        assert (course.stage.name, course.judgement) == ("one_question", 0)


def test_what_is_not_answered_is_not_asked_again() -> None:
    for reason in ("too_long", "refused", "killed_the_engine"):
        assert follow(STAGES, said("", finish_reason=reason), MAJORITY_OF_5).verdict == Verdict(reason)


def test_one_reply_in_words_is_one_stage() -> None:
    for reply, verdict in (("Verdict: Yes", KEEP), ("Verdict: No", Verdict("unsolvable")), ("?", "no_verdict")):
        got = follow(whole_question(), said(reply), ONCE).verdict
        assert got == verdict or got == Verdict(str(verdict), "solvable")


def test_examples_show_both_replies_in_the_form_that_is_asked_for() -> None:
    form = {"boolean": bool}[json.loads(SCHEMA)["type"]]
    for stage in STAGES:
        assert {type(json.loads(reply)) for _, reply in stage.examples} == {form}
        assert {read_reply(reply, stage.reason) == KEEP for _, reply in stage.examples} == {True, False}
        assert stage.message("Is {x} = {1, 2}?").startswith("Is {x} = {1, 2}?\n\n")
