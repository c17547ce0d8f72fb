from pathlib import Path
from typing import Any

import pytest

from components.filter_solvability.config import SOLVABILITY_PROMPT, FilterSolvabilityConfig
from components.filter_solvability.step import run
from components.shared.errors import InputError
from components.shared.records import Question
from components.shared.texts.prompts import fill_prompt, load_prompt
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from tests.components.pods import check_pods_make_the_rows_of_one
from tests.components.refused import refused
from tests.components.rejects import read_rejects
from tests.conftest import WriteRows

SOLVABLE = "A shop has {n} boxes with 12 pencils in each box. How many pencils does it have?"
VAGUE = "Tom has some apples and gives {n} of them to a friend. How many apples does Tom have left?"


def test_kept_and_rejected_rows_carry_the_replies(workspace: Workspace, write_questions: WriteRows) -> None:
    texts = [form.format(n=number) for form in (SOLVABLE, VAGUE) for number in range(20)]
    folder = run(_config(workspace, write_questions(workspace, texts)), workspace)

    kept = list(workspace.read(folder, Question))
    vague = [row for row in read_rejects(folder) if row["reason"] == "not_a_question"]
    assert {row.question for row in kept} <= set(texts[:20])
    assert {row["question"] for row in vague} <= set(texts[20:])
    assert len(kept) + len(vague) > 30  # the others ended without a verdict
    assert {row.solvability_reply for row in kept} == {"\n".join(["true"] * 4)}
    assert {row["solvability_reply"] for row in vague} == {"false"}  # no stage is asked behind one that fails


def test_every_question_is_accounted_for_by_reason(workspace: Workspace, write_questions: WriteRows) -> None:
    folder = run(_config(workspace, write_questions(workspace, _texts(200))), workspace)

    manifest = read_manifest(folder)
    assert set(manifest.rejected) == {"not_a_question", "no_verdict", "cut_off"}
    assert manifest.rows_in == 200 == manifest.rows_out + sum(manifest.rejected.values())
    tokens = manifest.metrics["judge_tokens"]
    assert manifest.metrics["output_tokens"] == tokens
    for name in ("judge_tokens", "prompt_tokens"):
        figure = manifest.metrics[name] / manifest.rows_out
        assert manifest.metrics[f"{name}_per_kept_question"] == pytest.approx(figure)
    assert 200 < manifest.metrics["judgements"] < 4 * 200


def test_votes_save_questions_from_one_bad_reply(workspace: Workspace, write_questions: WriteRows) -> None:
    questions = write_questions(workspace, _texts(200))
    once = read_manifest(run(_config(workspace, questions), workspace))
    options = {"num_judgements": 5, "temperature": 0.7}
    voted = read_manifest(run(_config(workspace, questions, **options), workspace))
    lost, lost_by_votes = (sum(each.rejected.values()) - each.rejected["not_a_question"] for each in (once, voted))
    assert lost > 10 * lost_by_votes
    stages = 4 * voted.rows_out + sum(voted.rejected.values())
    assert 3 * stages <= voted.metrics["judgements"] < 5 * stages  # a stage ends with its majority
    all_agree = read_manifest(run(_config(workspace, questions, **options, threshold=1.0), workspace))
    assert all_agree.rows_out < voted.rows_out


def test_one_long_reply_is_an_option(workspace: Workspace, write_questions: WriteRows) -> None:
    folder = run(_config(workspace, write_questions(workspace, _texts(40)), judging="one_reply"), workspace)
    assert {row.solvability_reply.splitlines()[-1] for row in workspace.read(folder, Question)} == {"Verdict: Yes"}
    assert "unsolvable" in read_manifest(folder).rejected


def test_several_judgements_without_a_temperature_are_refused(workspace: Workspace) -> None:
    with pytest.raises(InputError, match="--temperature 0 makes all --num-judgements 3 of a stage identical"):
        _config(workspace, "questions", num_judgements=3)


def test_three_pods_and_a_second_start_make_the_rows_of_one(tmp_path: Path, write_questions: WriteRows) -> None:
    check_pods_make_the_rows_of_one(
        tmp_path,
        lambda workspace: write_questions(workspace, _texts(40)),
        lambda workspace, questions: run(_config(workspace, questions), workspace),
    )


def test_the_prompt_ends_with_the_question_and_the_form_of_the_verdict() -> None:
    message = fill_prompt(load_prompt(SOLVABILITY_PROMPT), question="Is {x} = {1, 2}?")

    assert "Question: Is {x} = {1, 2}?" in message
    assert "Verdict: Yes" in message
    assert "Verdict: No" in message


def test_a_judge_without_a_model_is_refused_before_anything_is_written(
    workspace: Workspace, write_questions: WriteRows
) -> None:
    questions = write_questions(workspace, ["What is 2 + 2?"])
    config = FilterSolvabilityConfig(workspace=workspace.uri, questions=questions, model="openai:gpt", engine="openai")

    with refused("--engine openai needs --endpoint", workspace):
        run(config, workspace)


def _texts(number: int) -> list[str]:
    return [(VAGUE if n % 3 == 0 else SOLVABLE).format(n=n) for n in range(20, 20 + number)]


def _config(workspace: Workspace, questions: str, **options: Any) -> FilterSolvabilityConfig:
    return FilterSolvabilityConfig(
        workspace=workspace.uri,
        questions=questions,
        model="scripted:judge",
        engine="scripted",
        rows_per_part=7,
        **options,
    )
