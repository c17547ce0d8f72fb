from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from components.find_contamination.config import FindContaminationConfig
from components.find_contamination.step import run
from components.shared.errors import InputError
from components.shared.records import Contamination, Example, FailRate, Question, Response
from components.shared.stores import storage
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from pipelines.show_command import show_folder
from tests.conftest import WriteRows

LONG = (
    "A bakery sells 24 rolls in the morning and twice as many in the afternoon. How many rolls does it sell in a day?"
)
OTHER = "How many ways are there to choose 3 books from a shelf of 10 different books if the order does not matter?"
SHORT = "What is 17 times 23?"
BENCHMARK = [
    Question(id=f"b{number}", question=text, source="gsm8k") for number, text in enumerate((LONG, OTHER, SHORT))
]


def response(number: int, question: str) -> Response:
    return Response(
        id=f"q{number}-{number % 3}",
        question_id=f"q{number}",
        question=question,
        answer="",
        source="generator",
        difficulty=None,
        sample=number % 3,
        response="",
        final_answer="",
        finish_reason="stop",
        num_tokens=1,
    )


def find(workspace: Workspace, questions: str, *training: str) -> str:
    config = FindContaminationConfig(workspace=workspace.uri, questions=questions, training=json.dumps(list(training)))
    return run(config, workspace)


def rows_of(workspace: Workspace, folder: str) -> list[Contamination]:
    return list(workspace.read(folder, Contamination))


def test_each_question_says_which_training_row_gives_it_away_by_which_rule(
    workspace: Workspace, write_rows: WriteRows, capsys: pytest.CaptureFixture[str]
) -> None:
    copies = [response(number, LONG.upper()) for number in (1, 2)]
    training = [response(0, "Why?"), *copies, response(3, f"{LONG} Tell me.")]
    folder = find(workspace, write_rows(workspace, BENCHMARK), write_rows(workspace, training, rows_per_part=2))
    given_away, other, short = rows_of(workspace, folder)
    assert given_away == Contamination(
        id="b0",
        question=LONG,
        source="gsm8k",
        rules=("ngram_13", "ngram_8", "near_duplicate"),
        num_training_rows=(3, 3, 3),
        training_ids=("q1-1",) * 3,
        training_questions=(LONG.upper(),) * 3,
    )
    assert (other.num_training_rows, other.training_ids, other.not_testable) == ((0, 0, 0), ("", "", ""), ())
    assert (short.num_training_rows, short.not_testable) == ((0, 0, 0), ("ngram_13", "ngram_8"))
    manifest = read_manifest(folder)
    assert (manifest.rows_in, manifest.rows_out, manifest.rejected) == (3, 3, {})
    assert manifest.metrics["dirty: gsm8k, ngram_13"] == 1
    assert manifest.metrics["not_testable: gsm8k, ngram_13"] == 1
    assert manifest.metrics["questions: gsm8k"] == 3
    assert manifest.metrics["training_rows"] == 4
    assert show_folder(folder, 1) == 0
    shown = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["gsm8k", "ngram_13", "3", "1", "1"] in shown
    assert ["gsm8k", "near_duplicate", "3", "1", "0"] in shown


def test_a_short_question_that_was_copied_is_dirty_and_testable(workspace: Workspace, write_rows: WriteRows) -> None:
    training = write_rows(workspace, [Question(id="t", question=r"What is $17 \times 23$?")])
    (*_, short) = rows_of(workspace, find(workspace, write_rows(workspace, BENCHMARK), training))
    assert (short.num_training_rows, short.not_testable) == ((1, 1, 1), ())


def test_training_rows_of_several_folders_and_kinds_count_together(workspace: Workspace, write_rows: WriteRows) -> None:
    example = Example(
        id="e",
        question=OTHER,
        response="",
        final_answer="",
        answer="",
        source="",
        difficulty=None,
        reward=None,
        num_agreeing=None,
        num_candidates=None,
        num_tokens=1,
    )
    kinds: Sequence[Sequence[Question | Response | Example]] = (
        [Question(id="q", question=OTHER)],
        [response(1, OTHER)],
        [example],
    )
    folders = [write_rows(workspace, rows) for rows in kinds]
    rows = rows_of(workspace, find(workspace, write_rows(workspace, BENCHMARK), *folders))
    assert [row.num_training_rows[0] for row in rows] == [0, 3, 0]
    assert rows[1].training_ids == ("q", "q", "q")


def test_rows_that_no_model_is_trained_on_by_itself_are_refused(workspace: Workspace, write_rows: WriteRows) -> None:
    rate = FailRate(id="f", question=LONG, answer="1", source="", fail_rate=0.5, responses=(), correct=())
    training = write_rows(workspace, [rate])
    with pytest.raises(InputError, match=r"--training .* holds fail_rate rows, .*; expected question, response or"):
        find(workspace, write_rows(workspace, BENCHMARK), training)
    assert not storage.exists(storage.join(workspace.uri, "find_contamination"))


@pytest.mark.parametrize("lost", [["_manifest.json"], ["_manifest.json", "part-00001.parquet"]])
def test_a_killed_step_ends_in_the_same_folder(workspace: Workspace, write_rows: WriteRows, lost: list[str]) -> None:
    questions = write_rows(workspace, BENCHMARK, rows_per_part=1)
    training = write_rows(workspace, [Question(id="t", question=OTHER)])
    folder = find(workspace, questions, training)
    before = read_manifest(folder)
    for name in lost:
        storage.local_path(storage.join(folder, name)).unlink()
    assert find(workspace, questions, training) == folder
    after = read_manifest(folder)
    assert after.parts == before.parts
    timed = {"seconds", "accelerator_seconds"}
    assert {name: after.metrics[name] for name in after.metrics.keys() - timed} == {
        name: before.metrics[name] for name in before.metrics.keys() - timed
    }
