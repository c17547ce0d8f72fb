import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForSequenceClassification

from components.score_difficulty.config import ScoreDifficultyConfig
from components.score_difficulty.step import run
from components.shared.records import Question
from components.shared.scoring._scripted_scorer import scripted_value
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from components.shared.workspace.tables import read_table
from tests.components.refused import refused
from tests.components.shared.other_processes import run_pods
from tests.conftest import WriteRows

TEXTS = [f"What is {number} times {number * 7}?" + " Explain." * (number % 5) for number in range(12)]


def score(workspace: Workspace, questions: str, **options: Any) -> list[Question]:
    folder = run(ScoreDifficultyConfig(workspace=workspace.uri, questions=questions, **options), workspace)
    return list(workspace.read(folder, Question))


def test_every_question_gets_a_number_and_keeps_the_rest(workspace: Workspace, write_questions: WriteRows) -> None:
    questions = write_questions(workspace, TEXTS)
    scored = score(workspace, questions, scorer_engine="scripted")
    given = list(workspace.read(questions, Question))
    assert [dataclasses.replace(row, difficulty=None) for row in scored] == given
    assert [row.difficulty for row in scored] == [scripted_value(text) for text in TEXTS]


def test_a_trained_models_scores_do_not_depend_on_batches(
    workspace: Workspace, write_questions: WriteRows, tiny_scorer: Path
) -> None:
    questions = write_questions(workspace, TEXTS)
    batched = score(workspace, questions, scorer=str(tiny_scorer))
    other = Workspace(f"{workspace.uri}-one-at-a-time")
    single = score(other, questions, scorer=str(tiny_scorer), max_batch_tokens=1)
    assert [row.id for row in batched] == [row.id for row in single]
    assert [row.difficulty for row in batched] == pytest.approx([row.difficulty for row in single], abs=1e-5)
    assert len({row.difficulty for row in batched}) == len(TEXTS)


def test_three_pods_write_the_bytes_of_one(workspace: Workspace, write_questions: WriteRows, tiny_scorer: Path) -> None:
    questions = write_questions(workspace, TEXTS)
    options: dict[str, Any] = {"questions": questions, "scorer": str(tiny_scorer), "rows_per_part": 4}
    one = run(ScoreDifficultyConfig(workspace=workspace.uri, **options), workspace)
    shared = run_pods(
        lambda pod: run(ScoreDifficultyConfig(workspace=pod.uri, **options), pod), f"{workspace.uri}-shared"
    )
    assert read_manifest(shared).parts == read_manifest(one).parts


def test_an_over_long_question_is_rejected_and_not_cut(workspace: Workspace, write_questions: WriteRows) -> None:
    questions = write_questions(workspace, ["one two three", "one two three four"])
    config = ScoreDifficultyConfig(workspace=workspace.uri, questions=questions, scorer_engine="scripted", max_tokens=3)
    folder = run(config, workspace)
    manifest = read_manifest(folder)
    assert manifest.rejected == {"too_long": 1}
    (reject,) = read_table(f"{folder}/{manifest.parts[0].rejects}").to_pylist()
    assert (reject["id"], reject["detail"]) == ("q1", "4 tokens; the scorer takes 3")
    assert manifest.metrics["tokens"] == 7


def test_a_number_that_is_not_finite_is_rejected(
    workspace: Workspace, write_questions: WriteRows, tiny_scorer: Path, tmp_path: Path
) -> None:
    model = AutoModelForSequenceClassification.from_pretrained(tiny_scorer)
    model.score.weight.data.fill_(torch.nan)
    broken = tmp_path / "broken"
    model.save_pretrained(broken)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (broken / name).write_bytes((tiny_scorer / name).read_bytes())
    config = ScoreDifficultyConfig(
        workspace=workspace.uri, questions=write_questions(workspace, TEXTS[:3]), scorer=str(broken)
    )
    assert read_manifest(run(config, workspace)).rejected == {"no_score": 3}


def test_without_scorer_nothing_is_written(workspace: Workspace, write_questions: WriteRows) -> None:
    questions = write_questions(workspace, TEXTS)
    with refused("--scorer must be given: the URI of a scorer, such as train_scorer makes", workspace):
        score(workspace, questions)


def test_a_language_model_is_refused_and_nothing_written(
    workspace: Workspace, write_questions: WriteRows, tiny_model: Path
) -> None:
    questions = write_questions(workspace, TEXTS)
    with refused("not a scorer", workspace):
        score(workspace, questions, scorer=str(tiny_model))


def test_finished_work_is_not_scored_again(
    workspace: Workspace, write_questions: WriteRows, tiny_scorer: Path, caplog: pytest.LogCaptureFixture
) -> None:
    questions = write_questions(workspace, TEXTS)
    first = score(workspace, questions, scorer=str(tiny_scorer))
    caplog.clear()
    with caplog.at_level("INFO"):
        assert score(workspace, questions, scorer=str(tiny_scorer)) == first
    assert "reused" in caplog.text
    assert "scorer on" not in caplog.text
