from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.shared.command.step_command import parse_config
from components.shared.errors import InputError
from components.shared.records import Question
from components.shared.stores import storage
from components.shared.workspace import Workspace
from components.shared.workspace._descriptions import FORMAT
from components.shared.workspace.manifests import MANIFEST, read_manifest
from components.shared.workspace.plans import PLAN
from tests.components.shared import slow_filter
from tests.components.shared.sample_folders import (
    change_json,
    create_folder,
    write_folder,
)
from tests.components.shared.slow_filter import SlowFilterConfig
from tests.conftest import WriteRows
from tests.stores import Store


@pytest.fixture
def workspace(store: Store) -> Workspace:
    """Return one on each kind of store."""
    return Workspace(store.uri)


def test_an_unfinished_folder_names_the_command_that_finishes_it(tmp_path: Path, write_questions: WriteRows) -> None:
    workspace = Workspace(str(tmp_path / "with space"))
    questions = write_questions(workspace, ["a", "b"])
    config = SlowFilterConfig(workspace=workspace.uri, questions=questions, rows_per_part=1)
    folder = workspace.open(config).begin_rows(Question, workspace.read(questions, Question).slices(1))
    with pytest.raises(InputError) as raised:
        workspace.read(folder.uri, Question)
    command = str(raised.value).split("finish it with: ")[1]
    again, _ = parse_config(SlowFilterConfig, shlex.split(command)[3:])
    assert read_manifest(slow_filter.run(again, workspace)).rows_out == 2


def test_a_folder_without_plan_or_manifest_is_refused(workspace: Workspace) -> None:
    with pytest.raises(InputError, match="no folder of rows or model exists here"):
        workspace.read(workspace.uri, Question)


@pytest.mark.parametrize("name", [MANIFEST, PLAN])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda content: content | {"format": FORMAT + 1},
            f"has format {FORMAT + 1}, this version reads up to {FORMAT}",
        ),
        (lambda content: ["something else"], "was not written by ScaleQuest"),
    ],
)
def test_a_manifest_or_plan_of_another_format_is_refused(
    workspace: Workspace, name: str, change: Callable[[Any], Any], message: str
) -> None:
    change_json(storage.join(write_folder(workspace, [""], 1), name), change)
    with pytest.raises(InputError, match=message):
        create_folder(workspace, 1, 1)
