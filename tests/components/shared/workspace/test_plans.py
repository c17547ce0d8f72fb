from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from components.shared.errors import InputError
from components.shared.records import Question
from components.shared.stores import storage
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import MANIFEST, read_manifest
from components.shared.workspace.plans import PLAN, read_plan_or_none
from tests.components.shared import slow_filter
from tests.components.shared.sample_folders import (
    SampleConfig,
    change_json,
    create_folder,
)
from tests.components.shared.slow_filter import SlowFilterConfig
from tests.conftest import WriteRows
from tests.stores import Store


@pytest.fixture
def workspace(store: Store) -> Workspace:
    """Return one on each kind of store."""
    return Workspace(store.uri)


def test_a_plan_that_stands_decides_how_rows_are_cut(workspace: Workspace, write_questions: WriteRows) -> None:
    questions = write_questions(workspace, [str(n) for n in range(10)])
    config = SlowFilterConfig(workspace=workspace.uri, questions=questions, rows_per_part=4)
    first = workspace.open(config).begin_rows(Question, workspace.read(questions, Question).slices(4))

    folder = slow_filter.run(dataclasses.replace(config, rows_per_part=7), workspace)

    assert folder == first.uri
    assert [part.rows for part in read_manifest(folder).parts] == [3, 4, 2]
    assert [row.id for row in workspace.read(folder, Question)] == [f"q{n}" for n in range(10) if n != 3]


@pytest.mark.parametrize(("texts", "rows_per_part"), [("abcd", 3), ("abce", 2)])
def test_an_input_that_was_made_again_otherwise_is_not_mixed_into_a_half_done_folder(
    workspace: Workspace, write_questions: WriteRows, texts: str, rows_per_part: int
) -> None:
    questions = write_questions(workspace, list("abcd"), rows_per_part=2)
    config = SlowFilterConfig(workspace=workspace.uri, questions=questions, rows_per_part=2)
    half_done = workspace.open(config).begin_rows(Question, workspace.read(questions, Question).slices(2))
    then = read_manifest(questions).content
    _make_again(workspace, write_questions, questions, list(texts), rows_per_part)
    with pytest.raises(InputError) as raised:
        slow_filter.run(config, workspace)
    assert str(raised.value) == (
        f"{half_done.uri} is unfinished, and --questions {questions} was made again since, with other parts "
        f"(content {then} then, {read_manifest(questions).content} now); delete {half_done.uri} and start again, or "
        "use another workspace"
    )
    storage.delete_folder(half_done.uri)
    assert slow_filter.run(config, workspace) == half_done.uri


def test_a_finished_folder_stays_what_it_is_though_its_input_was_made_again(
    workspace: Workspace, write_questions: WriteRows
) -> None:
    questions = write_questions(workspace, list("abcd"), rows_per_part=2)
    config = SlowFilterConfig(workspace=workspace.uri, questions=questions, rows_per_part=2)
    finished = slow_filter.run(config, workspace)
    before = read_manifest(finished)
    _make_again(workspace, write_questions, questions, list("abcd"), 3)
    assert slow_filter.run(config, workspace) == finished
    assert read_manifest(finished) == before


def _make_again(
    workspace: Workspace, write_questions: WriteRows, folder: str, texts: list[str], rows_per_part: int
) -> None:
    """Put other parts in a folder's place, under the same fingerprint, as a GPU or another ``rows_per_part`` would."""
    fingerprint = read_manifest(folder).fingerprint
    storage.delete_folder(folder)
    other = write_questions(workspace, texts, rows_per_part=rows_per_part)
    for name in storage.list_files(other) if other != folder else ():
        storage.create(storage.join(folder, name), storage.read_bytes(storage.join(other, name)))
    change_json(storage.join(folder, MANIFEST), lambda manifest: manifest | {"fingerprint": fingerprint})


def test_rows_with_other_columns_are_not_continued(workspace: Workspace) -> None:
    plan = storage.join(create_folder(workspace, 1, 1).uri, PLAN)
    change_json(plan, lambda content: content | {"columns": content["columns"][:-1]})
    with pytest.raises(InputError, match=r"was started by another version of this step.*finish it with that version"):
        create_folder(workspace, 1, 1)


def test_a_plan_in_a_folder_is_written_as_it_always_was(workspace: Workspace, write_questions: WriteRows) -> None:
    questions = write_questions(workspace, ["a", "b"], rows_per_part=1)
    config = SampleConfig(workspace=workspace.uri, questions=questions)
    rows = workspace.read(questions, Question)
    folder = workspace.open(config, rows).begin_rows(Question, rows.slices(1), units_per_row=3)
    manifest, content = read_manifest(questions), storage.read_json(storage.join(folder.uri, PLAN))
    assert list(content) == [
        "format", "step", "version", "fingerprint", "kind", "columns", "options", "inputs", "prompts", "rows_in",
        "units_per_row", "slices", "command", "code_version",
    ]  # fmt: skip
    entry = {
        "uri": questions, "fingerprint": manifest.fingerprint, "kind": "question", "rows": 2,
        "content": manifest.content,
    }  # fmt: skip
    assert content["inputs"] == {"questions": [entry]}
    assert (content["rows_in"], content["slices"]) == (6, [[0, 0, 0, 1], [0, 1, 0, 1]])
    assert content["columns"][:2] == ["id: string", "question: string"]
    assert read_plan_or_none(folder.uri) == folder.claim.plan


def test_an_input_of_an_older_plan_may_lack_its_content(workspace: Workspace, write_questions: WriteRows) -> None:
    questions = write_questions(workspace, ["a"])
    folder = workspace.open(SampleConfig(workspace=workspace.uri, questions=questions)).begin_rows(Question, [])
    older = [{"uri": questions, "fingerprint": read_manifest(questions).fingerprint, "kind": "question", "rows": 1}]
    change_json(storage.join(folder.uri, PLAN), lambda content: content | {"inputs": {"questions": older}})
    plan = read_plan_or_none(folder.uri)
    assert plan is not None
    (entry,) = plan.inputs["questions"]
    assert (entry.content, entry.to_json()) == ("", older[0])


@pytest.mark.parametrize("cut", [[0, 0, 1], [0, 0, 0, "all"], 7])
def test_a_plan_whose_slices_are_none_is_refused_with_what_to_do(tmp_path: Path, cut: Any) -> None:
    uri = create_folder(Workspace(str(tmp_path)), 1, 1).uri
    change_json(storage.join(uri, PLAN), lambda content: content | {"slices": [cut]})
    with pytest.raises(InputError) as raised:
        read_plan_or_none(uri)
    assert str(raised.value) == (
        f"{uri}/{PLAN} has {cut!r} among 'slices': it was changed, or another version wrote it; use the version that "
        "did, or delete the folder and run its step again"
    )
