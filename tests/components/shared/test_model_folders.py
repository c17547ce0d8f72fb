from __future__ import annotations

from pathlib import Path

from components.shared import storage, transfers
from components.shared.manifests import read_manifest
from components.shared.records import Question, Reject
from components.shared.tables import read_table, table_digest
from components.shared.workspace import Workspace
from tests.components.shared.sample_folders import (
    SampleConfig,
    some_row,
)
from tests.stores import Store


def test_a_model_is_uploaded_with_digests_and_its_ledger(store: Store, tmp_path: Path) -> None:
    local = tmp_path / "model"
    local.mkdir()
    (local / "model.safetensors").write_bytes(b"weights")
    workspace = Workspace(store.uri)
    folder = workspace.create_model(SampleConfig(workspace=store.uri))
    reject = Reject(row=some_row(1), reason="too_long")

    uri = folder.finish(local, metrics={"loss": 0.5}, rows_in=3, rejects=[reject], record=Question)

    manifest = read_manifest(uri)
    ((name, digest),) = manifest.files.items()
    assert storage.read_bytes(storage.join(uri, name)) == b"weights"
    assert digest == storage.digest_file(local / "model.safetensors")
    assert (manifest.kind, manifest.rows_in, manifest.rows_out, manifest.rejected) == ("model", 3, 2, {"too_long": 1})
    rejects = read_table(storage.join(uri, manifest.rejects))
    assert [(row["id"], row["reason"]) for row in rejects.to_pylist()] == [("1", "too_long")]
    assert manifest.rejects_digest == table_digest(rejects)
    assert workspace.create_model(SampleConfig(workspace=store.uri)).finished


def test_checkpoints_that_a_killed_training_left_beside_its_model_are_removed_when_it_is_found(
    store: Store, tmp_path: Path
) -> None:
    local = tmp_path / "model"
    local.mkdir()
    (local / "model.safetensors").write_bytes(b"weights")
    workspace, config = Workspace(store.uri), SampleConfig(workspace=store.uri)
    folder = workspace.create_model(config)
    transfers.upload_folder(local, storage.join(folder.checkpoints_uri, "step-0000002"))
    assert workspace.find_finished(config) == ""
    assert storage.list_files(folder.checkpoints_uri), "an unfinished training needs them"
    folder.finish(local, metrics={})

    assert workspace.find_finished(config) == folder.uri
    assert not any(storage.list_files(folder.checkpoints_uri)), "SeaweedFS lists the empty folder itself, as ''"
    assert len(storage.list_names(folder.uri)) >= 3, "the model, its plan and its manifest stay"
