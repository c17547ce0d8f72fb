from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.shared.errors import InputError
from components.shared.records import Question
from components.shared.stores import storage
from components.shared.upkeep import _object_checks, verification
from components.shared.upkeep.verification import verify_folder
from components.shared.workspace import Workspace
from components.shared.workspace.ledgers import LEDGER_KEY
from components.shared.workspace.manifests import MANIFEST, read_manifest
from components.shared.workspace.plans import PLAN
from tests.components.shared.sample_folders import create_folder, snapshot, write_folder
from tests.components.shared.sample_graphs import join, plan_join, publish, train_model
from tests.stores import Store

VERDICTS = ["", "empty", "", "", "short", "empty", "", ""]


@pytest.fixture
def folder(workspace: Workspace) -> Path:
    """Eight rows in four parts; three of them rejected, in two objects."""
    return Path(write_folder(workspace, VERDICTS, 2))


def findings(folder: Path | str) -> str:
    return "\n".join(verify_folder(str(folder)).findings)


def rewrite(path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    """Put another table into an object's place, with the same footer."""
    table = pq.read_table(path)
    pq.write_table(change(table).replace_schema_metadata(table.schema.metadata), path)


def with_other_reasons(table: pa.Table) -> pa.Table:
    """Return two rejected rows with the reasons a and b."""
    at = table.schema.get_field_index("reason")
    return table.set_column(at, table.schema.field(at), [["a", "b"]])


def edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def edit_both(folder: Path, **changes: Any) -> None:
    edit(folder / PLAN, **changes)
    edit(folder / MANIFEST, **changes)


def edit_ledger(path: Path, **changes: Any) -> None:
    table = pq.read_table(path)
    ledger = json.loads(table.schema.metadata[LEDGER_KEY]) | changes
    pq.write_table(table.replace_schema_metadata({LEDGER_KEY: json.dumps(ledger)}), path)


def rejects_of(folder: Path, number: int) -> Path:
    return folder / read_manifest(str(folder)).parts[number].rejects


def test_a_folder_as_it_was_written_is_sound_on_each_store(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_object_checks, "RANGE_BYTES", 2**20)  # so that a model's files come in several pieces
    workspace = Workspace(store.uri)
    rows = write_folder(workspace, VERDICTS, 2)
    model = train_model(workspace, "model", [rows], tmp_path / "model", weights=b"w" * 3_000_000)
    result = verify_folder(rows)
    assert (result.findings, result.sound, result.rows, result.parts, result.files) == ([], True, 5, 4, 0)
    assert result.size == sum(storage.list_files(rows).values())
    result = verify_folder(model)
    assert (result.findings, result.sound, result.files, result.inputs) == ([], True, 2, [rows])
    dataset = publish(workspace, "dataset", [rows])
    assert verify_folder(dataset).sound


def test_what_was_changed_or_deleted_is_found_on_each_store(store: Store, tmp_path: Path) -> None:
    workspace = Workspace(store.uri)
    rows = write_folder(workspace, VERDICTS, 2)
    model = train_model(workspace, "model", [rows], tmp_path / "model")
    filesystem = fsspec.filesystem(storage.scheme_of(store.uri))
    filesystem.rm_file(f"{rows}/part-00001.parquet")
    filesystem.pipe_file(f"{rows}/part-00002.parquet", b"PAR1 no longer")
    (weights,) = (name for name in storage.list_files(model) if name.endswith("safetensors"))
    filesystem.pipe_file(f"{model}/{weights}", b"v")
    assert [re.sub(r".*/(part|model)", r"\1", line.split(";")[0]) for line in verify_folder(rows).findings] == [
        "part-00001.parquet is missing, though its folder's manifest lists it: it was deleted",
        "part-00002.parquet is not a readable Parquet object (Parquet magic bytes not found in footer. "
        "Either the file is corrupted or this is not a parquet file.): it was changed or damaged",
    ]
    assert "model.safetensors differs from the file in the manifest" in findings(model)


REJECTS = "rejected/part-00000"
CHANGES: Mapping[str, tuple[Callable[[Path], object], str]] = {
    "a row of a part is another": (
        lambda folder: rewrite(folder / "part-00001.parquet", lambda table: table.take([1, 0])),
        r"part-00001.parquet has rows that differ from those written: SHA-256 .*, expected",
    ),
    "a row of a part is gone": (
        lambda folder: rewrite(folder / "part-00001.parquet", lambda table: table.slice(1)),
        r"part-00001.parquet holds 1 rows, its ledger says 2",
    ),
    "a part has another column": (
        lambda folder: rewrite(folder / "part-00001.parquet", lambda table: table.drop_columns(["answer"])),
        r"part-00001.parquet has columns that differ from its plan: answer: string",
    ),
    "a part has a column of another type": (
        lambda folder: rewrite(
            folder / "part-00001.parquet",
            lambda table: table.set_column(
                table.schema.get_field_index("num_tokens"), pa.field("num_tokens", pa.float64()), [pa.array([0.0, 0.0])]
            ),
        ),
        r"part-00001.parquet has columns that differ from its plan: num_tokens: double, num_tokens: int64",
    ),
    "a part is cut": (
        lambda folder: (folder / "part-00001.parquet").write_bytes((folder / "part-00001.parquet").read_bytes()[:-9]),
        r"part-00001.parquet is not a readable Parquet object",
    ),
    "a part is empty": (
        lambda folder: (folder / "part-00001.parquet").write_bytes(b""),
        r"part-00001.parquet is not a readable Parquet object",
    ),
    "a part has no ledger": (
        lambda folder: pq.write_table(
            pq.read_table(folder / "part-00001.parquet").replace_schema_metadata({}), folder / "part-00001.parquet"
        ),
        r"part-00001.parquet has no ledger in its footer: ScaleQuest did not write it, or it was changed",
    ),
    "a ledger does not add up": (
        lambda folder: edit_ledger(folder / "part-00001.parquet", rows_in=3),
        r"part-00001.parquet has a ledger that does not add up: 3 in, 2 out, 0 rejected",
    ),
    "a part is of another plan": (
        lambda folder: edit_ledger(folder / "part-00001.parquet", rows_in=3, rejected={"x": 1}),
        r"part-00001.parquet belongs to another plan: its ledger accounts for 3 rows, this plan for 2",
    ),
    "a part was exchanged for one that fits the plan": (
        lambda folder: (folder / "part-00001.parquet").write_bytes((folder / "part-00003.parquet").read_bytes()),
        r"part-00001.parquet has rows that differ from those written",
    ),
    "rejected rows are gone": (
        lambda folder: rejects_of(folder, 0).unlink(),
        rf"{REJECTS}-\w+.parquet is missing, though its folder's manifest lists it",
    ),
    "rejected rows are others": (
        lambda folder: rewrite(rejects_of(folder, 2), lambda table: table.take([1, 0])),
        r"rejected/part-00002-\w+.parquet has rows that differ from those written",
    ),
    "rejected rows have other reasons": (
        lambda folder: rewrite(rejects_of(folder, 2), with_other_reasons),
        r"has rejected rows {'a': 1, 'b': 1}, but the ledger counts {'empty': 1, 'short': 1}",
    ),
    "a part beyond the plan": (
        lambda folder: (folder / "part-00009.parquet").write_bytes((folder / "part-00003.parquet").read_bytes()),
        r"part-00009.parquet belongs to a different plan: this one has 4 parts; delete it",
    ),
    "the manifest has other sums": (
        lambda folder: edit(folder / MANIFEST, rows_in=9, rejected={"empty": 2, "short": 2}),
        r"says 9 in, 5 out, rejected {'empty': 2, 'short': 2}; the ledgers of its parts add up to 8 in, 5 out",
    ),
    "the manifest does not add up": (
        lambda folder: edit(folder / MANIFEST, rows_in=9),
        r"_manifest.json does not add up: 9 in, 5 out, 3 rejected",
    ),
    "the manifest names fewer parts": (
        lambda folder: edit(folder / MANIFEST, parts=json.loads((folder / MANIFEST).read_text())["parts"][:3]),
        r"_manifest.json names 3 parts, _plan.json 4",
    ),
    "plan and manifest differ": (
        lambda folder: edit(folder / MANIFEST, options={"name": "y"}),
        r"_manifest.json and _plan.json differ in options",
    ),
    "plan and manifest are of another folder": (
        lambda folder: edit_both(folder, fingerprint="0123456789abcdef"),
        r"_manifest.json describes \w+/0123456789abcdef, but is in shared/\w+: it was moved",
    ),
    "no plan": (lambda folder: (folder / PLAN).unlink(), r"_plan.json is missing"),
    "a plan that is not JSON": (lambda folder: (folder / PLAN).write_text("{"), r"_plan.json is not JSON"),
    "a manifest that is not JSON": (lambda folder: (folder / MANIFEST).write_text("{"), r"_manifest.json is not JSON"),
    "a manifest of a newer version": (
        lambda folder: edit(folder / MANIFEST, format=99),
        r"_manifest.json has format 99, this version reads up to",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_each_change_is_found_and_nothing_is_written(folder: Path, change: str) -> None:
    make, message = CHANGES[change]
    make(folder)
    before = snapshot(str(folder))
    result = verify_folder(str(folder))
    assert re.search(message, "\n".join(result.findings)), result.findings
    assert not result.sound
    assert not result.unfinished
    assert snapshot(str(folder)) == before


@pytest.mark.parametrize("number", [0, 1, 3])
def test_only_what_was_changed_is_named(folder: Path, number: int) -> None:
    name = f"part-{number:05d}.parquet"
    rewrite(folder / name, lambda table: table.set_column(0, table.schema.field("id"), [["x"] * len(table)]))
    (finding,) = verify_folder(str(folder)).findings
    assert f"/{name} " in finding


def test_a_file_too_many_in_a_model_is_found(workspace: Workspace, tmp_path: Path) -> None:
    model = train_model(workspace, "model", [], tmp_path / "model")
    (subfolder,) = Path(model).glob("model-*")
    (subfolder / "chat_template.jinja").write_text("x")
    assert "chat_template.jinja is not in the manifest, but would be loaded with the model" in findings(model)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_models_missing_and_changed_files_are_found(workspace: Workspace, tmp_path: Path, name: str) -> None:
    model = train_model(workspace, "model", [], tmp_path / "model")
    (path,) = Path(model).glob(f"model-*/{name}")
    path.write_bytes(b"x")
    assert f"{name} differs from the file in the manifest" in findings(model)
    path.unlink()
    assert f"{name} is missing, though its folder's manifest lists it" in findings(model)


def test_rows_that_a_training_rejected_are_verified(workspace: Workspace, tmp_path: Path) -> None:
    model = Path(train_model(workspace, "model", [], tmp_path / "model"))
    rewrite(model / read_manifest(str(model)).rejects, lambda table: pa.concat_tables([table, table]))
    assert "has rejected rows {'too_long': 2}, but the ledger counts {'too_long': 1}" in findings(model)


def test_leftovers_of_processes_that_died_are_no_mistake(folder: Path) -> None:
    (folder / "rejected" / "part-00000-01234567.parquet").write_bytes(b"")
    (folder / ".part-00000.parquet.abc.tmp").write_bytes(b"")
    assert verify_folder(str(folder)).sound


def test_an_unfinished_folder_is_verified_as_far_as_it_stands(workspace: Workspace) -> None:
    folder = create_folder(workspace, 6, 2)
    for part in folder.missing_parts():
        if part.number != 1:
            part.settle(0, kept=[Question(id=f"{part.number}", question="?")] * 2, count=2)
        if part.number == 2:
            break
    result = verify_folder(folder.uri)
    assert (result.findings, result.sound, result.parts, result.rows) == ([], False, 2, 4)
    assert result.unfinished.startswith("1 of 3 parts (part-00001.parquet) is missing; finish it with: python -m ")
    Path(folder.uri, "part-00000.parquet").write_bytes(b"")
    assert "part-00000.parquet is not a readable Parquet object" in findings(folder.uri)


def test_an_input_that_was_made_otherwise_or_removed_since_is_named(workspace: Workspace) -> None:
    source = join(workspace, "source")
    folder = join(workspace, "folder", [source])
    assert verify_folder(folder).inputs == [source]
    manifest = Path(source, MANIFEST)
    entries = json.loads(manifest.read_text())["parts"]
    edit(manifest, parts=[entry | {"digest": "0" * 64} for entry in entries])
    assert f"was made from --questions {source}, which was made otherwise since" in findings(folder)
    storage.delete_folder(source)
    assert f"its --questions: {source}: no folder of rows or model exists here" in findings(folder)


def test_the_inputs_of_a_workspace_that_was_moved_are_found_beside(workspace: Workspace, tmp_path: Path) -> None:
    folder = join(workspace, "folder", [join(workspace, "source")])
    moved = Path(workspace.uri).rename(tmp_path / "moved")
    result = verify_folder(folder.replace(workspace.uri, str(moved)))
    assert result.sound
    assert result.inputs[0].startswith(str(moved))


@pytest.mark.parametrize("place", ["", "nothing"])
def test_a_place_where_no_folder_stands_is_bad_input(tmp_path: Path, place: str) -> None:
    with pytest.raises(InputError, match="no folder of rows or model exists here"):
        verify_folder(str(tmp_path / place))


def test_no_more_than_some_objects_are_in_memory_at_once(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_folder(workspace, [""] * 40, 1)
    held, most, lock = [0], [0], threading.Lock()
    original = _object_checks.check_part

    def check_part(*arguments: Any, **options: Any) -> Any:
        with lock:
            held[0] += 1
            most[0] = max(most[0], held[0])
        try:
            return original(*arguments, **options)
        finally:
            with lock:
                held[0] -= 1

    monkeypatch.setattr(verification, "check_part", check_part)
    assert verify_folder(folder).sound
    assert 1 < most[0] <= verification.THREADS


def test_a_folder_that_is_only_planned_says_that_all_is_missing(workspace: Workspace) -> None:
    result = verify_folder(plan_join(workspace, "planned").uri)
    assert result.findings == []
    assert result.unfinished.startswith("2 of 2 parts (part-00000.parquet, part-00001.parquet) are missing; finish it")
