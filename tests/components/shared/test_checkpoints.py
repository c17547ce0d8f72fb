"""Checkpoints in a store: whole ones are found, others never; whoever may not delete still trains."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest

from components.shared import storage, transfers
from components.shared.checkpoints import MARKER, BackgroundSaves, CheckpointStore, remove_checkpoints
from tests.stores import Store

LAYOUT = "whole weights"
OTHER_LAYOUT = "zero3 on 8 processes"


@pytest.fixture
def checkpoints(store: Store) -> CheckpointStore:
    return CheckpointStore(storage.join(store.uri, "checkpoints"), LAYOUT)


@pytest.fixture
def local_checkpoints(tmp_path: Path) -> CheckpointStore:
    return CheckpointStore(str(tmp_path / "checkpoints"), LAYOUT)


def _save(checkpoints: CheckpointStore, folder: Path, *steps: int) -> None:
    for step in steps:
        checkpoints.save(_local(folder, step), step, seconds=step * 1.5)


def _local(folder: Path, step: int) -> Path:
    checkpoint = folder / f"checkpoint-{step}"
    (checkpoint / "global").mkdir(parents=True)
    (checkpoint / "global" / "state.bin").write_text(f"state of step {step}")
    (checkpoint / "weights.bin").write_text("weights")
    return checkpoint


def _steps(checkpoints: CheckpointStore) -> list[int]:
    # By objects: some stores list the folders of what was removed for a while.
    return sorted({int(name.split("-")[1]) for name in storage.list_files(checkpoints.uri)})


def _restored_step(checkpoints: CheckpointStore, folder: Path) -> int | None:
    restored = checkpoints.restore_latest(folder / "restored")
    return restored.step if restored else None


def _place(checkpoints: CheckpointStore, step: int) -> str:
    (name,) = [name for name in storage.list_names(checkpoints.uri) if name.startswith(f"step-{step:07d}-")]
    return storage.join(checkpoints.uri, name)


def test_last_complete_checkpoint_comes_back_as_it_was(checkpoints: CheckpointStore, tmp_path: Path) -> None:
    _save(checkpoints, tmp_path / "local", 2, 10)
    restored = checkpoints.restore_latest(tmp_path / "restored")
    assert restored is not None
    assert (restored.step, restored.seconds) == (10, 15.0)
    files = {path.name: path.read_text() for path in Path(restored.folder).rglob("*") if path.is_file()}
    assert files == {"state.bin": "state of step 10", "weights.bin": "weights"}


def test_no_checkpoint_is_none(checkpoints: CheckpointStore, tmp_path: Path) -> None:
    assert checkpoints.restore_latest(tmp_path) is None


def test_half_uploaded_checkpoint_is_passed_over(checkpoints: CheckpointStore, tmp_path: Path) -> None:
    _save(checkpoints, tmp_path / "local", 2, 4)
    storage.delete_folder(storage.join(_place(checkpoints, 4), MARKER))
    assert _restored_step(checkpoints, tmp_path) == 2


def test_half_deleted_checkpoint_is_passed_over(checkpoints: CheckpointStore, tmp_path: Path) -> None:
    _save(checkpoints, tmp_path / "local", 2, 4)
    storage.delete_folder(storage.join(_place(checkpoints, 4), "global"))
    assert _restored_step(checkpoints, tmp_path) == 2


@pytest.mark.parametrize("content", ["cut", "STATE OF STEP 4"], ids=["other size", "same size"])
def test_checkpoint_with_a_changed_file_is_passed_over(
    local_checkpoints: CheckpointStore, tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    _save(local_checkpoints, tmp_path / "local", 2, 4)
    Path(_place(local_checkpoints, 4), "global", "state.bin").write_text(content)
    assert _restored_step(local_checkpoints, tmp_path) == 2
    assert "step-0000004" in caplog.text


def test_checkpoint_of_other_processes_is_passed_over(
    local_checkpoints: CheckpointStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _save(local_checkpoints, tmp_path / "local", 4)
    assert _restored_step(CheckpointStore(local_checkpoints.uri, OTHER_LAYOUT), tmp_path) is None
    assert f"was made by {LAYOUT}, and this is {OTHER_LAYOUT}" in caplog.text


def test_only_the_last_two_are_kept(checkpoints: CheckpointStore, tmp_path: Path) -> None:
    _save(checkpoints, tmp_path / "local", 2, 4, 6)
    assert _steps(checkpoints) == [4, 6]


def test_what_was_half_uploaded_is_removed_and_does_not_count_as_kept(
    checkpoints: CheckpointStore, tmp_path: Path
) -> None:
    _save(checkpoints, tmp_path / "local", 2)
    transfers.upload_folder(_local(tmp_path / "cut", 4), storage.join(checkpoints.uri, "step-0000004-cut"))
    _save(checkpoints, tmp_path / "local", 6)
    assert _steps(checkpoints) == [2, 6]


def test_a_new_attempt_leaves_the_checkpoints_of_other_processes_that_it_cannot_continue(
    local_checkpoints: CheckpointStore, tmp_path: Path
) -> None:
    _save(CheckpointStore(local_checkpoints.uri, OTHER_LAYOUT), tmp_path / "abandoned", 90, 95)
    _save(local_checkpoints, tmp_path / "local", 2, 4, 6)
    assert _steps(local_checkpoints) == [4, 6, 90, 95]
    assert _restored_step(local_checkpoints, tmp_path) == 6
    assert _restored_step(CheckpointStore(local_checkpoints.uri, OTHER_LAYOUT), tmp_path) == 95


def test_a_twin_that_is_behind_leaves_the_checkpoints_of_the_one_ahead(
    local_checkpoints: CheckpointStore, tmp_path: Path
) -> None:
    _save(local_checkpoints, tmp_path / "ahead", 4, 8)
    _save(CheckpointStore(local_checkpoints.uri, LAYOUT), tmp_path / "behind", 4)
    assert _restored_step(local_checkpoints, tmp_path) == 8


def test_a_store_that_refuses_to_delete_costs_a_warning(
    local_checkpoints: CheckpointStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse(uri: str) -> None:
        from components.shared.errors import InputError

        raise InputError(f"{uri}: access denied")

    monkeypatch.setattr(storage, "delete_folder", refuse)
    _save(local_checkpoints, tmp_path / "local", 2, 4, 6)
    remove_checkpoints(local_checkpoints.uri)
    assert _steps(local_checkpoints) == [2, 4, 6]
    assert caplog.text.count("access denied") == 2


def test_training_goes_on_while_a_checkpoint_is_on_its_way(
    local_checkpoints: CheckpointStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_pass = threading.Event()
    upload = transfers.upload_folder
    monkeypatch.setattr(transfers, "upload_folder", lambda *given: (may_pass.wait(10), upload(*given)))
    saves = BackgroundSaves(local_checkpoints)
    folder = _local(tmp_path, 2)
    saves.start(folder, 2, seconds=1.0)
    assert folder.exists(), "a checkpoint has to stay until it is in the store"
    assert _steps(local_checkpoints) == []
    may_pass.set()
    saves.start(_local(tmp_path, 4), 4, seconds=2.0)
    saves.wait()
    assert _steps(local_checkpoints) == [2, 4]
    assert not folder.exists()


def test_an_upload_that_fails_fails_the_training(local_checkpoints: CheckpointStore, tmp_path: Path) -> None:
    Path(local_checkpoints.uri).write_text("a file where the folder would be")
    saves = BackgroundSaves(local_checkpoints)
    saves.start(_local(tmp_path, 2), 2, seconds=1.0)
    with pytest.raises(Exception, match="director"):
        saves.wait()
    shutil.rmtree(tmp_path / "checkpoint-2")  # it is still there
