"""Checkpoints in a store: whole ones are found, others never; whoever may not delete still trains."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest

from components.shared.errors import InputError
from components.shared.stores import storage, transfers
from components.shared.training._checkpoints import (
    BackgroundSaves,
    CheckpointStore,
    draw_name,
    marker_name,
)
from tests.stores import Store

pytestmark = pytest.mark.slow

LAYOUT = "--parallelism none"
OTHER_LAYOUT = "--parallelism zero3 and 8 processes (--num-nodes by --num-processes)"


@pytest.fixture
def checkpoints(store: Store) -> CheckpointStore:
    return CheckpointStore(storage.join(store.uri, "checkpoints"), LAYOUT)


@pytest.fixture
def local_checkpoints(tmp_path: Path) -> CheckpointStore:
    return CheckpointStore(str(tmp_path / "checkpoints"), LAYOUT)


def _save(checkpoints: CheckpointStore, folder: Path, *steps: int) -> None:
    for step in steps:
        checkpoints.save(_local(folder, step), draw_name(step), seconds=step * 1.5)


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
    storage.delete_folder(storage.join(_place(checkpoints, 4), marker_name(0)))
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


def test_a_checkpoint_of_other_processes_is_neither_used_nor_silently_left(
    checkpoints: CheckpointStore, tmp_path: Path
) -> None:
    _save(checkpoints, tmp_path / "local", 4)
    with pytest.raises(InputError) as refused:
        CheckpointStore(checkpoints.uri, OTHER_LAYOUT).restore_latest(tmp_path)
    message = str(refused.value)
    assert f"was made with {LAYOUT}, and this is {OTHER_LAYOUT}" in message
    remover = {"gs": "gcloud storage rm --recursive", "s3": "aws s3 rm --recursive"}
    scheme = checkpoints.uri.partition("://")[0]
    assert message.endswith(f"start again: {remover.get(scheme, 'rm -r')} {checkpoints.uri}")


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
        raise InputError(f"{uri}: access denied")

    monkeypatch.setattr(storage, "delete_folder", refuse)
    _save(local_checkpoints, tmp_path / "local", 2, 4, 6)
    storage.delete_folder_if_allowed(local_checkpoints.uri)
    assert _steps(local_checkpoints) == [2, 4, 6]
    assert caplog.text.count("access denied") == 2


def test_training_goes_on_while_a_checkpoint_is_on_its_way(
    local_checkpoints: CheckpointStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_pass = threading.Event()
    upload = transfers.upload_folder
    monkeypatch.setattr(transfers, "upload_folder", lambda *given: (may_pass.wait(60), upload(*given)))
    saves = BackgroundSaves(local_checkpoints)
    folder = _local(tmp_path, 2)
    saves.start(folder, draw_name(2), seconds=1.0)
    assert folder.exists(), "a checkpoint has to stay until it is in the store"
    assert _steps(local_checkpoints) == []
    may_pass.set()
    saves.start(_local(tmp_path, 4), draw_name(4), seconds=2.0)
    saves.wait()
    assert _steps(local_checkpoints) == [2, 4]
    assert not folder.exists()


def test_an_upload_that_fails_fails_the_training(local_checkpoints: CheckpointStore, tmp_path: Path) -> None:
    Path(local_checkpoints.uri).write_text("a file where the folder would be")
    saves = BackgroundSaves(local_checkpoints)
    saves.start(_local(tmp_path, 2), draw_name(2), seconds=1.0)
    with pytest.raises(Exception, match="director"):
        saves.wait()
    shutil.rmtree(tmp_path / "checkpoint-2")  # it is still there


# --- of several machines, each with a share of the files ---------------------------------------------------------


def _machines(uri: str) -> list[CheckpointStore]:
    return [CheckpointStore(uri, OTHER_LAYOUT, node=node, num_nodes=2) for node in range(2)]


def _share(folder: Path, node: int) -> Path:
    share = folder / f"machine-{node}"
    share.mkdir(parents=True)
    (share / f"rank-{node}.bin").write_text(f"share of {node}")
    return share


def test_a_checkpoint_of_several_machines_comes_back_whole_on_each(
    checkpoints: CheckpointStore, tmp_path: Path
) -> None:
    name = draw_name(4)
    machines = _machines(checkpoints.uri)
    for node in (1, 0):
        machines[node].save(_share(tmp_path, node), name, seconds=6.0)
    for node, machine in enumerate(machines):
        restored = machine.restore_latest(tmp_path / f"restored-{node}")
        assert restored is not None
        assert (restored.name, restored.step, restored.seconds) == (name, 4, 6.0)
        files = {path.name: path.read_text() for path in Path(restored.folder).iterdir()}
        assert files == {"rank-0.bin": "share of 0", "rank-1.bin": "share of 1"}


@pytest.mark.parametrize("cut_off", [0, 1])
def test_a_checkpoint_that_lacks_one_machines_marker_is_never_used(
    local_checkpoints: CheckpointStore, tmp_path: Path, cut_off: int
) -> None:
    machines = _machines(local_checkpoints.uri)
    for step in (2, 4):
        name = draw_name(step)
        for node in (0, 1):
            machines[node].save(_share(tmp_path / str(step), node), name, seconds=1.0)
    storage.delete_folder(storage.join(_place(local_checkpoints, 4), marker_name(cut_off)))
    for machine in machines:
        restored = machine.restore_latest(tmp_path / f"restored-{machine.node}")
        assert restored is not None
        assert restored.step == 2


def test_the_first_machine_leaves_what_another_one_is_still_uploading(
    local_checkpoints: CheckpointStore, tmp_path: Path
) -> None:
    first, second = _machines(local_checkpoints.uri)
    for step in (2, 4, 6):
        name = draw_name(step)
        first.save(_share(tmp_path / str(step), 0), name, seconds=1.0)
        assert _steps(local_checkpoints)[-1] == step
        second.save(_share(tmp_path / str(step), 1), name, seconds=1.0)
    first.save(_share(tmp_path / "8", 0), draw_name(8), seconds=1.0)
    assert _steps(local_checkpoints) == [4, 6, 8]
    assert _restored_step(first, tmp_path) == 6
