"""Questions with responses: from a file, a generator, or a finished dataset, to train a solver on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from components.import_questions.config import ImportQuestionsConfig
from components.import_questions.step import run
from components.shared.errors import InputError
from components.shared.records import Example, Response
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from tests.components.rejects import read_rejects
from tests.conftest import WriteRows

SOLVED = r"2 + 2 = \boxed{4}"


def import_from(source: str, workspace: Workspace, **options: Any) -> str:
    settings = {"answer_column": "none", "response_column": "solution", **options}
    return run(ImportQuestionsConfig(workspace=workspace.uri, source=source, **settings), workspace)


def write_jsonl(folder: Path, pairs: list[tuple[str, str | None]]) -> str:
    path = folder / "pairs.jsonl"
    lines = [json.dumps({"question": question, "solution": solution}) for question, solution in pairs]
    path.write_text("\n".join(lines))
    return str(path)


def an_example(number: int) -> Example:
    return Example(
        id=f"q{number}-3", question=f"What is 2 + {number}?", response=SOLVED, final_answer="4", answer="",
        source="gen", difficulty=None, reward=None, num_agreeing=None, num_candidates=None, num_tokens=9,
    )  # fmt: skip


def test_a_file_with_responses_makes_rows_to_train_on(workspace: Workspace, tmp_path: Path) -> None:
    folder = import_from(write_jsonl(tmp_path, [("What is 2 + 2?", f" {SOLVED}\n")]), workspace)
    (row,) = workspace.read(folder, Response)
    assert (row.question, row.response, row.final_answer, row.source) == ("What is 2 + 2?", SOLVED, "4", "pairs")
    assert (row.id, row.finish_reason) == (f"{row.question_id}-0", "stop")


def test_a_question_may_have_several_responses_but_each_once(workspace: Workspace, tmp_path: Path) -> None:
    pairs = [
        ("What is 2 + 2?", "4"),
        ("What is 2 + 2?", "four"),
        ("What is 2  + 2?", "Four"),
        ("", "4"),
        ("Why?", None),
    ]
    manifest = read_manifest(import_from(write_jsonl(tmp_path, pairs), workspace))
    assert manifest.rejected == {"duplicate": 1, "empty": 1, "no_response": 1}
    assert manifest.rows_out == 2


def test_generators_write_worked_solutions(workspace: Workspace) -> None:
    source = "reasoning-gym:leg_counting,chain_sum"
    folder = import_from(source, workspace, num_questions=6, response_column="worked_solution")
    rows = list(workspace.read(folder, Response))
    assert [row.source for row in rows] == ["leg_counting", "chain_sum"] * 3
    assert all(row.final_answer == row.answer for row in rows)


def test_a_finished_dataset_is_a_source(workspace: Workspace, write_rows: WriteRows) -> None:
    dataset = write_rows(workspace, [an_example(number) for number in range(5)], rows_per_part=2)
    folder = import_from(dataset, workspace, response_column="response", num_questions=4)
    rows = list(workspace.read(folder, Response))
    assert [row.question for row in rows] == [an_example(number).question for number in range(4)]
    assert {(row.source, row.response) for row in rows} == {("gen", SOLVED)}
    (described,) = read_manifest(folder).inputs["source"]
    assert described.fingerprint == read_manifest(dataset).fingerprint


def test_responses_that_did_not_end_are_no_examples(workspace: Workspace, write_rows: WriteRows) -> None:
    reasons = ("stop", "length", "filtered", "")
    rows = [
        Response(
            id=f"q{number}-0", question_id=f"q{number}", question=f"What is 2 + {number}?", answer="", source="gen",
            difficulty=None, sample=0, response=SOLVED, final_answer="4", finish_reason=reason, num_tokens=9,
        )
        for number, reason in enumerate(reasons)
    ]  # fmt: skip
    folder = import_from(write_rows(workspace, rows), workspace, response_column="response")
    assert [(row.question, row.finish_reason) for row in workspace.read(folder, Response)] == [
        ("What is 2 + 0?", "stop")
    ]
    assert read_manifest(folder).rejected == {"not_ended": 3}
    found = {row["question"]: (row["finish_reason"], row["detail"]) for row in read_rejects(folder)}
    assert found["What is 2 + 1?"] == ("length", "finish_reason 'length'")


@pytest.mark.parametrize(
    ("source", "column", "message"),
    [
        (
            "reasoning-gym:chain_sum",
            "solution",
            "--response-column 'solution': expected worked_solution for reasoning",
        ),
        ("benchmark:gsm8k", "solution", "--response-column cannot be set with --source benchmark:gsm8k"),
        ("FILE", "steps", "pairs.jsonl:1: no column 'steps' (--response-column); found: question, solution"),
        ("DATASET", "steps", "--response-column 'steps': expected response for "),
        (
            "QUESTIONS",
            "response",
            "holds question rows; expected a dataset, or responses (questions of a workspace",
        ),
    ],
)
def test_responses_that_are_not_there_are_refused(
    workspace: Workspace, tmp_path: Path, write_rows: WriteRows, write_questions: WriteRows, source: str, column: str,
    message: str,
) -> None:  # fmt: skip
    sources = {
        "FILE": write_jsonl(tmp_path, [("Why?", "4")]),
        "DATASET": write_rows(workspace, [an_example(1)]),
        "QUESTIONS": write_questions(workspace, ["Why?"]),
    }
    with pytest.raises(InputError) as caught:
        import_from(
            sources.get(source, source),
            workspace,
            response_column=column,
            answer_column="answer" if source.startswith("benchmark:") else "none",
            num_questions=1,
        )
    assert message in str(caught.value)
    assert not Path(workspace.uri, "import_questions").exists()
