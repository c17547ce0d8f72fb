import json
import random
import tracemalloc
from pathlib import Path

import pytest

from components.deduplicate.index import Index, Match

CASES = [json.loads(line) for line in Path(__file__).with_name("cases.jsonl").read_text("utf-8").splitlines()]
STORY = (
    "{name} buys {n} boxes of pencils with 12 pencils in each box and gives half of all the pencils to the children of "
    "the school on the hill. How many pencils are left in the end?"
)
WORDS = "red green blue small large old new round flat warm cold loud quiet soft hard light dark deep"


@pytest.mark.parametrize(
    ("question", "version", "is_same"),
    [pytest.param(case["question"], case["version"], case["is_same"], id=case["id"]) for case in CASES],
)
def test_versions_of_a_question_are_found_in_both_orders_and_other_questions_are_not(
    question: str, version: str, is_same: bool
) -> None:
    for one, other in ((question, version), (version, question)):
        index = Index(2, 0.6)
        index.add("one", one)
        assert (index.find_or_add("other", other) is not None) is is_same


def test_equal_text_is_an_exact_match_of_the_first_one_kept() -> None:
    index = Index(10, 0.6)

    assert index.find_or_add("a", "What is 2+2?") is None
    assert index.find_or_add("b", "What is  2 + 2") == Match("a", exact=True)
    assert len(index) == 1


def test_a_story_with_another_name_is_a_near_match() -> None:
    index = Index(10, 0.6)
    index.add("tom", STORY.format(name="Tom", n=3))

    assert index.find_or_add("eva", STORY.format(name="Eva", n=3)) == Match("tom", exact=False)


def test_a_story_with_other_numbers_is_another_question() -> None:
    index = Index(10, 0.6)

    assert [index.find_or_add(str(n), STORY.format(name="Tom", n=n)) for n in range(2, 9)] == [None] * 7


def test_less_similar_than_asked_for_is_no_match() -> None:
    one, other = (
        "A cook fries 24 eggs in 6 pans. How many eggs a pan?",
        "A cook fries 24 buns in 6 pans. How many buns a pan?",
    )
    strict, lenient = Index(10, 0.9), Index(10, 0.6)
    for index in (strict, lenient):
        index.add("eggs", one)

    assert strict.find_or_add("buns", other) is None
    assert lenient.find_or_add("buns", other) == Match("eggs", exact=False)


def test_each_of_many_questions_is_found_again_with_other_names_and_no_other_one_is_taken_for_it() -> None:
    generator = random.Random(0)
    texts = [
        f"Mark has {n} cards: {' '.join(generator.choices(WORDS.split(), k=30))}. How many cards?" for n in range(300)
    ]
    index = Index(len(texts), 0.6)
    for number, text in enumerate(texts):
        index.add(str(number), text)

    for number, text in enumerate(texts):
        assert index.find_or_add("new", text.replace("Mark", "Olga")) == Match(str(number), exact=False)


def test_memory_is_a_few_hundred_bytes_a_question() -> None:
    generator = random.Random(0)
    texts = [" ".join(generator.choices(WORDS.split(), k=45)) for _ in range(1000)]
    tracemalloc.start()
    index = Index(1000, 0.6)
    for number, text in enumerate(texts):
        index.add(f"3f9c12ab-{number:07d}", text)
    num_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert num_bytes / len(index) < 600  # the arrays' room to grow included
