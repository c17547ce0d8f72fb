from __future__ import annotations

import dataclasses
import logging
import math
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Any

import pytest

from components.shared.config import StepConfig, option
from components.shared.errors import InputError, UnavailableError
from components.shared.records import KINDS, Question, Row
from components.shared.stores import storage
from components.shared.workspace import Workspace
from tests.components.shared.sample_folders import (
    SampleConfig,
    create_folder,
    settle,
    snapshot,
    write_folder,
)
from tests.conftest import WriteRows
from tests.stores import Store


@dataclass(frozen=True, kw_only=True)
class ReaderConfig(StepConfig):
    """A step that reads a model."""

    model: str = option(help="a model", is_folder=True)


@pytest.fixture
def workspace(store: Store) -> Workspace:
    """Return one on each kind of store."""
    return Workspace(store.uri)


def test_finished_work_is_found_and_said_to_be_reused(workspace: Workspace, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    first = write_folder(workspace, ["", "empty"], 1)
    before = snapshot(first)
    folder = create_folder(workspace, 2, 2)

    assert folder.finished
    assert list(folder.missing_parts()) == []
    assert folder.finish() == first
    assert snapshot(first) == before
    assert f"reused {first}" in caplog.text
    assert len(folder.slices) == 2, "the slices are those of the plan that stands"


def test_a_finished_folder_is_found_without_a_plan_of_its_rows(workspace: Workspace) -> None:
    config = SampleConfig(workspace=workspace.uri)
    folder = create_folder(workspace, 1, 1)
    assert not workspace.open(config).finished
    for part in folder.missing_parts():
        settle(part, 0)
    assert folder.finish() == folder.uri
    assert workspace.open(config).finished


def test_an_input_that_changes_between_a_steps_two_looks_is_refused_and_nothing_is_written(
    workspace: Workspace, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "weights").write_bytes(b"some")
    config = ReaderConfig(workspace=workspace.uri, model=str(model))
    folder = workspace.open(config)
    (model / "weights").write_bytes(b"others")
    with pytest.raises(
        UnavailableError, match="--model changed while it was read; start again when no process writes to it"
    ):
        folder.begin_rows(Question, [])
    assert storage.list_names(storage.join(workspace.uri, config.step)) == []
    assert workspace.open(dataclasses.replace(config)).begin_rows(Question, []).uri, "the same command, started again"


def test_an_input_that_is_removed_once_it_is_open_is_refused_and_no_plan_is_written(
    workspace: Workspace, write_questions: WriteRows
) -> None:
    questions = write_questions(workspace, ["a"])
    config = SampleConfig(workspace=workspace.uri, questions=questions)
    folder = workspace.open(config, rows := workspace.read(questions, Question))
    assert folder.uri == workspace.open(config).uri, "an open input is described as one that is looked up"
    storage.delete_folder(questions)
    with pytest.raises(InputError, match="was deleted while this step started to read it; run its step again"):
        workspace.open(config, rows).begin_rows(Question, rows.slices())
    assert storage.list_names(folder.uri) == []


def test_a_workspace_below_a_file_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    config = SampleConfig(workspace=str(tmp_path / "taken"))
    with pytest.raises(InputError, match="a part of this path is a file, not a directory"):
        Workspace(config.workspace).open(config).begin_rows(Question, [])


@pytest.mark.parametrize("record", KINDS.values(), ids=list(KINDS))
def test_any_row_comes_back_from_any_store(record: type[Row], store: Store, write_rows: WriteRows) -> None:
    rows = [record(**values) for values in _awkward_values(record)]
    workspace = Workspace(store.uri)
    found = list(workspace.read(write_rows(workspace, rows, rows_per_part=3), record))
    assert repr(found) == repr(rows)  # of rows with NaN, which equals nothing


def _awkward_values(record: type[Row]) -> Iterator[dict[str, Any]]:
    """Yield the values of as many rows as there are awkward texts, numbers of each type, or nulls."""
    awkward: dict[Any, list[Any]] = {
        str: ["", "\x00", "é\u0301 \u202e😀 \U0010ffff", '\r\n\t"\\', "x" * 100_000, "[]", "null"],
        int: [0, -1, 2**63 - 1, -(2**63)],
        float: [0.0, -0.0, math.nan, math.inf, -math.inf, 5e-324, 0.1],
        bool: [False, True],
        NoneType: [None],
    }
    for number in range(max(map(len, awkward.values()))):
        values: dict[str, Any] = {}
        for name, hint in typing.get_type_hints(record).items():
            kinds = typing.get_args(hint) or (hint,)
            choices = [choice for kind in kinds for choice in awkward.get(kind, [])]
            one = choices[number % len(choices)]
            values[name] = (one,) * (number % 3) if typing.get_origin(hint) is tuple else one
        yield values
