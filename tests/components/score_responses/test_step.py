import itertools
import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from components.score_responses.config import ScoreResponsesConfig
from components.score_responses.step import run
from components.shared.records import Response
from components.shared.scoring import Text
from components.shared.scoring.sequence_classifier import SequenceClassifier
from components.shared.templates import load_chat_template
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from tests.components.refused import refused
from tests.components.shared.other_processes import run_pods
from tests.conftest import WriteRows


def some_responses(num_questions: int = 5, num_samples: int = 3, response: str = "") -> list[Response]:
    return [
        Response(
            id=f"q{number}-{sample}", question_id=f"q{number}", question=f"What is {number}+2?", answer=str(number + 2),
            source="given", difficulty=None, sample=sample,
            response=response or f"Let me add {sample}. " * (sample + 1),
            final_answer=str(sample), finish_reason="stop", num_tokens=5,
        )
        for number, sample in itertools.product(range(num_questions), range(num_samples))
    ]  # fmt: skip


def score(workspace: Workspace, responses: str, **options: Any) -> tuple[str, list[Response]]:
    folder = run(ScoreResponsesConfig(workspace=workspace.uri, responses=responses, **options), workspace)
    return folder, list(workspace.read(folder, Response))


def test_the_reward_is_that_of_the_whole_conversation(
    workspace: Workspace, write_rows: WriteRows, tiny_scorer: Path
) -> None:
    rows = some_responses()
    _, scored = score(workspace, write_rows(workspace, rows), reward_model=str(tiny_scorer))
    template = load_chat_template("own", tiny_scorer)
    scorer = SequenceClassifier(tiny_scorer, add_special_tokens=False, max_tokens=0, max_batch_tokens=1)
    texts = [Text(key=row.id, text=template.conversation(row.question, row.response)) for row in rows]
    expected = {result.key: result.value for result in scorer.score(texts)}
    assert {row.id: row.reward for row in scored} == pytest.approx(expected, abs=1e-5)
    assert len(set(expected.values())) == len(rows)


def test_all_responses_to_a_question_stay_in_one_part(workspace: Workspace, write_rows: WriteRows) -> None:
    responses = write_rows(workspace, some_responses(4, 3), rows_per_part=6)
    folder, _ = score(workspace, responses, scorer_engine="scripted")
    scored = workspace.read(folder, Response)
    parts = [{row.question_id for row in scored.read(slice_)} for slice_ in scored.slices()]
    assert parts == [{"q0", "q1"}, {"q2", "q3"}]


def test_pods_share_the_parts_and_write_the_same_rows(workspace: Workspace, write_rows: WriteRows) -> None:
    responses = write_rows(workspace, some_responses(6, 2), rows_per_part=4)
    one, _ = score(workspace, responses, scorer_engine="scripted")
    other = f"{workspace.uri}-shared"
    config = ScoreResponsesConfig(workspace=other, responses=responses, scorer_engine="scripted")
    shared = run_pods(partial(run, config), other, 2)
    assert read_manifest(shared).parts == read_manifest(one).parts


def test_an_over_long_response_is_rejected_and_not_cut(workspace: Workspace, write_rows: WriteRows) -> None:
    rows = [*some_responses(1, 1), *some_responses(2, 1, response="word " * 100)[1:]]
    folder, scored = score(workspace, write_rows(workspace, rows), scorer_engine="scripted", max_tokens=50)
    assert read_manifest(folder).rejected == {"too_long": 1}
    assert [row.id for row in scored] == ["q0-0"]


def test_without_reward_model_nothing_is_written(workspace: Workspace, write_rows: WriteRows) -> None:
    responses = write_rows(workspace, some_responses())
    with refused("--reward-model must be given", workspace):
        score(workspace, responses)


def test_a_reward_model_that_needs_remote_code_is_refused_before_anything_is_written(
    workspace: Workspace, write_rows: WriteRows, tiny_scorer: Path, tmp_path: Path
) -> None:
    model = shutil.copytree(tiny_scorer, tmp_path / "model")
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    (model / "config.json").write_text(json.dumps(config | {"model_type": "internlm2"}), encoding="utf-8")
    responses = write_rows(workspace, some_responses())
    with refused(r"--reward-model .*: transformers cannot load it without remote code", workspace):
        score(workspace, responses, reward_model=str(model))


def test_a_chat_family_that_does_not_fit_the_model_is_refused(
    workspace: Workspace, write_rows: WriteRows, tiny_scorer: Path
) -> None:
    responses = write_rows(workspace, some_responses())
    with refused("--chat-template 'llama3' does not fit the model", workspace):
        score(workspace, responses, reward_model=str(tiny_scorer), chat_template="llama3")
