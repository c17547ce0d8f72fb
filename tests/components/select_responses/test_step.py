from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from components.import_questions.config import ImportQuestionsConfig
from components.import_questions.step import run as import_questions
from components.select_responses.config import SelectResponsesConfig
from components.select_responses.lost_questions import LostQuestions
from components.select_responses.step import pick_best, run
from components.shared.config import PartsConfig, SharedConfig, option
from components.shared.errors import InputError
from components.shared.records import Question, Reject, Response
from components.shared.stores import storage
from components.shared.workspace import Workspace
from components.shared.workspace.lineage import rows_stages_of, stages_of
from components.shared.workspace.manifests import MANIFEST, read_manifest
from tests.components.rejects import read_rejects
from tests.components.shared.other_processes import run_pods
from tests.conftest import WriteRows


def response(
    question: str, sample: int, *, answer: str = "1", reward: float | None = 0.0, tokens: int = 10
) -> Response:
    return Response(
        id=f"{question}-{sample}",
        question_id=question,
        question=f"What is {question}?",
        answer="",
        source="given",
        difficulty=None,
        sample=sample,
        response=rf"\boxed{{{answer}}}",
        final_answer=answer,
        finish_reason="stop",
        num_tokens=tokens,
        reward=reward,
    )


@dataclass(frozen=True, kw_only=True)
class GenerateConfig(PartsConfig):
    """Two responses to every question; a question's text says which of them are rejected."""

    questions: str = option(help="folder of Question rows", is_folder=True)

    step = "generate"


@dataclass(frozen=True, kw_only=True)
class ScoreConfig(SharedConfig):
    """Give the reward 1 to every response; a question's text says which are rejected."""

    responses: str = option(help="folder of Response rows", is_folder=True)

    step = "score"


def generate(config: GenerateConfig, workspace: Workspace) -> str:
    questions = workspace.read(config.questions, Question)
    folder = workspace.open(config).begin_rows(Response, questions.slices(config.rows_per_part), units_per_row=2)
    for part in folder.missing_parts():
        for index, question in enumerate(questions.read(part.slice)):
            rows = [
                dataclasses.replace(response(question.id, s, reward=None), source=question.question) for s in (0, 1)
            ]
            kept = [row for row in rows if f"cut{row.sample}" not in question.question]
            rejected = [Reject(row=row, reason="cut_off") for row in rows if row not in kept]
            part.settle(index, kept=kept, rejected=rejected)
    return folder.finish()


def score(config: ScoreConfig, workspace: Workspace) -> str:
    responses = workspace.read(config.responses, Response)
    folder = workspace.open(config).begin_rows(Response, responses.slices())
    for part in folder.missing_parts():
        for index, row in enumerate(responses.read(part.slice)):
            if f"long{row.sample}" in row.source:
                part.settle(index, rejected=[Reject(row=row, reason="too_long")])
            else:
                part.settle(index, kept=[dataclasses.replace(row, reward=1.0)])
    return folder.finish()


def select(workspace: Workspace, responses: str, by: str = "reward", **options: Any) -> str:
    return run(SelectResponsesConfig(workspace=workspace.uri, responses=responses, by=by, **options), workspace)


def rows_of(workspace: Workspace, folder: str) -> list[Response]:
    return list(workspace.read(folder, Response))


def test_the_best_reward_wins_and_the_others_are_rejected_as_not_best(
    workspace: Workspace, write_rows: WriteRows
) -> None:
    rewards = {"a": [0.1, 0.9, 0.5], "b": [-3.0, -2.0]}
    rows = [response(question, s, reward=r) for question, rs in rewards.items() for s, r in enumerate(rs)]
    folder = select(workspace, write_rows(workspace, rows))
    assert [row.id for row in rows_of(workspace, folder)] == ["a-1", "b-1"]
    manifest = read_manifest(folder)
    assert (manifest.rows_in, manifest.rows_out, manifest.rejected) == (5, 2, {"not_best": 3})
    assert {(r["id"], r["detail"]) for r in read_rejects(folder)} == {("a-0", "a-1"), ("a-2", "a-1"), ("b-0", "b-1")}


def test_ties_go_to_the_shorter_response_then_to_the_first_sample() -> None:
    tie = [response("a", 0, tokens=9), response("a", 1, tokens=7), response("a", 2, tokens=7)]
    assert pick_best(tie).sample == 1
    assert pick_best(list(reversed(tie))).sample == 1


@pytest.mark.parametrize(("by", "best"), [("reward", 4), ("both", 1), ("agreement", 2)])
def test_the_best_is_chosen_by_reward_by_agreement_or_by_agreement_and_then_reward(
    workspace: Workspace, write_rows: WriteRows, by: str, best: int
) -> None:
    samples = [("1/2", 0.1, 9), ("0.5", 0.7, 9), (r"\frac12", 0.2, 5), ("7", 0.8, 1), ("8", 0.9, 1)]
    rows = [response("a", s, answer=a, reward=r, tokens=t) for s, (a, r, t) in enumerate(samples)]
    folder = select(workspace, write_rows(workspace, rows), by=by)
    assert [row.sample for row in rows_of(workspace, folder)] == [best]


def test_a_right_response_goes_before_the_others(workspace: Workspace, write_rows: WriteRows) -> None:
    samples = [("5", 0.9), ("5", 0.8), ("1/2", 0.1), ("0.5", 0.3)]
    rows = [
        dataclasses.replace(response("a", s, answer=a, reward=r), answer=r"\frac12") for s, (a, r) in enumerate(samples)
    ]
    for by in ("reward", "agreement", "both"):
        (best,) = rows_of(workspace, select(workspace, write_rows(workspace, rows), by))
        assert (best.sample, best.num_agreeing) == (3 if by != "agreement" else 2, 2)


def test_a_question_that_no_response_answers_rightly_waits_to_be_relabelled(
    workspace: Workspace, write_rows: WriteRows
) -> None:
    rows = [dataclasses.replace(response("a", s, answer=a, reward=s), answer="7") for s, a in enumerate(["5", "6"])]
    responses = write_rows(workspace, [*rows, response("b", 0)])
    folder = select(workspace, responses)
    assert read_manifest(folder).rejected == {"all_wrong": 1, "not_best": 1}
    (pooled,) = rows_of(workspace, f"{folder}/rejected/all_wrong")
    assert (pooled.id, pooled.answer) == ("a-1", "7")
    imported = import_questions(
        ImportQuestionsConfig(workspace=workspace.uri, source=f"{folder}/rejected/all_wrong"), workspace
    )
    assert [(row.question, row.answer) for row in workspace.read(imported, Question)] == [("What is a?", "7")]
    anew = ImportQuestionsConfig(workspace=workspace.uri, source=f"{folder}/rejected/all_wrong", answer_column="none")
    assert [row.answer for row in workspace.read(import_questions(anew, workspace), Question)] == [""]
    assert len(rows_of(workspace, select(workspace, responses, keep_all_wrong=True))) == 2


def test_a_band_by_pass_rate_leaves_questions_that_the_solver_sometimes_answers(
    workspace: Workspace, write_rows: WriteRows
) -> None:
    answers = {"easy": "1111", "fair": "1121", "hard": "1234"}
    rows = [response(name, s, answer=a) for name, samples in answers.items() for s, a in enumerate(samples)]
    known = dataclasses.replace  # of a known answer, those pass that give it: not those that most give
    rows += [known(response("known", s, answer=a), answer="2") for s, a in enumerate("1112")]
    folder = select(workspace, write_rows(workspace, rows), min_pass_rate=0.3, max_pass_rate=0.75)
    assert [row.question_id for row in rows_of(workspace, folder)] == ["fair"]
    reasons = {r["question_id"]: (r["reason"], r["detail"]) for r in read_rejects(folder) if r["reason"] != "not_best"}
    assert reasons == {
        "easy": ("pass_rate_too_high", "4 of 4"),
        "hard": ("pass_rate_too_low", "1 of 4"),
        "known": ("pass_rate_too_low", "1 of 4"),
    }


@pytest.mark.parametrize("share", [0.28, 0.56])
def test_a_pass_rate_that_is_just_the_bound_is_inside(
    workspace: Workspace, write_rows: WriteRows, share: float
) -> None:
    right = round(share * 25)  # 0.28 * 25 is more than 7 in floating point
    rows = [response("q", s, answer="7" if s < right else str(100 + s)) for s in range(25)]
    folder = select(workspace, write_rows(workspace, rows), min_pass_rate=share, max_pass_rate=share)
    assert [row.question_id for row in rows_of(workspace, folder)] == ["q"]


def test_an_empty_band_is_refused(workspace: Workspace) -> None:
    with pytest.raises(InputError, match=r"--min-pass-rate 0\.8 is above --max-pass-rate 0\.2"):
        SelectResponsesConfig(workspace=workspace.uri, responses="x", min_pass_rate=0.8, max_pass_rate=0.2)


def test_agreement_needs_no_rewards(workspace: Workspace, write_rows: WriteRows) -> None:
    rows = [response("a", s, answer=answer, reward=None) for s, answer in enumerate(["3", "4", "4"])]
    folder = select(workspace, write_rows(workspace, rows), by="agreement")
    assert [(row.sample, row.num_agreeing, row.reward) for row in rows_of(workspace, folder)] == [(1, 2, None)]


def test_agreement_is_counted_by_value_over_all_candidates(workspace: Workspace, write_rows: WriteRows) -> None:
    answers = ["1/2", "7", "0.5", r"\frac{2}{4}", r"50\%"]
    rows = [response("a", s, answer=answer, reward=float(-s)) for s, answer in enumerate(answers)]
    folder = select(workspace, write_rows(workspace, rows))
    (best,) = rows_of(workspace, folder)
    assert (best.id, best.num_agreeing, best.num_candidates) == ("a-0", 4, 5)
    assert {r["id"]: (r["num_agreeing"], r["num_candidates"]) for r in read_rejects(folder)}["a-1"] == (1, 5)


def test_a_row_says_whether_it_gives_the_known_answer(workspace: Workspace, write_rows: WriteRows) -> None:
    rows = [dataclasses.replace(response("a", s, answer=answer), answer="1/2") for s, answer in enumerate(["7", "0.5"])]
    folder = select(workspace, write_rows(workspace, [*rows, response("unknown", 0, answer="3")]))
    assert {row.id: row.is_right for row in rows_of(workspace, folder)} == {"a-1": True, "unknown-0": None}
    assert {row["id"]: row["is_right"] for row in read_rejects(folder)} == {"a-0": False}


def test_questions_without_a_response_left_are_rejected_once_each(
    workspace: Workspace, write_questions: WriteRows
) -> None:
    texts = ["fine", "cut0 cut1", "cut0 long1", "long0 long1", "cut0", "cut0 cut1"]
    questions = write_questions(workspace, texts)
    generated = generate(GenerateConfig(workspace=workspace.uri, questions=questions, rows_per_part=2), workspace)
    scored = score(ScoreConfig(workspace=workspace.uri, responses=generated), workspace)
    folder = select(workspace, scored)
    assert [row.question_id for row in rows_of(workspace, folder)] == ["q0", "q4"]
    lost = {r["id"]: r["detail"] for r in read_rejects(folder) if r["reason"] == "no_response_left"}
    assert lost == {
        "q1-0": "cut_off: 2",
        "q2-1": "cut_off: 1, too_long: 1",  # the one that came further stands for the question
        "q3-0": "too_long: 2",
        "q5-0": "cut_off: 2",
    }
    manifest = read_manifest(folder)
    assert (manifest.rows_in, manifest.rows_out) == (7, 2)  # 3 responses to choose from, 4 questions without any
    assert manifest.rejected == {"no_response_left": 4, "not_best": 1}


def test_parts_that_are_empty_on_the_way_keep_their_lost_questions(
    workspace: Workspace, write_questions: WriteRows
) -> None:
    questions = write_questions(workspace, ["cut0 cut1", "long0 long1", "fine", "cut0 cut1"])
    generated = generate(GenerateConfig(workspace=workspace.uri, questions=questions, rows_per_part=1), workspace)
    folder = select(workspace, score(ScoreConfig(workspace=workspace.uri, responses=generated), workspace))
    assert [entry.rows for entry in read_manifest(folder).parts] == [0, 0, 1, 0]
    assert read_manifest(folder).rejected == {"no_response_left": 3, "not_best": 1}


def test_manifests_on_the_way_are_read_once_however_many_parts_there_are(
    workspace: Workspace, write_questions: WriteRows
) -> None:
    questions = write_questions(workspace, ["cut0 cut1", "long0 long1"])
    generated = generate(GenerateConfig(workspace=workspace.uri, questions=questions, rows_per_part=1), workspace)
    scored = score(ScoreConfig(workspace=workspace.uri, responses=generated), workspace)
    lost_questions = LostQuestions()
    assert [reject.row.id for reject in lost_questions.of(scored, 0, ())] == ["q0-0"]
    for folder in (generated, scored):
        storage.delete_object(storage.join(folder, MANIFEST))
    assert [reject.row.id for reject in lost_questions.of(scored, 1, ())] == ["q1-0"]


def test_several_folders_are_selected_from_and_each_one_is_traced(
    workspace: Workspace, write_questions: WriteRows, write_rows: WriteRows
) -> None:
    scored = []
    for source in ("one", "two"):
        questions = write_questions(workspace, [f"fine {source}", f"cut0 cut1 {source}"])
        generated = generate(GenerateConfig(workspace=workspace.uri, questions=questions), workspace)
        scored.append(score(ScoreConfig(workspace=workspace.uri, responses=generated), workspace))
    elsewhere = write_rows(workspace, [response("z", 0)])
    folder = select(workspace, str([*scored, elsewhere]).replace("'", '"'))
    assert read_manifest(folder).rejected == {"no_response_left": 2, "not_best": 2}
    assert {r["source"] for r in read_rejects(folder) if r["reason"] == "no_response_left"} == {
        "cut0 cut1 one", "cut0 cut1 two",
    }  # fmt: skip


def test_responses_that_were_rejected_are_scored_and_selected_after_all(
    workspace: Workspace, write_questions: WriteRows
) -> None:
    questions = write_questions(workspace, ["fine", "cut0 cut1", "cut0", "cut0 cut1 long0 long1"])
    generated = generate(GenerateConfig(workspace=workspace.uri, questions=questions, rows_per_part=2), workspace)
    scored = score(ScoreConfig(workspace=workspace.uri, responses=f"{generated}/rejected"), workspace)
    folder = select(workspace, scored)
    rows = rows_of(workspace, folder)
    assert [row.id for row in rows] == ["q1-0", "q2-0"]
    assert {row.history for row in rows} == {(f"generate/{generated[-16:]}: cut_off",)}
    assert {r["id"]: r["reason"] for r in read_rejects(folder)} == {"q1-1": "not_best", "q3-0": "no_response_left"}
    for stage in stages_of(folder):
        assert stage.manifest.rows_in == stage.manifest.rows_out + sum(stage.manifest.rejected.values())
    assert [stage.step for stage in rows_stages_of(stages_of(folder))] == [
        "given_rows",
        "generate",
        "score",
        "select_responses",
    ]


def test_three_pods_make_the_same_parts_as_one(
    workspace: Workspace, write_rows: WriteRows, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = Workspace(str(tmp_path_factory.mktemp("other")))
    rows = [response(f"q{n:02d}", s, reward=float(n * s % 3)) for n in range(10) for s in range(4)]
    whole = select(workspace, write_rows(workspace, rows, rows_per_part=8))
    responses = write_rows(other, rows, rows_per_part=8)
    config = SelectResponsesConfig(workspace=other.uri, responses=responses)
    folder = run_pods(partial(run, config), other.uri)
    assert read_manifest(folder).parts == read_manifest(whole).parts


def test_a_killed_step_makes_the_missing_parts_only(workspace: Workspace, write_rows: WriteRows) -> None:
    rows = [response(f"q{n}", s, reward=float(s)) for n in range(6) for s in range(2)]
    config = SelectResponsesConfig(workspace=workspace.uri, responses=write_rows(workspace, rows, rows_per_part=4))
    folder = run(config, workspace)
    expected = read_manifest(folder).parts
    for name in ("_manifest.json", "part-00001.parquet"):
        storage.local_path(storage.join(folder, name)).unlink()
    assert run(config, workspace) == folder
    assert read_manifest(folder).parts == expected


def test_responses_without_rewards_are_refused_before_anything_is_written(
    workspace: Workspace, write_rows: WriteRows
) -> None:
    responses = write_rows(workspace, [response("a", 0, reward=None)])
    with pytest.raises(InputError, match=r"--responses .* have no rewards; .* run that step on it first"):
        select(workspace, responses)
    assert not storage.exists(storage.join(workspace.uri, "select_responses"))
