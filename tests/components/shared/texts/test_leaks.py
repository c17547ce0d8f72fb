from __future__ import annotations

import json
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from components.shared.texts import leaks
from components.shared.texts.leaks import NEAR_DUPLICATE, RULES, Rules, recall_of_planted

# Questions, each with a copy in another spelling and a rewording; and other questions of their kind.
LINES = [json.loads(line) for line in leaks.PLANTED.read_text("utf-8").splitlines()]
PLANTED = [line for line in LINES if "question" in line]
OTHERS = [line["other"] for line in LINES if "other" in line]
WORDS = (r"find", "the", "sum", "of", "3", "17", "x", "+", "-", "=", "apples", r"$\frac{1}{2}$", "½", "→", "how many?")
QUESTIONS = st.text(min_size=1, max_size=80) | st.lists(st.sampled_from(WORDS), min_size=1).map(" ".join)


def rules_of(*questions: str) -> Rules:
    rules = Rules()
    for question in questions:
        rules.add(question)
    return rules


@given(st.lists(QUESTIONS, min_size=1, max_size=5), st.data())
def test_a_copied_question_is_always_found_by_every_rule(questions: list[str], data: st.DataObject) -> None:
    copied = data.draw(st.integers(0, len(questions) - 1))
    assert rules_of(*questions).find(questions[copied])[copied] == [*RULES]


@given(st.integers(11, 40))
def test_a_question_that_the_benchmark_itself_repeats_is_found_each_time(number: int) -> None:
    question = "Find the angles of a triangle whose sides are 3, 4 and 5 units long, in degrees."
    assert rules_of(*[question] * number).find(question) == {place: [*RULES] for place in range(number)}


def test_a_question_within_a_longer_text_is_found_by_its_runs() -> None:
    question = PLANTED[0]["question"]
    assert rules_of(question).find(f"Read this to your class. {question} Now write it down.") == {0: [*RULES]}


def test_a_short_question_is_found_as_a_whole_only() -> None:
    rules = Rules()
    assert rules.add("What is 3 + 4?") == ["ngram_13", "ngram_8"]
    assert rules.add("What is the sum of 3 and 4 in total?") == ["ngram_13"]
    assert rules.add(PLANTED[0]["question"]) == []
    assert rules.find("First tell me: what is 3 + 4? Then go home and never come back to this place again.") == {}


def test_rules_that_are_not_applied_find_nothing() -> None:
    line = PLANTED[0]
    for applied in (("ngram_8",), (NEAR_DUPLICATE,), ("ngram_8", NEAR_DUPLICATE)):
        rules = Rules(applied)
        assert rules.add(line["question"]) == []
        assert rules.find(line["copy"]) == {0: [*applied]}
    assert Rules(("ngram_8",)).add("What is 3 + 4?") == ["ngram_8"]


def test_other_numbers_or_another_formula_are_another_question() -> None:
    rules = rules_of(
        r"Find the derivative of $x^2 + 3x$.", "What is 3 + 4?", "Tom has 5 pears and eats 2. What is left?"
    )
    for other in (r"Find the derivative of $3x^2 + x$.", "What is 3 - 4?", "Tom has 5 pears and eats 3. What is left?"):
        assert rules.find(other) == {}
    assert rules.find("Tom eats 2 of the 5 pears that he has. What is left?") == {2: ["near_duplicate"]}


def test_copies_and_rewordings_that_were_planted_are_found_as_the_readme_says() -> None:
    rules = rules_of(*(line["question"] for line in PLANTED))
    recall: dict[str, Counter[str]] = {"copy": Counter(), "rewording": Counter()}
    for number, line in enumerate(PLANTED):
        for kind, counts in recall.items():
            found = rules.find(line[kind])
            assert {*found} <= {number}
            counts.update([*found.get(number, []), *(["any"] if found else [])])
    print(f"found of {len(PLANTED)}: {recall}")  # noqa: T201 -- pytest -s shows the recall
    assert len(PLANTED) == 50
    assert recall["copy"] == {"ngram_13": 49, "ngram_8": 50, "near_duplicate": 50, "any": 50}
    assert recall["rewording"] == {"ngram_13": 1, "ngram_8": 6, "near_duplicate": 46, "any": 46}
    assert not any(rules.find(question) for question in OTHERS)


def test_copies_and_runs_of_words_find_fewer_rewordings_than_near_duplicates_do() -> None:
    assert recall_of_planted(("ngram_8",)) == {"copy": 1.0, "rewording": 0.12}
    both = recall_of_planted(("ngram_8", NEAR_DUPLICATE))
    assert both["copy"] >= 0.99
    assert both["rewording"] >= 0.8
