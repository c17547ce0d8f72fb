from __future__ import annotations

import hashlib
import math
import os
import time
from multiprocessing import get_context
from pathlib import Path

import pytest

from components.shared.records import Question, Reject
from components.shared.stores import storage, transfers
from components.shared.stores._parallel import PART_BYTES, THREADS
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from components.shared.workspace.tables import read_table, table_digest
from tests.components.shared.sample_folders import (
    SampleConfig,
    some_row,
)
from tests.fault_proxy import FaultyStore
from tests.stores import Store


def test_a_model_is_uploaded_with_digests_and_its_ledger(store: Store, tmp_path: Path) -> None:
    local = tmp_path / "model"
    local.mkdir()
    (local / "model.safetensors").write_bytes(b"weights")
    workspace = Workspace(store.uri)
    folder = workspace.open(SampleConfig(workspace=store.uri)).begin_model()
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
    assert workspace.open(SampleConfig(workspace=store.uri)).begin_model().finished


def test_checkpoints_that_a_killed_training_left_beside_its_model_are_removed_when_it_is_found(
    store: Store, tmp_path: Path
) -> None:
    local = tmp_path / "model"
    local.mkdir()
    (local / "model.safetensors").write_bytes(b"weights")
    workspace, config = Workspace(store.uri), SampleConfig(workspace=store.uri)
    folder = workspace.open(config).begin_model()
    transfers.upload_folder(local, storage.join(folder.checkpoints_uri, "step-0000002"))
    assert not workspace.open(config).finished
    assert storage.list_files(folder.checkpoints_uri), "an unfinished training needs them"
    folder.finish(local, metrics={})

    assert workspace.open(config).finished
    assert not any(storage.list_files(folder.checkpoints_uri)), "SeaweedFS lists the empty folder itself, as ''"
    assert len(storage.list_names(folder.uri)) >= 3, "the model, its plan and its manifest stay"


@pytest.mark.slow
def test_an_upload_that_is_killed_continues_and_the_manifest_stays_last(
    faulty_store: FaultyStore, tmp_path: Path
) -> None:
    local, proxy = tmp_path / "model", faulty_store.proxy
    local.mkdir()
    sizes = {f"{number:02}.bin": 2**18 for number in range(24)} | {"large.bin": PART_BYTES + 2**18}
    for name, size in sizes.items():
        (local / name).write_bytes(os.urandom(size))
    proxy.share, proxy.kinds, proxy.delay_seconds = 1, ("delay",), 0.1

    for _ in range(2):
        proxy.silent_from = proxy.bytes_read + proxy.bytes_written + 2**20  # of 6 MiB in small files
        process = get_context("spawn").Process(target=_finish, args=(faulty_store.uri, str(local)))
        process.start()
        deadline = time.monotonic() + 60
        while not proxy.is_silent():
            assert process.is_alive()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.kill()
        process.join()
        proxy.silent_from = math.inf
        assert not Workspace(faulty_store.uri).open(SampleConfig(workspace=faulty_store.uri)).begin_model().finished
    proxy.share = 0
    uri = _finish(faulty_store.uri, str(local))

    manifest = read_manifest(uri)
    assert {Path(name).name: digest for name, digest in manifest.files.items()} == {
        name: storage.digest_file(local / name) for name in sizes
    }
    for name, digest in manifest.files.items():
        assert hashlib.sha256(storage.read_bytes(storage.join(uri, name))).hexdigest() == digest
    assert {name for name in storage.list_files(uri) if "/" in name} == {*manifest.files}
    on_the_way = 2 * THREADS * 2**18  # what two kills cost
    assert proxy.bytes_written < sum(sizes.values()) + on_the_way + 2**18


def _finish(uri: str, local: str) -> str:
    return Workspace(uri).open(SampleConfig(workspace=uri)).begin_model().finish(Path(local), metrics={})
