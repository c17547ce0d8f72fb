import pytest

from components.judge_paraphrases.config import JudgeParaphrasesConfig
from components.judge_paraphrases.nearest import Nearest
from components.judge_paraphrases.step import judge, run
from components.shared.engines import Completion
from components.shared.filters import KEEP, Verdict
from components.shared.records import Question
from components.shared.texts.leaks import planted_leaks
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from tests.conftest import WriteRows

TWO = [Question(id="b0", question="Why?", source="gsm8k"), Question(id="b1", question="How?", source="math")]


def replied(text: str) -> Completion:
    return Completion(text=text, finish_reason="stop", num_tokens=8)


@pytest.mark.parametrize(
    ("completion", "verdict"),
    [
        (replied("Reason: other numbers.\nVerdict: No"), KEEP),
        (replied("Reason: it is.\nVerdict: Yes, 2"), Verdict("paraphrase", "math b1: How?")),
        (replied("Verdict: No\n**Verdict:** Yes, Problem 1"), Verdict("paraphrase", "gsm8k b0: Why?")),
        (replied("Verdict: Yes"), Verdict("no_verdict", "Yes, and no number from 1 to 2")),
        (replied("Verdict: Yes, 3"), Verdict("no_verdict", "Yes, and no number from 1 to 2")),
        (replied("Who knows?"), Verdict("no_verdict")),
        (Completion(text="", finish_reason="length", num_tokens=9), Verdict("cut_off", "length after 9 tokens")),
    ],
)
def test_a_reply_is_judged(completion: Completion, verdict: Verdict) -> None:
    assert judge(completion, TWO) == verdict


def test_of_one_problem_no_number_is_needed() -> None:
    assert judge(replied("Verdict: Yes"), TWO[:1]) == Verdict("paraphrase", "gsm8k b0: Why?")


def test_a_reworded_question_is_among_the_nearest() -> None:
    planted = planted_leaks()
    rows = [Question(id=str(n), question=line["question"], source="b") for n, line in enumerate(planted)]
    index = Nearest(rows, num_nearest=5, min_similarity=0.2)
    found = [row in index.of(line["rewording"]) for row, line in zip(rows, planted, strict=True)]
    assert sum(found) >= 0.9 * len(planted)
    assert index.of("Zebras yawn.") == []


def test_every_question_is_kept_or_rejected_and_the_judge_is_asked_about_near_ones_only(
    workspace: Workspace, write_questions: WriteRows, write_rows: WriteRows
) -> None:
    near = [f"Tom has {n} apples and eats {n - 1}. How many are left?" for n in range(5, 25)]
    questions = write_questions(workspace, [*near, "Zebras yawn."])
    benchmark = [Question(id="b0", question="Tom has 9 apples and eats 4. How many are left?", source="gsm8k")]
    config = JudgeParaphrasesConfig(
        workspace=workspace.uri,
        questions=questions,
        benchmarks=write_rows(workspace, benchmark),
        model="openai:m",
        engine="scripted",
    )
    folder = run(config, workspace)
    manifest = read_manifest(folder)

    assert manifest.rows_in == 21 == manifest.rows_out + sum(manifest.rejected.values())
    assert manifest.rejected["paraphrase"] > 0
    assert manifest.metrics["not_asked"] == 1
    assert "q20" in [row.id for row in workspace.read(folder, Question)]
    assert run(config, workspace) in workspace.reused
