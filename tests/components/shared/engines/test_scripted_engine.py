from __future__ import annotations

import re
from collections import Counter

import pytest

from components.shared.engines import Completion, Request, Sampling
from components.shared.engines.scripted_engine import ScriptedEngine
from components.shared.texts.math_answers import extract_final_answer
from components.shared.texts.prompts import SOLVE, fill_prompt, load_prompt
from tests.source_tree import ROOT

SAMPLING = Sampling(temperature=1.0, max_tokens=512)
COMPONENTS = ROOT / "components"


def sample(message: str, count: int, sampling: Sampling = SAMPLING, model: str = "m") -> list[Completion]:
    requests = [Request(key=number, message=message, seed=number * 1000) for number in range(count)]
    results = sorted(ScriptedEngine(model).generate(requests, sampling), key=lambda result: int(result.request.key))
    return [result.completions[0] for result in results]


def asked(prompt: str, question: str) -> str:
    return fill_prompt(load_prompt(COMPONENTS / prompt), question=question)


def test_the_same_request_has_the_same_reply_and_another_seed_or_model_another() -> None:
    assert sample("", 50) == sample("", 50)
    assert sample("", 50) != sample("", 50, model="other")
    assert len({completion.text for completion in sample("", 50)}) > 25


def test_a_model_has_the_same_replies_in_any_workspace() -> None:
    assert sample("", 5, model="/tmp/a/train_sft/3f9c") == sample("", 5, model="s3://b/train_sft/3f9c/")


def test_greedy_samples_do_not_depend_on_the_seed() -> None:
    greedy = sample("", 5, Sampling(temperature=0.0, max_tokens=512))
    assert len(set(greedy)) == 1


def test_results_come_complete_in_another_order_and_each_key_once() -> None:
    requests = [Request(key=number, message="", seed=number, num_samples=2) for number in range(100)]
    keys = [result.request.key for result in ScriptedEngine("m").generate(requests, SAMPLING)]
    assert sorted(keys) == list(range(100))
    assert keys != sorted(keys)


def test_questions_give_every_filter_work() -> None:
    questions = sample("", 1000)
    counts = Counter(completion.text for completion in questions)
    assert max(counts.values()) > 10  # duplicates
    assert any("Zug" in text for text in counts)  # other languages
    assert any(completion.finish_reason == "length" for completion in questions)
    assert any(not completion.text for completion in questions)


def test_solutions_are_mostly_right_and_sometimes_wrong_or_without_an_answer() -> None:
    message = fill_prompt(load_prompt(SOLVE), question="What is the sum of 20 and 22?")
    answers = Counter(extract_final_answer(completion.text) for completion in sample(message, 200))
    assert 0.5 < answers["42"] / 200 < 0.9
    assert answers[""] > 2
    assert len(answers) > 3


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("A shop has 12 boxes with 5 pencils in each box. How many pencils does it have?", "60"),
        ("Compute $\\sum_{i=1}^30 4$, the sum of 30 terms that are each 4.", "120"),
        ("State the final answer to the following arithmetic problem: 34 + 12 - 7 =", "39"),
    ],
)
def test_the_most_frequent_solution_is_right(question: str, answer: str) -> None:
    message = fill_prompt(load_prompt(SOLVE), question=question)
    answers = Counter(extract_final_answer(completion.text) for completion in sample(message, 50))
    assert answers.most_common(1)[0][0] == answer


def test_a_judgement_ends_in_a_verdict_on_the_question_that_was_asked() -> None:
    prompt = "filter_solvability/solvability_prompt.txt"
    good = Counter(completion.text.splitlines()[-1] for completion in sample(asked(prompt, "What is 2 + 3?"), 100))
    bad = Counter(completion.text.splitlines()[-1] for completion in sample(asked(prompt, "How many are left?"), 100))
    assert good["Verdict: Yes"] > 80
    assert good["Verdict: No"] == 0
    assert bad["Verdict: No"] > 80
    assert sum(good.values()) > good["Verdict: Yes"]  # some end without a verdict


@pytest.mark.parametrize("direction", ["difficulty", "solvability"])
def test_a_rewrite_stands_between_the_tags_that_the_prompt_asks_for(direction: str) -> None:
    replies = sample(asked(f"build_preferences/{direction}_prompt.txt", "What is 2 + 3?"), 100)
    found = [re.fullmatch(r"<question>(.*)</question>", completion.text) for completion in replies]
    rewrites = [match[1] for match in found if match]
    assert sum("What is 2 + 3?" in rewrite for rewrite in rewrites) > 70
    assert len(rewrites) < 100  # some have no marker, some are cut off
    assert "" in rewrites


def test_a_rewrite_is_of_the_whole_question_and_of_nothing_else() -> None:
    question = "Question: What is 2 + 3?\n\nGive a whole number."
    replies = sample(asked("build_preferences/difficulty_prompt.txt", question), 100)
    whole = f"Read this with care. {question} Then multiply"
    assert sum(completion.text.startswith(f"<question>{whole}") for completion in replies) > 70


def test_a_reply_begins_and_stops_as_it_is_held_to() -> None:
    message = asked("build_preferences/difficulty_prompt.txt", "What is 2 + 3?")
    requests = [Request(key=n, message=message, seed=n * 1000, reply_start="<question>") for n in range(100)]
    held = Sampling(temperature=1.0, max_tokens=512, stop="with care.")
    replies = [result.completions[0] for result in ScriptedEngine("m").generate(requests, held)]
    assert all(completion.text.count("<question>") == 1 for completion in replies)
    assert all(completion.text.startswith("<question>") for completion in replies)
    stopped = [completion for completion in replies if "with care." in completion.text]
    assert {completion.text for completion in stopped} == {"<question>Read this with care."}
    assert {completion.finish_reason for completion in stopped} == {"stop"}


def test_a_reply_is_cut_at_max_tokens() -> None:
    completions = sample("", 100, Sampling(temperature=1.0, max_tokens=4))
    assert {completion.num_tokens for completion in completions} <= {1, 2, 3, 4}
    assert Counter(completion.finish_reason for completion in completions)["length"] > 80
