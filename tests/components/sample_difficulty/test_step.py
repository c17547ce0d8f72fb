from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from components.sample_difficulty.config import SampleDifficultyConfig
from components.sample_difficulty.step import run
from components.shared.errors import InputError
from components.shared.records import Question
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from tests.components.refused import refused
from tests.components.shared.other_processes import run_pods
from tests.conftest import WriteRows


def questions_of(source: str, difficulties: Sequence[float | None]) -> list[Question]:
    return [
        Question(id=f"{source}-{number}", question=f"Question {number}?", source=source, difficulty=difficulty)
        for number, difficulty in enumerate(difficulties)
    ]


def many(source: str, count: int = 2000) -> list[Question]:
    """Two thirds of them easy."""
    return questions_of(source, [0.1 if number % 3 else 0.8 for number in range(count)])


def sample(workspace: Workspace, questions: str, **options: Any) -> str:
    return run(SampleDifficultyConfig(workspace=workspace.uri, questions=questions, **options), workspace)


def kept(workspace: Workspace, folder: str) -> list[Question]:
    return list(workspace.read(folder, Question))


def test_easier_questions_than_the_minimum_leave(workspace: Workspace, write_rows: WriteRows) -> None:
    questions = write_rows(workspace, questions_of("a", [0.19, 0.2, 0.9, -0.05]))
    folder = sample(workspace, questions, minimum=0.2)
    assert [row.difficulty for row in kept(workspace, folder)] == [0.2, 0.9]
    assert read_manifest(folder).rejected == {"too_easy": 2}


def test_without_minimum_and_target_every_question_stays(workspace: Workspace, write_rows: WriteRows) -> None:
    rows = questions_of("a", [-0.1, 0.0, 0.5, 1.2])
    assert kept(workspace, sample(workspace, write_rows(workspace, rows))) == rows


def test_what_stays_comes_near_the_declared_shares(workspace: Workspace, write_rows: WriteRows) -> None:
    questions = write_rows(workspace, many("a"))
    folder = sample(workspace, questions, target="[1, 1]", keep_fraction=0.5)
    counts = Counter(row.difficulty for row in kept(workspace, folder))
    assert counts[0.1] == pytest.approx(500, rel=0.1)
    assert counts[0.8] == pytest.approx(500, rel=0.1)
    assert read_manifest(folder).rejected == {"over_represented": 2000 - counts.total()}


def test_each_generator_is_thinned_by_itself(workspace: Workspace, write_rows: WriteRows) -> None:
    rows = [*many("a", 600), *questions_of("b", [0.9] * 300)]
    folder = sample(workspace, write_rows(workspace, rows), target="[1, 1]", keep_fraction=0.5)
    counts = Counter(row.source for row in kept(workspace, folder))
    assert counts["a"] == pytest.approx(300, rel=0.15)
    assert counts["b"] == pytest.approx(150, rel=0.15)


def test_only_the_named_generators_are_thinned(workspace: Workspace, write_rows: WriteRows) -> None:
    rows = [*questions_of("a", [0.1, 0.9]), *questions_of("b", [0.1, None])]
    folder = sample(workspace, write_rows(workspace, rows), sources='["a"]', minimum=0.5)
    assert [row.id for row in kept(workspace, folder)] == ["a-1", "b-0", "b-1"]


def test_three_pods_write_the_bytes_of_one(workspace: Workspace, write_rows: WriteRows) -> None:
    options: dict[str, Any] = {"target": "[1, 1]", "keep_fraction": 0.5, "rows_per_part": 100}
    questions = write_rows(workspace, many("a", 700))
    one = sample(workspace, questions, **options)
    shared = run_pods(lambda pod: sample(pod, questions, **options), f"{workspace.uri}-shared")
    assert read_manifest(shared).parts == read_manifest(one).parts


def test_another_seed_keeps_other_questions(workspace: Workspace, write_rows: WriteRows) -> None:
    questions = write_rows(workspace, many("a", 200))
    first, second = (
        {row.id for row in kept(workspace, sample(workspace, questions, target="[1]", keep_fraction=0.5, seed=seed))}
        for seed in (0, 1)
    )
    assert first != second


def test_a_question_without_difficulty_is_bad_input(workspace: Workspace, write_rows: WriteRows) -> None:
    questions = write_rows(workspace, questions_of("a", [0.1, None]))
    with refused("question a-1 has no difficulty; run score_difficulty on the questions first", workspace):
        sample(workspace, questions, minimum=0.5)


def test_a_source_that_no_question_has_is_bad_input(workspace: Workspace, write_rows: WriteRows) -> None:
    questions = write_rows(workspace, questions_of("a", [0.1]))
    with refused("--sources names c, which no question has; found a", workspace):
        sample(workspace, questions, sources='["a", "c"]')


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sources": "deepseek"}, "--sources 'deepseek' is not accepted; expected a JSON list of source names"),
        ({"sources": "[1]"}, "expected a JSON list of source names"),
        ({"target": "{}", "keep_fraction": 0.5}, "--target '{}' is not accepted; expected a JSON list of shares"),
        ({"target": "[1, -1]", "keep_fraction": 0.5}, "none below 0"),
        ({"target": "[0, 0]", "keep_fraction": 0.5}, "one above it"),
        ({"target": "[true]", "keep_fraction": 0.5}, "expected a JSON list of shares"),
        ({"target": "[1, 1]"}, "--target '.*' and --keep-fraction 1.0 must be given together"),
        ({"keep_fraction": 0.5}, "--target '' and --keep-fraction 0.5 must be given together"),
        ({"minimum": 1.5}, "--minimum 1.5 is out of range; expected 0 to 1"),
    ],
)
def test_bad_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        SampleDifficultyConfig(workspace="w", questions="q", **options)
