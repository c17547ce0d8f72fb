from pathlib import Path

import pytest

from components.filter_solvability.config import PROMPT, FilterSolvabilityConfig
from components.filter_solvability.step import judge, run
from components.shared.engines import Completion
from components.shared.filters import KEEP, Verdict
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


@pytest.mark.parametrize(
    ("completion", "verdict"),
    [
        (Completion(text="Verdict: Yes", finish_reason="stop", num_tokens=4), KEEP),
        (Completion(text="Verdict: No", finish_reason="stop", num_tokens=4), Verdict("unsolvable")),
        (Completion(text="Who knows?", finish_reason="stop", num_tokens=4), Verdict("no_verdict")),
        (
            Completion(text="Verdict: Yes, since", finish_reason="length", num_tokens=5),
            Verdict("cut_off", "length after 5 tokens"),
        ),
        (
            Completion(text="", finish_reason="too_long", num_tokens=0, detail="9999 tokens"),
            Verdict("too_long", "9999 tokens"),
        ),
        (
            Completion(text="", finish_reason="killed_the_engine", num_tokens=0, detail="2 died"),
            Verdict("killed_the_engine", "2 died"),
        ),
    ],
)
def test_a_reply_is_judged(completion: Completion, verdict: Verdict) -> None:
    assert judge(completion) == verdict


def test_kept_and_rejected_rows_carry_the_reply(workspace: Workspace, write_questions: WriteRows) -> None:
    texts = [form.format(n=number) for form in (SOLVABLE, VAGUE) for number in range(20)]
    folder = run(_config(workspace, write_questions(workspace, texts)), workspace)

    kept = list(workspace.read(folder, Question))
    unsolvable = [row for row in read_rejects(folder) if row["reason"] == "unsolvable"]
    assert {row.question for row in kept} <= set(texts[:20])
    assert {row["question"] for row in unsolvable} <= set(texts[20:])
    assert len(kept) + len(unsolvable) > 30  # the others ended without a verdict
    assert {row.solvability_reply.splitlines()[-1] for row in kept} == {"Verdict: Yes"}
    assert {row["solvability_reply"].splitlines()[-1] for row in unsolvable} == {"Verdict: No"}


def test_every_question_is_accounted_for_by_reason(workspace: Workspace, write_questions: WriteRows) -> None:
    folder = run(_config(workspace, write_questions(workspace, _texts(200))), workspace)

    manifest = read_manifest(folder)
    assert set(manifest.rejected) == {"unsolvable", "no_verdict", "cut_off"}
    assert manifest.rows_in == 200 == manifest.rows_out + sum(manifest.rejected.values())
    assert manifest.metrics["output_tokens"] > 200


def test_three_pods_and_a_second_start_make_the_rows_of_one(tmp_path: Path, write_questions: WriteRows) -> None:
    check_pods_make_the_rows_of_one(
        tmp_path,
        lambda workspace: write_questions(workspace, _texts(40)),
        lambda workspace, questions: run(_config(workspace, questions), workspace),
    )


def test_the_prompt_ends_with_the_question_and_the_form_of_the_verdict() -> None:
    message = fill_prompt(load_prompt(PROMPT), question="Is {x} = {1, 2}?")

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


def _config(workspace: Workspace, questions: str) -> FilterSolvabilityConfig:
    return FilterSolvabilityConfig(
        workspace=workspace.uri,
        questions=questions,
        model="scripted:judge",
        engine="scripted",
        rows_per_part=7,
    )
