from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import pytest

from components.shared.config import StepConfig, option
from components.shared.records import Question, Reject
from components.shared.stores import storage
from components.shared.workspace import Workspace
from components.shared.workspace.lineage import models_of, rows_stages_of, sources_of, stages_of
from components.shared.workspace.manifests import read_manifest
from tests.conftest import WriteRows
from tests.stores import Store

BASE = f"hf://org/base@{'0a' * 20}"


@pytest.fixture
def workspace(store: Store) -> Workspace:
    """Return one on each kind of store."""
    return Workspace(store.uri)


@dataclass(frozen=True, kw_only=True)
class TrainConfig(StepConfig):
    """A model out of questions and a base model."""

    questions: str = option(help="folder of Question rows", is_folder=True)
    model: str = option(help="model URI", is_folder=True)

    step = "train"


@dataclass(frozen=True, kw_only=True)
class HalveConfig(StepConfig):
    """Keep every other question."""

    questions: str = option(help="folder of Question rows, or a JSON list", is_folder=True)
    model: str = option("", help="model URI", is_folder=True)

    step = "halve"


def train(workspace: Workspace, questions: str, local_folder: Path) -> str:
    config = TrainConfig(workspace=workspace.uri, questions=questions, model=BASE)
    local_folder.mkdir(exist_ok=True)
    (local_folder / "model.safetensors").write_bytes(b"weights")
    return workspace.open(config).begin_model().finish(local_folder, metrics={"seconds": 2.0}, rows_in=4)


def halve(workspace: Workspace, questions: str, model: str = "") -> str:
    rows = workspace.read(questions, Question)
    config = HalveConfig(workspace=workspace.uri, questions=questions, model=model)
    folder = workspace.open(config).begin_rows(Question, rows.slices(2))
    for part in folder.missing_parts():
        for index, row in enumerate(rows.read(part.slice)):
            if index % 2:
                part.settle(index, rejected=[Reject(row=row, reason="odd")])
            else:
                part.settle(index, kept=[row])
    return folder.finish()


def test_a_stage_comes_after_all_that_it_read_and_only_once(
    workspace: Workspace, write_questions: WriteRows, tmp_path: Path
) -> None:
    questions = write_questions(workspace, ["a", "b", "c", "d"])
    model = train(workspace, questions, tmp_path / "model")
    first = halve(workspace, questions, model)
    last = halve(workspace, f'["{first}", "{questions}"]', model)
    stages = stages_of(last)
    assert [stage.folder for stage in stages] == [questions, model, first, last]
    assert [(stage.manifest.rows_in, stage.manifest.rows_out) for stage in stages] == [(4, 4), (4, 4), (4, 2), (6, 4)]
    assert stages[-1].reads == (first, questions, model)
    assert stages[1].seconds == 2.0
    assert stages[-1].manifest.rejected == {"odd": 2}


def test_rows_do_not_come_through_the_questions_that_a_model_was_trained_on(
    workspace: Workspace, write_questions: WriteRows, tmp_path: Path
) -> None:
    seeds = write_questions(workspace, ["seed"])
    model = train(workspace, seeds, tmp_path / "model")
    questions = write_questions(workspace, ["a", "b"])
    last = halve(workspace, questions, model)
    assert [stage.folder for stage in rows_stages_of(stages_of(last))] == [questions, last]


def test_what_was_brought_in_from_outside_is_a_source(
    workspace: Workspace, write_questions: WriteRows, tmp_path: Path
) -> None:
    model = train(workspace, write_questions(workspace, ["a"]), tmp_path / "model")
    assert sources_of(stages_of(model)) == [BASE]


def test_a_models_line_goes_back_to_what_was_brought_in(
    workspace: Workspace, write_questions: WriteRows, tmp_path: Path
) -> None:
    questions = write_questions(workspace, ["a", "b"])
    model = train(workspace, questions, tmp_path / "model")
    used = models_of(read_manifest(halve(workspace, questions, model)))
    assert [(each.uri, each.step) for each in used] == [(model, "train"), (BASE, "")]
    assert used[0].fingerprint == read_manifest(model).fingerprint
    assert models_of(read_manifest(halve(workspace, questions))) == []


def test_a_folder_that_was_deleted_ends_its_branch_and_the_log_says_so(
    workspace: Workspace, write_questions: WriteRows, caplog: pytest.LogCaptureFixture
) -> None:
    questions = write_questions(workspace, ["a", "b"])
    last = halve(workspace, questions)
    storage.delete_folder(questions)
    with caplog.at_level(logging.WARNING):
        assert [stage.folder for stage in stages_of(last)] == [last]
    assert f"was made from {questions}, which no longer exists" in caplog.text
