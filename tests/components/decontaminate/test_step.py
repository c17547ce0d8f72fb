import json

import pytest

from components.decontaminate.config import DecontaminateConfig
from components.decontaminate.step import run
from components.import_questions.config import ImportQuestionsConfig
from components.import_questions.step import run as import_questions
from components.shared.records import Question
from components.shared.workspace import Workspace
from components.shared.workspace.lineage import rows_stages_of, stages_of
from components.shared.workspace.manifests import read_manifest
from tests.components.rejects import read_rejects
from tests.conftest import WriteRows

LONG = (
    "A bakery sells 24 rolls in the morning and twice as many in the afternoon. How many rolls does it sell in a day?"
)
REWORDED = "In the morning 24 rolls are sold by a bakery, in the afternoon twice as many. How many is that in one day?"
SHORT = "What is 17 times 23?"
OWN = "A gardener plants 8 rows of 25 tulips. How many tulips are there?"


def benchmark_of(workspace: Workspace, write_rows: WriteRows, source: str, *texts: str) -> str:
    return write_rows(
        workspace, [Question(id=f"{source}-{n}", question=text, source=source) for n, text in enumerate(texts)]
    )


def test_rejects_name_the_benchmark_and_its_row(
    workspace: Workspace, write_rows: WriteRows, write_questions: WriteRows
) -> None:
    benchmarks = [
        benchmark_of(workspace, write_rows, "one", "Solve x + 9 = 21.", LONG),
        benchmark_of(workspace, write_rows, "other", SHORT),
    ]
    questions = write_questions(workspace, [OWN, f"Problem 3. {LONG.upper()}", REWORDED, r"What is $17 \times 23$?"])
    config = DecontaminateConfig(workspace=workspace.uri, questions=questions, benchmarks=json.dumps(benchmarks))
    folder = run(config, workspace)

    assert [row.id for row in workspace.read(folder, Question)] == ["q0"]
    assert [(row["id"], row["reason"], row["detail"]) for row in read_rejects(folder)] == [
        ("q1", "copied", f"one one-1: {LONG}"),
        ("q2", "reworded", f"one one-1: {LONG}"),
        ("q3", "copied", f"other other-0: {SHORT}"),
    ]


def test_the_manifest_certifies_what_was_looked_for_and_found(
    workspace: Workspace, write_rows: WriteRows, write_questions: WriteRows
) -> None:
    benchmarks = benchmark_of(workspace, write_rows, "one", LONG, SHORT)
    config = DecontaminateConfig(
        workspace=workspace.uri, questions=write_questions(workspace, [LONG, OWN, REWORDED]), benchmarks=benchmarks
    )
    metrics = read_manifest(run(config, workspace)).metrics

    assert metrics["benchmark_questions: one"] == 2
    assert metrics["found_as_whole_only"] == 1
    assert metrics["copied: one"] == metrics["reworded: one"] == 1
    assert metrics["recall: copy"] >= 0.99
    assert metrics["recall: rewording"] >= 0.8


def test_near_duplicates_can_be_left_alone(
    workspace: Workspace, write_rows: WriteRows, write_questions: WriteRows
) -> None:
    config = DecontaminateConfig(
        workspace=workspace.uri,
        questions=write_questions(workspace, [LONG, REWORDED]),
        benchmarks=benchmark_of(workspace, write_rows, "one", LONG),
        near_duplicates=False,
    )
    manifest = read_manifest(run(config, workspace))
    assert manifest.rejected == {"copied": 1}
    assert manifest.metrics["recall: rewording"] < 0.5


@pytest.mark.parametrize("rows_per_part", [1, 100])
def test_an_imported_benchmark_is_found_again_and_is_no_stage_that_rows_came_through(
    workspace: Workspace, write_questions: WriteRows, rows_per_part: int
) -> None:
    source = "reasoning-gym:gsm_symbolic"
    benchmark = import_questions(
        ImportQuestionsConfig(workspace=workspace.uri, source=source, num_questions=20, seed=1), workspace
    )
    texts = [row.question for row in workspace.read(benchmark, Question)]
    questions = write_questions(workspace, [*texts, OWN])
    config = DecontaminateConfig(
        workspace=workspace.uri, questions=questions, benchmarks=benchmark, rows_per_part=rows_per_part
    )
    folder = run(config, workspace)

    assert read_manifest(folder).rejected == {"copied": 20}
    assert benchmark in {stage.folder for stage in stages_of(folder)}
    assert benchmark not in {stage.folder for stage in rows_stages_of(stages_of(folder))}
