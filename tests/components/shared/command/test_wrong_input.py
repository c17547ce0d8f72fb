"""Input that is wrong ends with one message and exit code 2, and nothing is made from it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.shared.command.step_command import run_step
from components.shared.records import Question
from components.shared.stores import storage
from components.shared.workspace import Workspace
from components.shared.workspace._descriptions import FORMAT
from components.shared.workspace.ledgers import LEDGER_KEY
from components.shared.workspace.manifests import MANIFEST
from components.shared.workspace.plans import PLAN
from components.shared.workspace.tables import table_digest
from tests.components.shared import slow_filter
from tests.components.shared.sample_folders import snapshot
from tests.components.shared.sample_graphs import train_model
from tests.components.shared.slow_filter import SlowFilterConfig
from tests.conftest import WriteRows
from tests.stores import Store

PART = "part-00000.parquet"


def refused(workspace: str, questions: str, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """Run the filter of the tests as its command does; return its one message."""
    with pytest.raises(SystemExit) as left:
        run_step(SlowFilterConfig, slow_filter.run, ["--workspace", workspace, "--questions", questions, *options])
    error = capsys.readouterr().err
    assert left.value.code == 2, error
    assert "Traceback" not in error
    (line,) = (line for line in error.splitlines() if line.startswith("shared: error: "))
    return line


def edit(path: Path, **changes: Any) -> None:
    content = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({name: value for name, value in content.items() if value is not None}))


def replace_part(folder: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    """Put another table into the first part's place, as another version might have written it, digest and all."""
    table = change(pq.read_table(folder / PART))
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["parts"][0]["digest"] = table_digest(table)
    (folder / MANIFEST).write_text(json.dumps(manifest))
    pq.write_table(table.replace_schema_metadata({LEDGER_KEY: b"{}"}), folder / PART)


def with_column(name: str, array: pa.Array, *, nullable: bool = False) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        field = pa.field(name, array.type, nullable)
        if name in table.column_names:
            return table.set_column(table.column_names.index(name), field, array)
        return table.append_column(field, array)

    return change


FAULTS: Mapping[str, tuple[Callable[[Path], object], str]] = {
    "a column is missing": (
        lambda folder: replace_part(folder, lambda table: table.drop_columns(["question"])),
        "lacks the column 'question': scalequest 0.1.0 wrote it, this is 0.1.0; use that version, or run the "
        "folder's step again",
    ),
    "an unknown column": (
        lambda folder: replace_part(folder, with_column("language", pa.array(["en", "en"]))),
        "has the unknown column 'language': scalequest 0.1.0 wrote it",
    ),
    "a column of another type": (
        lambda folder: replace_part(folder, with_column("difficulty", pa.array(["easy", "hard"]), nullable=True)),
        "has 'difficulty' as string, expected double: scalequest",
    ),
    "a column with nulls": (
        lambda folder: replace_part(folder, with_column("answer", pa.array(["1", None]), nullable=True)),
        "may have nulls in 'answer': scalequest",
    ),
    "a part is no Parquet": (
        lambda folder: (folder / PART).write_bytes(b"no"),
        f"{PART} is not a readable Parquet object",
    ),
    "a part is empty": (
        lambda folder: (folder / PART).write_bytes(b""),
        f"{PART} is not a readable Parquet object",
    ),
    "a part is missing": (lambda folder: (folder / PART).unlink(), f"{PART} is missing, though its folder's manifest"),
    "a manifest that is not JSON": (lambda folder: (folder / MANIFEST).write_text("{"), "_manifest.json is not JSON"),
    "a manifest that is a list": (
        lambda folder: (folder / MANIFEST).write_text("[]"),
        "_manifest.json was not written by ScaleQuest",
    ),
    "a manifest of a newer version": (
        lambda folder: edit(folder / MANIFEST, format=FORMAT + 1),
        f"_manifest.json has format {FORMAT + 1}, this version reads up to {FORMAT}; use the version that wrote it",
    ),
    "a manifest that lacks a key": (
        lambda folder: edit(folder / MANIFEST, rows_in=None),
        "_manifest.json lacks 'rows_in': it was changed, or another version wrote it",
    ),
    "a manifest with an unknown key": (
        lambda folder: edit(folder / MANIFEST, colour="blue"),
        "_manifest.json has an unknown 'colour': it was changed, or another version wrote it",
    ),
    "a manifest with a value of another type": (
        lambda folder: edit(folder / MANIFEST, rows_out="many", inputs={"questions": ["a"]}),
        "_manifest.json has {'questions': ['a']} as 'inputs'; has 'many' as 'rows_out'",
    ),
    "a manifest whose parts lack a key": (
        lambda folder: edit(folder / MANIFEST, parts=[{"name": PART}, 3]),
        "_manifest.json, parts, lacks 'rows'; lacks 'digest'",
    ),
    "a manifest and a plan that are missing": (
        lambda folder: [(folder / name).rename(folder / "other") for name in (PLAN, MANIFEST)],
        "no folder of rows or model exists here",
    ),
    "a folder that is not finished": (
        lambda folder: (folder / MANIFEST).unlink(),
        "is not finished: its manifest is missing; finish it with: python -m ",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_folder_that_is_wrong_is_one_message_and_nothing_is_written(
    workspace: Workspace, write_questions: WriteRows, capsys: pytest.CaptureFixture[str], fault: str
) -> None:
    make, message = FAULTS[fault]
    folder = write_questions(workspace, ["a", "b"])
    make(Path(folder))
    before = snapshot(workspace.uri)
    assert message in refused(workspace.uri, folder, capsys)
    assert snapshot(workspace.uri) == before


def test_a_folder_of_another_kind_is_one_message_and_nothing_is_written(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = train_model(workspace, "model", [], tmp_path / "model")
    before = snapshot(workspace.uri)
    message = refused(workspace.uri, model, capsys)
    assert f"{model} holds model rows, made by join; expected question rows" in message
    assert snapshot(workspace.uri) == before


def test_a_workspace_that_is_a_file_is_one_message(
    workspace: Workspace, tmp_path: Path, write_questions: WriteRows, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    message = refused(str(tmp_path / "file"), write_questions(workspace, ["a"]), capsys)
    assert "a part of this path is a file, not a directory" in message
    assert (tmp_path / "file").read_text() == ""


@pytest.mark.parametrize("name", [PLAN, MANIFEST])
def test_a_newer_folder_in_the_place_of_the_output_is_left_alone(
    workspace: Workspace, write_questions: WriteRows, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    questions = write_questions(workspace, ["a"])
    folder = slow_filter.run(SlowFilterConfig(workspace=workspace.uri, questions=questions), workspace)
    if name == PLAN:
        Path(folder, MANIFEST).unlink()
    edit(Path(folder, name), format=FORMAT + 1)
    before = snapshot(folder)
    assert f"{name} has format {FORMAT + 1}, this version reads up to {FORMAT}" in refused(
        workspace.uri, questions, capsys
    )
    assert snapshot(folder) == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"slices": None}, "_plan.json lacks 'slices': it was changed, or another version wrote it"),
        ({"columns": ["id: string"]}, "was started by another version of this step: question rows with the columns id"),
    ],
)
def test_a_folder_that_another_version_began_is_not_continued(
    workspace: Workspace,
    write_questions: WriteRows,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, Any],
    message: str,
) -> None:
    questions = write_questions(workspace, ["a", "b"])
    config = SlowFilterConfig(workspace=workspace.uri, questions=questions)
    folder = workspace.open(config).begin_rows(Question, workspace.read(questions, Question).slices(1))
    edit(Path(folder.uri, PLAN), **changes)
    before = snapshot(folder.uri)
    assert message in refused(workspace.uri, questions, capsys)
    assert snapshot(folder.uri) == before


def test_a_finished_folder_with_fewer_columns_is_reused_and_read(
    workspace: Workspace, write_questions: WriteRows
) -> None:
    questions = write_questions(workspace, ["a", "b"])
    replace_part(Path(questions), lambda table: table.drop_columns(["history"]))
    config = SlowFilterConfig(workspace=workspace.uri, questions=questions)
    folder = slow_filter.run(config, workspace)
    edit(Path(folder, PLAN), columns=["id: string"])
    assert slow_filter.run(config, workspace) == folder
    assert [row.history for row in workspace.read(questions, Question)] == [(), ()]


def test_rows_that_changed_under_their_address_are_not_read_on_each_store(
    store: Store, write_questions: WriteRows, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = Workspace(store.uri)
    questions, other = (write_questions(workspace, texts, rows_per_part=2) for texts in (list("abcd"), list("wxyz")))
    filesystem = fsspec.filesystem(storage.scheme_of(store.uri))
    filesystem.pipe_file(f"{questions}/part-00001.parquet", filesystem.cat_file(f"{other}/part-00001.parquet"))
    message = refused(store.uri, questions, capsys, "--rows-per-part", "2")
    assert "part-00001.parquet has rows that differ from its folder's manifest" in message
    (folder,) = storage.list_names(storage.join(store.uri, "slow_filter"))
    made = storage.list_names(storage.join(store.uri, "slow_filter", folder))
    assert [name for name in made if name.startswith("part-")] == [PART], "what came before stays, nothing of the rest"


def test_a_part_and_a_manifest_that_are_gone_or_wrong_are_one_message_on_each_store(
    remote_store: Store, write_questions: WriteRows, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = Workspace(remote_store.uri)
    folder = write_questions(workspace, ["a", "b"])
    filesystem = fsspec.filesystem(storage.scheme_of(remote_store.uri))
    objects = storage.list_files(workspace.uri)
    filesystem.pipe_file(f"{folder}/{PART}", b"no")
    assert f"{PART} is not a readable Parquet object" in refused(workspace.uri, folder, capsys)
    filesystem.rm_file(f"{folder}/{PART}")
    assert f"{PART} is missing, though its folder's manifest lists it" in refused(workspace.uri, folder, capsys)
    filesystem.pipe_file(f"{folder}/{MANIFEST}", b"{")
    assert "_manifest.json is not JSON" in refused(workspace.uri, folder, capsys)
    assert storage.list_files(workspace.uri).keys() == objects.keys() - {f"{folder[len(workspace.uri) + 1 :]}/{PART}"}
