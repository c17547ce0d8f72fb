from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from components.evaluate.config import EvaluateConfig
from components.evaluate.groups import groups_of
from components.evaluate.marking import evaluated
from components.evaluate.step import run
from components.shared.engines import Completion
from components.shared.errors import InputError
from components.shared.filters import KEEP
from components.shared.records import Evaluation, Question
from components.shared.texts.math_answers import AnswerChecker
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from components.shared.workspace.plans import Slice, part_name
from components.shared.workspace.row_sources import RowSource
from pipelines.show_command import show_folder
from tests.components.killed import kill_behind_parts
from tests.components.rejects import read_content, read_rejects
from tests.components.shared.engines.served import Answer, refusal, reply, serve
from tests.components.shared.other_processes import run_pods
from tests.conftest import GivenRowsConfig, WriteRows

SUMS = [f"What is the sum of {n} and {n + 1}?" for n in range(20, 60)]
ANSWERS = [str(2 * n + 1) for n in range(20, 60)]
MODELS = Answer(body={"data": [{"id": "m"}]})

# Each case is a question of its own: known answer, reply, how it ended, the verdict that a person gives.
CASES = [
    (r"\frac{1}{2}", r"\boxed{\frac12}", "stop", "right"),
    (r"\frac{1}{2}", r"So it is \boxed{0.5}. Half of the cake is left.", "stop", "right"),
    ("1/2", r"\boxed{1/3}", "stop", "wrong"),
    ("12", r"First \boxed{6}, then twice that: \[\boxed{12}\]", "stop", "right"),
    ("12", r"It is \boxed{12}. No, half of it. Thus \boxed{6}.", "stop", "wrong"),
    ("12", r"\boxed{12}. Therefore, Anna has twelve pears.", "stop", "right"),
    ("2, 3", r"$x = \boxed{3}$ or $x = \boxed{2}$", "stop", "right"),
    ("(2, 3)", r"\boxed{(3, 2)}", "stop", "wrong"),
    ("1234", r"\fbox{1,234}", "stop", "right"),
    ("12", "\\boxed{12}\n\nQuestion: What is 3 + 4?\n\n\\boxed{7}", "stop", "right"),
    ("12", r"I think that the number of pears", "length", "cut_off"),
    ("12", r"\boxed{12} and again and again", "length", "cut_off"),
    ("12", "The answer is 12.", "stop", "no_answer"),
    ("12", "Nobody can tell.", "stop", "no_answer"),
    ("12", "", "stop", "no_answer"),
    ("12", r"\boxed{12}", "content_filter", "filtered"),
    ("168", r"\boxed{168}. So the answer is 170.", "stop", "right"),
    ("5", r"\boxed 5", "stop", "right"),
    ("5", r"\[\boxed{x = 5\text{ cm}}\]", "stop", "right"),
    ("8, 9", r"It is \boxed{8} or \boxed{9}.", "stop", "right"),
    ("$2,-2$", r"$\boxed{\pm 2}$", "stop", "right"),
    ("2, 3", r"\boxed{2}", "stop", "wrong"),
    ("1/2", r"\boxed{50\%}", "stop", "right"),
    ("1/2", r"\boxed{50}", "stop", "wrong"),
    (r"\pi", r"\boxed{3.14}", "stop", "wrong"),
    ("1234", r"\boxed{(1, 234)}", "stop", "wrong"),
    ("(1, 2)", r"\boxed{[1, 2)}", "stop", "wrong"),
    ("No", r"\boxed{\text{none}}", "stop", "wrong"),
    ("12", r"So it is \boxed{12", "stop", "no_answer"),
    ("12", r"The box \boxed{} stays empty.", "stop", "no_answer"),
    ("12", "again and again " * 40, "length", "cut_off"),
]
NO_GROUPS = groups_of(())
COUNTS = {"right": 13, "wrong": 9, "cut_off": 3, "no_answer": 5, "filtered": 1}


def config(workspace: Workspace, questions: str, **options: Any) -> EvaluateConfig:
    given: dict[str, Any] = {"engine": "scripted", "model": "scripted:solver", **options}
    return EvaluateConfig(workspace=workspace.uri, questions=questions, **given)


def evaluate(workspace: Workspace, questions: str, **options: Any) -> str:
    return run(config(workspace, questions, **options), workspace)


def samples(*texts: str, finish_reason: str = "stop") -> list[Completion]:
    return [Completion(text=text, finish_reason=finish_reason, num_tokens=3) for text in texts]


def answer_case(body: dict[str, Any], number: int) -> Answer:
    """Answer with the reply of the case whose number the question names."""
    found = re.search(r"Case (\d+):", body["messages"][-1]["content"])
    _, text, ending, _ = CASES[int(found[1])] if found else CASES[0]  # first the step asks something harmless
    return reply(text, finish_reason=ending)


def test_replies_with_known_verdicts_give_the_counts_that_a_person_gives(
    workspace: Workspace, write_questions: WriteRows, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = [f"Case {number}: how many pears?" for number in range(len(CASES))]
    questions = write_questions(workspace, texts, answers=[known for known, *_ in CASES])
    with serve(answer_case, MODELS) as served:
        folder = evaluate(workspace, questions, engine="openai", endpoint=served.url, model="openai:m")
    rows = list(workspace.read(folder, Evaluation))
    assert [(row.id, row.verdicts) for row in rows] == [(f"q{n}", (case[3],)) for n, case in enumerate(CASES)]
    assert [row.correct for row in rows] == [(case[3] == "right",) for case in CASES]
    assert [row.responses[0] for row in rows] == [case[1].strip() for case in CASES]
    assert {row.num_tokens for row in rows} == {(7,)}
    lenient = [row.responses[0] for row in rows if row.right_unboxed != (False,)]
    assert lenient == ["The answer is 12.", r"So it is \boxed{12"]
    assert {row.majority for row in rows} == {None}
    assert {body.get("temperature") for body in served.requests[1:]} == {0}
    manifest = read_manifest(folder)
    assert (manifest.rows_in, manifest.rows_out, manifest.rejected) == (len(CASES), len(CASES), {})
    metrics, total = manifest.metrics, len(CASES)
    assert (metrics["num_correct"], metrics["num_questions"]) == (COUNTS["right"], total)
    assert metrics["accuracy"] == pytest.approx(COUNTS["right"] / total, abs=1e-5)
    assert metrics["accuracy_lenient"] == pytest.approx((COUNTS["right"] + 2) / total, abs=1e-5)
    assert metrics["accuracy_low"] < metrics["accuracy"] < metrics["accuracy_high"]
    for name, verdict in (("cut_off", "cut_off"), ("no_answer", "no_answer"), ("unanswered", "filtered")):
        assert metrics[f"num_{name}"] == COUNTS[verdict]
        assert metrics[f"share_{name}"] == pytest.approx(COUNTS[verdict] / total, abs=1e-5)
    assert not {"majority", "pass_at_1", "pass_at_2"} & metrics.keys()
    assert show_folder(folder, 1) == 0
    shown = capsys.readouterr().out.replace("\n", " ")
    assert f"accuracy {metrics['accuracy']:g}" in " ".join(shown.split())
    assert show_folder(folder, 9, "filtered") == 0
    shown = capsys.readouterr().out
    assert (shown.count("Case "), shown.count("Case 15:")) == (1, 1)


def test_a_reply_that_runs_on_to_the_next_turn_counts_by_its_answer(checker: AnswerChecker) -> None:
    question, texts = Question(id="q", question="2 + 2", answer="4"), (r"\boxed{4}", r"\boxed{5}", "")
    judgement = evaluated(question, samples(*texts, finish_reason="ran_on"), checker, NO_GROUPS)
    ((row, verdict),) = judgement.rows
    assert isinstance(row, Evaluation)
    assert (row.verdicts, verdict) == (("right", "wrong", "no_answer"), KEEP)
    assert (judgement.metrics["num_ran_on"], judgement.metrics["num_cut_off"]) == (3, 0)


def test_a_question_that_the_engine_refuses_is_a_reject_and_in_no_figure(
    workspace: Workspace, write_questions: WriteRows
) -> None:
    def answer(body: dict[str, Any], _: int) -> Answer:
        text = body["messages"][-1]["content"]
        return refusal(400, "this prompt is not allowed") if "Case 1:" in text else answer_case(body, 0)

    questions = write_questions(workspace, [f"Case {n}: how many pears?" for n in range(4)], answers=["1/2"] * 3)
    with serve(answer, MODELS) as served:
        folder = evaluate(workspace, questions, engine="openai", endpoint=served.url, model="openai:m")
    manifest = read_manifest(folder)
    assert (manifest.rows_in, manifest.rows_out) == (4, 2)
    assert manifest.rejected == {"no_known_answer": 1, "refused": 1}
    assert [(row["id"], row["reason"]) for row in read_rejects(folder)] == [
        ("q1", "refused"),
        ("q3", "no_known_answer"),
    ]
    assert (manifest.metrics["num_questions"], manifest.metrics["accuracy"]) == (2, 0.5)


@pytest.mark.parametrize("reason", ["refused", "killed_the_engine"])
def test_a_question_that_never_reached_the_model_has_no_figures(checker: AnswerChecker, reason: str) -> None:
    judgement = evaluated(
        Question(id="q", question="2 + 2", answer="4"), samples("", "", finish_reason=reason), checker, NO_GROUPS
    )
    ((_, verdict),) = judgement.rows
    assert (verdict.reason, judgement.metrics) == (reason, {})


def test_an_evaluation_carries_its_questions_source_and_groups(checker: AnswerChecker) -> None:
    question = Question(id="q", question="2 + 2", answer="4", source="math", subject="Algebra", level="Level 5")
    ((row, _),) = evaluated(question, samples(r"\boxed{4}"), checker, NO_GROUPS).rows
    assert isinstance(row, Evaluation)
    assert (row.source, row.subject, row.level) == ("math", "Algebra", "Level 5")


@pytest.mark.parametrize(
    ("finish_reason", "verdict"),
    [
        ("too_long", "too_long"),
        ("", "no_finish_reason"),
        ("unknown", "unknown_finish_reason"),
        ("filtered", "filtered"),
    ],
)
def test_a_question_without_an_answer_of_the_engine_is_kept_and_wrong(
    checker: AnswerChecker, finish_reason: str, verdict: str
) -> None:
    completions = samples(r"\boxed{4}", finish_reason=finish_reason)
    judgement = evaluated(Question(id="q", question="2 + 2", answer="4"), completions, checker, NO_GROUPS)
    ((row, kept),) = judgement.rows
    assert isinstance(row, Evaluation)
    assert (kept, row.verdicts, row.correct) == (KEEP, (verdict,), (False,))
    assert (judgement.metrics["num_questions"], judgement.metrics["num_unanswered"]) == (1, 1)


def test_of_several_samples_pass_at_k_and_the_majority_by_value_are_counted(checker: AnswerChecker) -> None:
    texts = [r"\boxed{0.5}", r"\boxed{\frac12}", r"\boxed{2}", "It is 2.", r"\boxed{3}", r"\boxed{2}"]
    completions = samples(*texts[:5]) + samples(texts[5], finish_reason="length")
    judgement = evaluated(Question(id="q", question="1 / 2", answer="1/2"), completions, checker, NO_GROUPS)
    ((row, _),) = judgement.rows
    assert isinstance(row, Evaluation)
    assert row.verdicts == ("right", "right", "wrong", "no_answer", "wrong", "cut_off")
    metrics = judgement.metrics
    assert metrics["num_correct"] == pytest.approx(1 / 3)
    assert metrics["pass_at_2"] == pytest.approx(1 - 6 / 15)  # 4 of 6 are wrong
    assert metrics["pass_at_6"] == 1
    assert metrics["majority"] == row.majority == 1  # two votes for 1/2, one each for 2 and 3


def test_a_comparison_without_a_result_is_a_verdict_of_its_own_and_counts_as_wrong() -> None:
    question, replies = Question(id="q", question="How many?", answer="10^{10^{10}}!"), samples(r"\boxed{3}")
    with AnswerChecker(num_workers=1, cpu_seconds=0.3) as checker:
        judgement = evaluated(question, replies, checker, NO_GROUPS)
    ((row, kept),) = judgement.rows
    assert isinstance(row, Evaluation)
    assert (kept, row.verdicts, row.correct) == (KEEP, ("not_compared",), (False,))
    counted = {"num_correct": 0, "num_not_compared": 1, "num_unanswered": 0, "comparisons_failed": 1}
    assert {name: judgement.metrics[name] for name in counted} == counted


def test_an_answer_without_a_box_counts_in_the_lenient_figure_alone(checker: AnswerChecker) -> None:
    texts = ("The answer is 1/2.", "The answer is 2.", "So we get 3 - 2.5 = 0.5", r"\boxed{0.5}", r"\boxed{2}, not 0.5")
    judgement = evaluated(Question(id="q", question="1 / 2", answer="0.5"), samples(*texts), checker, NO_GROUPS)
    ((row, _),) = judgement.rows
    assert isinstance(row, Evaluation)
    assert row.verdicts == ("no_answer", "no_answer", "no_answer", "right", "wrong")
    assert row.correct == (False, False, False, True, False)
    assert row.right_unboxed == (True, False, True, False, False)
    assert judgement.metrics["num_correct"] == pytest.approx(1 / 5)
    assert judgement.metrics["num_correct_leniently"] == pytest.approx(3 / 5)


def test_a_reply_that_was_cut_off_counts_in_no_figure(checker: AnswerChecker) -> None:
    cut = samples("The answer is 4", finish_reason="length")
    ((row, _),) = evaluated(Question(id="q", question="2 + 2", answer="4"), cut, checker, NO_GROUPS).rows
    assert isinstance(row, Evaluation)
    assert (row.correct, row.right_unboxed) == ((False,), (False,))


def test_an_answer_may_be_off_by_the_tolerance_of_its_question(checker: AnswerChecker) -> None:
    texts = (r"\boxed{2.6}", r"\boxed{2.7}", "The answer is 2.4.")
    verdicts = []
    for tolerance in (0.1, None):
        question = Question(id="q", question="How much?", answer="2.5", tolerance=tolerance)
        ((row, _),) = evaluated(question, samples(*texts), checker, NO_GROUPS).rows
        assert isinstance(row, Evaluation)
        verdicts.append((row.verdicts, row.right_unboxed[2]))
    assert verdicts == [(("right", "wrong", "no_answer"), True), (("wrong", "wrong", "no_answer"), False)]


def test_each_part_of_the_questions_is_fetched_once_for_their_kinds_and_once_to_ask(
    workspace: Workspace, write_questions: WriteRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = write_questions(workspace, SUMS, answers=ANSWERS, rows_per_part=10)
    fetched: list[str] = []
    read = RowSource.read
    monkeypatch.setattr(RowSource, "read", lambda source, entry: fetched.append(entry.name) or read(source, entry))  # type: ignore[func-returns-value]
    evaluate(workspace, questions)
    assert fetched == [part_name(number) for number in range(4)] * 2


def test_figures_of_several_samples_are_means_over_questions(workspace: Workspace, write_questions: WriteRows) -> None:
    questions = write_questions(workspace, SUMS[:20], answers=ANSWERS[:20])
    folder = evaluate(workspace, questions, num_samples=8, temperature=1.0, rows_per_part=6)
    rows, metrics = list(workspace.read(folder, Evaluation)), read_manifest(folder).metrics
    right = [row.correct.count(True) / 8 for row in rows]
    assert 0 < metrics["accuracy"] == pytest.approx(sum(right) / 20, abs=1e-6)
    assert metrics["pass_at_8"] == pytest.approx(sum(share > 0 for share in right) / 20)
    assert metrics["accuracy"] < metrics["pass_at_2"] < metrics["pass_at_4"] <= metrics["pass_at_8"]
    assert metrics["majority"] > metrics["accuracy"]  # the scripted solver's mistakes differ from each other
    cut = sum(row.verdicts.count("cut_off") for row in rows)
    assert metrics["num_cut_off"] == cut > 0
    assert metrics["share_cut_off"] == pytest.approx(cut / 160, abs=1e-6)


def test_two_pods_make_rows_and_figures_of_one(
    workspace: Workspace, write_questions: WriteRows, tmp_path: Path
) -> None:
    questions = write_questions(workspace, SUMS, answers=ANSWERS)
    one = evaluate(workspace, questions, rows_per_part=4)
    shared = run_pods(lambda pod: evaluate(pod, questions, rows_per_part=4), str(tmp_path / "shared"), 2)
    assert read_content(shared) == read_content(one)
    assert figures(shared) == figures(one)


@pytest.mark.slow
@pytest.mark.parametrize("num_parts", [0, 1, 7])
def test_an_evaluation_that_is_killed_and_resumed_has_the_same_rows_and_figures(
    workspace: Workspace, write_questions: WriteRows, tmp_path: Path, num_parts: int
) -> None:
    questions = write_questions(workspace, SUMS, answers=ANSWERS)
    whole = evaluate(workspace, questions, rows_per_part=4)
    other = Workspace(str(tmp_path / "other"))
    standing = kill_behind_parts(config(other, questions, rows_per_part=4), num_parts)
    resumed = evaluate(other, questions, rows_per_part=4)
    assert read_content(resumed) == read_content(whole)
    assert figures(resumed) == figures(whole)
    assert standing == {path: path.stat().st_mtime_ns for path in standing}


def figures(folder: str) -> dict[str, float]:
    """Return the metrics but for times."""
    return {name: value for name, value in read_manifest(folder).metrics.items() if not name.endswith("seconds")}


@pytest.mark.parametrize(
    ("answers", "options", "message"),
    [
        ((), {}, r"no question of .* has a known answer; expected questions with answers: .*--answer-column"),
        (("41",), {"num_samples": 4}, "--temperature 0 makes all --num-samples 4 of a question identical"),
        (("41",), {"engine": "vllm", "model": "/nowhere/at/all"}, "/nowhere/at/all"),
        (
            ("41",),
            {"prompt_file": "prompt:olympiad"},
            "no prompt 'olympiad'; expected one of prompt:solve, prompt:olym",
        ),
        (("41",), {"prompt_file": "/nowhere/prompt.txt"}, "--prompt-file '/nowhere/prompt.txt': nothing exists there"),
    ],
)
def test_bad_input_is_one_message_and_nothing_is_written(
    workspace: Workspace, write_questions: WriteRows, answers: tuple[str, ...], options: dict[str, Any], message: str
) -> None:
    questions = write_questions(workspace, SUMS[:3], answers=answers)
    with pytest.raises(InputError, match=message):
        evaluate(workspace, questions, **options)
    assert not (Path(workspace.uri) / "evaluate").exists()


def test_a_folder_without_questions_gives_a_folder_without_accuracy(workspace: Workspace) -> None:
    given = GivenRowsConfig(workspace=workspace.uri, content="none")
    empty = workspace.open(given).begin_rows(Question, [Slice(start=0, stop=0)])
    list(empty.missing_parts())
    metrics = read_manifest(evaluate(workspace, empty.finish())).metrics
    assert metrics["num_questions"] == 0
    assert "accuracy" not in metrics
