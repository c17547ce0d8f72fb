import json
import random
from pathlib import Path

import pytest

from components.deduplicate.config import DeduplicateConfig
from components.deduplicate.step import run
from components.shared.errors import InputError
from components.shared.records import Question
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from tests.components.killed import kill_behind_parts
from tests.components.rejects import read_content, read_rejects
from tests.conftest import WriteRows

STORY = (
    "{name} has {n} apples, buys twice as many at the market on Monday, and eats five. How many are left at the end?"
)


def test_rejects_say_which_row_they_repeat_and_how(workspace: Workspace, write_questions: WriteRows) -> None:
    texts = [
        STORY.format(name="Tom", n=3),
        STORY.format(name="Tom", n=4),
        STORY.format(name="Tom", n=3).upper(),
        STORY.format(name="Eva", n=4),
    ]
    folder = run(_config(workspace, write_questions(workspace, texts)), workspace)

    assert [row.id for row in workspace.read(folder, Question)] == ["q0", "q1"]
    assert read_manifest(folder).rejected == {"exact_duplicate": 1, "near_duplicate": 1}
    assert [(row["id"], row["reason"], row["detail"]) for row in read_rejects(folder)] == [
        ("q2", "exact_duplicate", "q0"),
        ("q3", "near_duplicate", "q1"),
    ]


def test_of_several_folders_the_first_one_keeps_its_row(workspace: Workspace, write_rows: WriteRows) -> None:
    one, other = (
        write_rows(workspace, [Question(id=f"{source}-0", question="What is 2 + 2?", source=source)])
        for source in ("one", "other")
    )
    for uris, first in (([one, other], "one-0"), ([other, one], "other-0")):
        folder = run(_config(workspace, json.dumps(uris)), workspace)
        assert [row.id for row in workspace.read(folder, Question)] == [first]


def test_a_repetition_is_found_across_parts(workspace: Workspace, write_questions: WriteRows) -> None:
    texts = ["What is 2 + 2?", "What is 3 + 3?", "What is 4 + 4?", "what is 2 + 2"]
    folder = run(_config(workspace, write_questions(workspace, texts), rows_per_part=1), workspace)

    assert read_manifest(folder).rejected == {"exact_duplicate": 1}


def test_a_killed_run_goes_on_to_the_rows_of_an_undisturbed_one(tmp_path: Path, write_questions: WriteRows) -> None:
    texts = _many_questions(3000)
    undisturbed = Workspace(str(tmp_path / "undisturbed"))
    expected = run(_config(undisturbed, write_questions(undisturbed, texts), rows_per_part=50), undisturbed)

    killed = Workspace(str(tmp_path / "killed"))
    config = _config(killed, write_questions(killed, texts), rows_per_part=50)
    standing = kill_behind_parts(config, 5)
    assert len(standing) == 5
    folder = run(config, killed)

    assert read_content(folder) == read_content(expected)
    assert {path: path.stat().st_mtime_ns for path in standing} == standing, "finished parts are kept untouched"
    assert read_manifest(folder).rejected == read_manifest(expected).rejected
    assert set(read_manifest(folder).rejected) == {"exact_duplicate", "near_duplicate"}


@pytest.mark.parametrize("value", [0.4, 1.1])
def test_a_similarity_out_of_range_is_refused(workspace: Workspace, value: float) -> None:
    with pytest.raises(InputError, match=r"--min-similarity .* is out of range; expected 0.5 to 1"):
        DeduplicateConfig(workspace=workspace.uri, questions="x", min_similarity=value)


def _config(workspace: Workspace, questions: str, rows_per_part: int = 8192) -> DeduplicateConfig:
    return DeduplicateConfig(workspace=workspace.uri, questions=questions, rows_per_part=rows_per_part)


def _many_questions(number: int) -> list[str]:
    generator = random.Random(0)
    names = [f"{first}{last}" for first in ("Ann", "Bob", "Cem", "Dan", "Eve") for last in ("a", "e", "i", "o", "u")]
    return [STORY.format(name=generator.choice(names), n=generator.randrange(2, 2000)) for _ in range(number)]
