from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from components.measure_fail_rate.config import MeasureFailRateConfig
from components.measure_fail_rate.step import agreeing, are_correct, judge, measured, run
from components.shared.engines import Completion
from components.shared.errors import InputError
from components.shared.filters import KEEP
from components.shared.records import FailRate, Question
from components.shared.stores import storage
from components.shared.texts.math_answers import AnswerChecker
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from tests.components.rejects import read_content, read_rejects
from tests.components.shared.other_processes import run_pods
from tests.conftest import WriteRows

SUMS = [f"What is the sum of {n} and {n + 1}?" for n in range(20, 32)]
ANSWERS = [str(2 * n + 1) for n in range(20, 32)]


def measure(workspace: Workspace, questions: str, **options: Any) -> str:
    given: dict[str, Any] = {
        "engine": "scripted",
        "model": "scripted:solver",
        "num_samples": 8,
        "temperature": 1.0,
        **options,
    }
    return run(MeasureFailRateConfig(workspace=workspace.uri, questions=questions, **given), workspace)


QUESTION = Question(id="q", question="What is 2 + 2?", answer="4")


def completion(text: str, finish_reason: str = "stop") -> Completion:
    return Completion(text=text, finish_reason=finish_reason, num_tokens=1)


def test_a_response_with_an_equal_boxed_answer_is_correct(checker: AnswerChecker) -> None:
    responses = [r"\boxed{1/2}", r"\boxed{0.5}", r"\boxed{2}", "It is 1/2."]
    assert are_correct(r"\frac{1}{2}", responses, checker) == [True, True, False, False]


@pytest.mark.parametrize(
    ("completions", "responses", "fail_rate"),
    [
        ([completion(r"\boxed{4}"), completion(r"\boxed{5}")], 2, 0.5),
        ([completion(r"\boxed{4}"), completion(r"\boxed{5}", "length")], 1, 0.0),
        ([completion(r"\boxed{5}"), completion("", "refused"), completion("", ""), completion(" ")], 1, 1.0),
    ],
)
def test_a_rate_counts_only_the_samples_that_were_answered(
    checker: AnswerChecker, completions: list[Completion], responses: int, fail_rate: float
) -> None:
    judgement = measured(QUESTION, completions, checker)
    ((row, verdict),) = judgement.rows
    assert isinstance(row, FailRate)
    assert (verdict, len(row.responses), len(row.correct), row.fail_rate) == (KEEP, responses, responses, fail_rate)
    assert judgement.metrics["samples_not_measured"] == len(completions) - responses


@pytest.mark.parametrize(
    ("finish_reason", "text", "reason"),
    [
        ("length", r"\boxed{4}", "length"),
        ("too_long", "", "too_long"),
        ("refused", "", "refused"),
        ("", r"\boxed{4}", "no_finish_reason"),
        ("stop", " ", "empty"),
    ],
)
def test_a_question_that_nothing_answered_is_rejected_for_the_reason(
    checker: AnswerChecker, finish_reason: str, text: str, reason: str
) -> None:
    sample = completion(text, finish_reason)
    assert judge(sample).reason == reason
    ((row, verdict),) = measured(QUESTION, [sample, sample], checker).rows
    assert isinstance(row, FailRate)
    assert (verdict.reason, row.responses, row.fail_rate) == (reason, (), 0.0)


def test_the_fail_rate_is_the_share_of_wrong_responses(workspace: Workspace, write_questions: WriteRows) -> None:
    folder = measure(workspace, write_questions(workspace, SUMS, answers=ANSWERS))
    rows = list(workspace.read(folder, FailRate))
    assert [row.id for row in rows] == [f"q{n}" for n in range(12)]
    assert all(len(row.responses) == len(row.correct) for row in rows)
    assert all(row.fail_rate == row.correct.count(False) / len(row.correct) for row in rows)
    not_measured = sum(8 - len(row.responses) for row in rows)  # the scripted solver's reply is cut off now and then
    assert read_manifest(folder).metrics["samples_not_measured"] == not_measured > 0
    assert 0 < sum(row.fail_rate for row in rows) / 12 < 1  # the scripted solver errs now and then
    for row in rows:
        for response, correct in zip(row.responses, row.correct, strict=True):
            assert correct == (rf"\boxed{{{row.answer}}}" in response)


def test_questions_without_a_known_answer_are_rejected(workspace: Workspace, write_questions: WriteRows) -> None:
    folder = measure(workspace, write_questions(workspace, SUMS[:3], answers=["41", " ", ""]))
    manifest = read_manifest(folder)
    assert (manifest.rows_in, manifest.rows_out, manifest.rejected) == (3, 1, {"no_answer": 2})
    assert [row["id"] for row in read_rejects(folder)] == ["q1", "q2"]


def test_the_tokens_are_in_the_manifest(workspace: Workspace, write_questions: WriteRows) -> None:
    folder = measure(workspace, write_questions(workspace, SUMS[:2], answers=ANSWERS[:2]))
    metrics = read_manifest(folder).metrics
    assert metrics["output_tokens"] > 0
    assert metrics["comparisons_failed"] == 0


def test_another_seed_gives_other_responses(workspace: Workspace, write_questions: WriteRows) -> None:
    questions = write_questions(workspace, SUMS, answers=ANSWERS)
    first, second = (list(workspace.read(measure(workspace, questions, seed=s), FailRate)) for s in (0, 1))
    assert [row.responses for row in first] != [row.responses for row in second]


def test_three_pods_make_the_same_rows_as_one(workspace: Workspace, write_questions: WriteRows, tmp_path: Path) -> None:
    texts, answers = [*SUMS, "No answer here"], ANSWERS
    whole = measure(workspace, write_questions(workspace, texts, answers=answers), rows_per_part=3)
    other = Workspace(str(tmp_path / "other"))
    questions = write_questions(other, texts, answers=answers)
    shared = run_pods(lambda pod: measure(pod, questions, rows_per_part=3), other.uri)
    assert read_content(shared) == read_content(whole)


def test_a_killed_step_makes_the_missing_part_only(workspace: Workspace, write_questions: WriteRows) -> None:
    questions = write_questions(workspace, SUMS, answers=ANSWERS)
    folder = measure(workspace, questions, rows_per_part=4)
    content, parts = read_content(folder), storage.local_path(folder)
    untouched = (parts / "part-00000.parquet").stat().st_mtime_ns
    for name in ("_manifest.json", "part-00002.parquet"):
        (parts / name).unlink()
    assert measure(workspace, questions, rows_per_part=4) == folder
    assert read_content(folder) == content
    assert (parts / "part-00000.parquet").stat().st_mtime_ns == untouched


def test_a_model_that_is_not_there_is_refused_before_anything_is_written(
    workspace: Workspace, write_questions: WriteRows, tmp_path: Path
) -> None:
    questions = write_questions(workspace, SUMS[:1], answers=ANSWERS[:1])
    with pytest.raises(InputError):
        measure(workspace, questions, engine="vllm", model=str(tmp_path / "nowhere"))
    assert not storage.exists(storage.join(workspace.uri, "measure_fail_rate"))


@pytest.mark.parametrize(
    ("answers", "answer", "correct"),
    [
        (["1/2", "3", "0.5"], "1/2", [True, False, True]),
        (["3", "", "3", "4"], "3", [True, False, True, False]),
        (["", "5", ""], "5", [False, True, False]),
        (["5", "6"], "5", [True, False]),
        (["", ""], "", [False, False]),
        ([], "", []),
    ],
)
def test_most_responses_decide_where_no_answer_is_known(answers: list[str], answer: str, correct: list[bool]) -> None:
    responses = [rf"So it is \boxed{{{each}}}." if each else "I do not know." for each in answers]
    with AnswerChecker() as checker:
        assert agreeing(responses, checker) == (answer, correct)
