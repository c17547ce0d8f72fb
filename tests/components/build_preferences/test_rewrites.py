import pytest

from components.build_preferences.rewrites import judge, rewrite_in
from components.shared.engines import Completion
from components.shared.filters import KEEP, Verdict
from components.shared.texts.language import other_language
from tests.components.shared.texts.case_files import cases_of

APPLES = "Tom has 5 apples and buys 7. How many apples does he have?"
QUESTION = "Anna buys 10 apples and gives 3 of them away. How many apples does she have left?"
REWRITE = "Anna buys 10 apples and gives 3 of them away. She shares the rest with Ben. How many apples does each get?"


@pytest.mark.parametrize(
    ("reply", "rewrite"),
    [
        (f"<question>{REWRITE}</question>", REWRITE),
        (f"Here it is:\n<question>\n{REWRITE}\n</question>\nIs that well?", REWRITE),
        ("<question>For which x is x < 3?</question>", "For which x is x < 3?"),
        (f"<question>**Rewritten question:** {REWRITE}</question>", REWRITE),
        ("<question></question>", ""),
        (REWRITE, None),
        (f"<question>{REWRITE}", None),
        (f"{REWRITE}</question>", None),
        (f"</question>{REWRITE}<question>", None),
        ("<question>One?</question> or <question>two?</question>", None),
        ("<question>Use <question> and </question></question>", None),
    ],
)
def test_only_one_pair_of_tags_holds_a_rewrite(reply: str, rewrite: str | None) -> None:
    assert rewrite_in(reply) == rewrite


@pytest.mark.parametrize(
    ("rewrite", "verdict"),
    [
        (REWRITE, KEEP),
        ("A saline solution is 20% salt. How much water makes 5 l of it a 10% solution?", KEEP),
        ("If $x + 3 = 5$ and $y = 2x$, what is $x \\cdot y$?", KEEP),
        ("I cannot rewrite this question.", Verdict("no_question", "a refusal or a remark")),
        ("Anna buys 10 apples and then", Verdict("no_question", "nothing is asked for")),
        (" \n", Verdict("empty")),
        (QUESTION.upper() + " ", Verdict("unchanged")),
        (f"{REWRITE} The answer is 3.", Verdict("answer_given", "answer is 3")),
        (f"{REWRITE}\nSolution: 10 apples less 3", Verdict("answer_given", "Solution:")),
        (f"{REWRITE} 10 - 3 = 7", Verdict("answer_given", "10 - 3 = 7")),
        (f"{REWRITE} $\\boxed{{7}}$", Verdict("answer_given", "\\boxed")),
        (f"{REWRITE}\nStep 1: take 3 from 10", Verdict("answer_given", "Step 1")),
        (f"{REWRITE}\nTherefore she has seven.", Verdict("answer_given", "Therefore")),
        ("Anna kauft zehn Äpfel und verschenkt drei davon. Wie viele hat sie noch?", Verdict("not_english", "german")),
    ],
)
def test_a_rewrite_is_judged(rewrite: str, verdict: Verdict) -> None:
    completion = Completion(text=f"<question>{rewrite}</question>", finish_reason="stop", num_tokens=9)

    assert judge(QUESTION, completion, other_language) == verdict


@pytest.mark.parametrize(("rewrite", "expected"), cases_of("rewrites"))
def test_only_a_whole_question_that_gives_no_answer_away_is_preferred(rewrite: str, expected: str) -> None:
    completion = Completion(text=f"<question>{rewrite}</question>", finish_reason="stop", num_tokens=9)
    reason = judge(APPLES, completion, other_language).reason
    assert bool(reason) if expected == "rejected" else (reason or "kept") == expected, reason


@pytest.mark.parametrize(
    ("text", "finish_reason", "verdict"),
    [
        (REWRITE, "stop", Verdict("no_marker", "not exactly one <question>…</question>")),
        (f"<question>{REWRITE}</question> I also", "length", Verdict("cut_off", "length after 9 tokens")),
        (f"<question>{REWRITE}</question>", "", Verdict("no_finish_reason", "9 tokens")),
        ("", "too_long", Verdict("too_long", "why")),
        ("", "killed_the_engine", Verdict("killed_the_engine", "why")),
    ],
)
def test_a_reply_without_a_whole_rewrite_is_rejected(text: str, finish_reason: str, verdict: Verdict) -> None:
    completion = Completion(text=text, finish_reason=finish_reason, num_tokens=9, detail="why")

    assert judge(QUESTION, completion, other_language) == verdict


def test_words_of_an_answer_that_the_question_has_itself_do_no_harm() -> None:
    question = "Tom says the answer is 12 for 3 + 4. By how much is he wrong?"
    completion = Completion(
        text="<question>Tom says the answer is 12 for 3 + 5. By how much is he wrong?</question>",
        finish_reason="stop",
        num_tokens=20,
    )
    assert judge(question, completion, other_language) == KEEP
