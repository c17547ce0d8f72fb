from __future__ import annotations

import time

import pytest

from components.filter_solvability.judge_verdict import parse_verdict
from components.filter_solvability.verdict_words import LABELS, LABELS_WITHOUT_SPACE, NO, WEAK_LABELS, YES
from tests.components.shared.texts.case_files import cases_of


@pytest.mark.parametrize(("reply", "solvable"), cases_of("verdicts"))
def test_a_verdict_is_read_however_it_is_written(reply: str, solvable: bool | None) -> None:
    assert parse_verdict(reply) is solvable


@pytest.mark.parametrize("label", [*LABELS, *WEAK_LABELS, *LABELS_WITHOUT_SPACE])
@pytest.mark.parametrize(("words", "solvable"), [(YES, True), (NO, False)])
def test_each_label_is_read_with_each_word(label: str, words: tuple[str, ...], solvable: bool) -> None:
    for word in words:
        assert parse_verdict(f"Reason: 3 + 4 numbers.\n{label.title()}: {word}.") is solvable, word


@pytest.mark.parametrize("header", ["Question:", "### Problem 2\n", "<|im_start|>user\n", "</s>", "**Exercise:**"])
@pytest.mark.parametrize("verdict", ["Verdict: {}", "\\boxed{{{}}}", "<answer>{}</answer>", "{}"])
@pytest.mark.parametrize(("word", "other", "solvable"), [("Yes", "No", True), ("No", "Yes", False)])
def test_behind_a_verdict_one_on_another_question_never_counts(
    header: str, verdict: str, word: str, other: str, solvable: bool
) -> None:
    invented = f"{header} Mia has some cats. How many?\nReason: so it is.\nVerdict: {other}"
    assert parse_verdict(f"Reason: it is seen.\n{verdict.format(word)}\n\n{invented}") is solvable


@pytest.mark.parametrize(
    ("reply", "solvable"),
    [
        ("Reason: Both numbers are given.\nVerdict: Yes", True),
        ("Reason: The speed is missing.\nVerdict: No", False),
        ("Verdict: Yes. But wait, the speed is missing.\nVerdict: No", False),
        ("Verdict: No\nOn second thoughts all is given.\nVerdict: Yes", True),
        ("**Verdict:** **Yes**", True),
        ("verdict: no.", False),
        ("All the numbers are there.\nYes", True),
        ("Is all given? No.", False),
        ("Verdict: Yes\n\nNo", True),
        ("Yesterday Tom rode a train. By Bayes' rule this can be solved.", None),
        ("Yes, one might think so, but I cannot tell", None),
        ("The answer may be yes", None),
        ("It is not known", None),
        ("Verdict: Yesterday", None),
        ("Verdict: Yes or No", None),
        ("Verdict: Yes/No", None),
        ("Verdict: **No** or **Yes**.", None),
        ("Verdict: Yes or No\nVerdict: No\nOr is it?", False),
        ('A line that ends with "Verdict: Yes" is a question that needs a logical answer.', None),
        ("", None),
    ],
)
def test_the_last_declared_verdict_counts(reply: str, solvable: bool | None) -> None:
    assert parse_verdict(reply) is solvable


@pytest.mark.parametrize("piece", [".", "(", "- ", "Verdict: ", "| a ", "\\a", "Question: a\n", "no ", "*", "\\boxed{"])
def test_a_reply_that_repeats_itself_is_read_in_time(piece: str) -> None:
    begun = time.process_time()
    parse_verdict(piece * (5000 // len(piece)) + "x")
    assert time.process_time() - begun < 5.0  # 0.2 s at most on a busy core
