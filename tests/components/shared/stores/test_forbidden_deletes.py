"""A bucket that lets nobody delete (retention, a role without that right): all work ends well, what stays is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.shared.training._checkpoints import CheckpointStore, draw_name
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from tests.components.shared import slow_filter
from tests.components.shared.sample_folders import SampleConfig
from tests.components.shared.slow_filter import SlowFilterConfig
from tests.conftest import WriteRows
from tests.fault_proxy import FaultyStore

pytestmark = pytest.mark.slow


@pytest.fixture
def retained(faulty_store: FaultyStore) -> FaultyStore:
    """A bucket that answers each request to delete with 403."""
    faulty_store.proxy.kinds, faulty_store.proxy.methods, faulty_store.proxy.share = ("403",), ("DELETE",), 1.0
    return faulty_store


def test_a_step_of_rows_finishes(retained: FaultyStore, write_questions: WriteRows) -> None:
    workspace = Workspace(retained.uri)
    questions = write_questions(workspace, ["a", "b", "c", "d"])
    config = SlowFilterConfig(workspace=workspace.uri, questions=questions, rows_per_part=2)
    assert read_manifest(slow_filter.run(config, workspace)).rows_in == 4


def test_a_training_saves_continues_and_finishes_and_names_the_checkpoints_that_stay(
    retained: FaultyStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = Workspace(retained.uri).open(SampleConfig(workspace=retained.uri)).begin_model()
    store = CheckpointStore(folder.checkpoints_uri, "one process")
    saved = tmp_path / "saved"
    saved.mkdir()
    for step in range(4):
        (saved / "state.bin").write_bytes(bytes(step + 1))
        store.save(saved, draw_name(step), 0.0)
    assert caplog.text.count(" was not deleted, delete it by hand: ") >= 2

    restored = store.restore_latest(tmp_path / "restored")
    assert restored is not None
    assert restored.step == 3
    assert Path(restored.folder, "state.bin").read_bytes() == bytes(4)

    uri = folder.finish(saved, metrics={})
    folder.delete_checkpoints()
    assert (
        f"{folder.checkpoints_uri} was not deleted, delete it by hand: {folder.checkpoints_uri}: access denied"
        in caplog.text
    )
    assert list(read_manifest(uri).files)
