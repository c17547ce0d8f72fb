"""A training on two machines: two step processes that see each other as the pods of a TrainJob do, on loopback.

They share the workspace and nothing else: each has a scratch folder of its own, and knows the other by PET_… alone.
"""

from __future__ import annotations

import dataclasses
import os
import re
import signal
import socket
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from components.shared import speaking, stopping
from components.shared.config.training import TrainingConfig
from components.shared.errors import ExitCode, InputError, UnavailableError
from components.shared.stores import storage
from components.shared.training.nodes import NODES_SECONDS, VARIABLES, Node, await_first_node, own_node, starts_nodes
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import Manifest, read_manifest
from components.shared.workspace.planning import make_plan
from components.train_dpo.config import TrainDpoConfig
from tests.components.shared.mortals import descendants_of, is_alive, start
from tests.components.shared.small_trainings import uneven_pairs
from tests.conftest import WriteRows
from tests.stores import free_ports

NUM_NODES = 2
SECONDS = 120.0  # for what takes a few, on a busy machine


@pytest.fixture(autouse=True)
def no_node(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def make_config(tiny_model: Path, write_rows: WriteRows) -> Callable[..., TrainDpoConfig]:
    """A training of uneven pairs."""

    def make(workspace: str, **options: Any) -> TrainDpoConfig:
        defaults: dict[str, Any] = {
            "max_tokens": 96, "batch_size": 4, "micro_batch_size": 2, "learning_rate": 1e-3, "checkpoint_steps": 4,
            "num_processes": 1, "gradient_checkpointing": False, "epochs": 3,
        }  # fmt: skip
        pairs = write_rows(Workspace(workspace), uneven_pairs())
        return TrainDpoConfig(workspace=workspace, model=str(tiny_model), pairs=pairs, **defaults | options)

    return make


# --- which machine this is ---------------------------------------------------------------------------------------


def _environment(rank: int, port: int = 29400) -> dict[str, str]:
    """Return what Kubeflow Trainer's torch plugin sets in a pod."""
    return dict(zip(VARIABLES, (str(NUM_NODES), str(rank), "127.0.0.1", str(port)), strict=True))


def _sft(num_nodes: int) -> TrainDpoConfig:
    return TrainDpoConfig(workspace="w", model="m", pairs="p", num_nodes=num_nodes, num_processes=1)


def test_a_step_for_one_machine_starts_none_and_is_none_of_several() -> None:
    assert own_node(_sft(1)) is None
    assert not starts_nodes(_sft(1))


def test_a_step_for_several_machines_starts_them_unless_it_is_one_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert starts_nodes(_sft(2))
    for name, value in _environment(1).items():
        monkeypatch.setenv(name, value)
    assert own_node(_sft(2)) == Node(rank=1, address="127.0.0.1", port=29400)
    assert not starts_nodes(_sft(2))


@pytest.mark.parametrize(
    ("num_nodes", "change", "message"),
    [
        (1, {}, "--num-nodes is 1, but this pod belongs to a training on 2 nodes"),
        (4, {}, "--num-nodes is 4, but this pod belongs to a training on 2 nodes"),
        (2, {"PET_MASTER_ADDR": "", "PET_MASTER_PORT": ""}, "PET_MASTER_ADDR, PET_MASTER_PORT must be set as well"),
        (2, {"PET_NODE_RANK": "first"}, "PET_NODE_RANK is 'first'; expected a whole number"),
    ],
)
def test_an_environment_that_contradicts_the_options_is_refused(
    num_nodes: int, change: dict[str, str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (_environment(1) | change).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=re.escape(message)):
        own_node(_sft(num_nodes))


def test_the_processes_of_all_machines_share_a_step() -> None:
    config = _sft(2)
    assert (config.processes_here, config.processes) == (1, 2)
    with pytest.raises(InputError, match="on 6 processes; give a multiple of 12"):
        dataclasses.replace(config, num_processes=3, batch_size=128)


# --- the first machine has the lease; the others wait for it ---------------------------------------------------------


def _first_node() -> Node:
    (port,) = free_ports(1)
    return Node(rank=1, address="127.0.0.1", port=port)


def test_another_machine_begins_as_soon_as_the_first_one_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    node, sockets = _first_node(), []
    monkeypatch.setattr(stopping, "sleep", lambda _: sockets.append(socket.create_server((node.address, node.port))))
    assert await_first_node(node, lambda: False)
    (first,) = sockets
    first.close()


def test_another_machine_does_nothing_if_the_folder_is_finished_while_the_first_one_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks = iter((False, False, True))
    monkeypatch.setattr(stopping, "sleep", lambda _: None)
    assert not await_first_node(_first_node(), lambda: next(looks))


def test_another_machine_does_not_wait_for_ever_for_a_first_one_that_nobody_knows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start = time.monotonic()
    hours = iter((0, 1, 3))
    monkeypatch.setattr(time, "monotonic", lambda: start + 3600 * next(hours))
    node = Node(rank=1, address="first-node.invalid", port=29400)
    monkeypatch.setattr(stopping, "sleep", lambda _: None)
    with pytest.raises(UnavailableError, match=rf"first-node.invalid:29400\) did not .* within {NODES_SECONDS} s"):
        await_first_node(node, lambda: False)


@pytest.mark.slow
def test_machines_that_do_not_get_the_lease_train_nothing_and_end_with_the_folder(
    make_config: Callable[..., TrainDpoConfig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(speaking.VARIABLE, "1")  # the machines log soon what they wait for
    config = make_config(str(tmp_path / "workspace"), num_nodes=NUM_NODES)
    holder = Workspace(config.workspace).open(config).begin_model()
    assert holder.take()
    machines = _start(config, tmp_path / "waiting")
    for wanted in ("waiting for the process that works on", "waiting for the first node"):
        _await(wanted, machines, tmp_path / "waiting")
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "model.safetensors").write_text("of the other training")
    holder.finish(tmp_path / "made", metrics={})
    for machine in machines:
        machine.join(SECONDS)
    assert [machine.exitcode for machine in machines] == [ExitCode.DONE] * NUM_NODES, _log(tmp_path / "waiting")
    assert "torch.distributed.run" not in _log(tmp_path / "waiting")


# --- real trainings ----------------------------------------------------------------------------------------------


def _start(config: TrainingConfig, folder: Path) -> list[BaseProcess]:
    """Start the step on each machine, as a TrainJob does."""
    (port,) = free_ports(1)
    folder.mkdir(exist_ok=True)
    return [start(config, folder / f"log-{rank}", (), _environment(rank, port)) for rank in range(NUM_NODES)]


def _train(config: TrainingConfig, folder: Path) -> list[int | None]:
    """Train on all machines; return their exit codes."""
    machines = _start(config, folder)
    for machine in machines:
        machine.join(SECONDS)
    return [machine.exitcode for machine in machines]


def _log(folder: Path) -> str:
    return "\n".join(path.read_text() for path in sorted(folder.glob("log-*")))


def _manifest(config: TrainingConfig) -> Manifest:
    fingerprint = make_plan(config).fingerprint
    return read_manifest(storage.join(config.workspace, config.step, fingerprint))


def _continued_from(folder: Path) -> set[str]:
    return set(re.findall(r"continuing from the checkpoint of step (\d+)", _log(folder)))


@pytest.mark.slow
@pytest.mark.model
@pytest.mark.parametrize("parallelism", ["none", "zero3"])
def test_two_machines_train_what_one_trains(
    make_config: Callable[..., TrainDpoConfig], tmp_path: Path, parallelism: str
) -> None:
    options = {"parallelism": parallelism, "num_nodes": NUM_NODES}
    two = make_config(str(tmp_path / "two"), **options)
    one = make_config(str(tmp_path / "one"), num_processes=2, parallelism=parallelism)
    assert _train(two, tmp_path / "machines") == [ExitCode.DONE] * NUM_NODES, _log(tmp_path / "machines")
    alone = start(one, tmp_path / "log")
    alone.join(SECONDS)
    assert alone.exitcode == ExitCode.DONE, (tmp_path / "log").read_text()
    ours, others = _manifest(two), _manifest(one)
    assert ours.metrics["loss_last"] < 0.9 * ours.metrics["loss_first"]
    for name in ("loss_first", "loss_last", "loss_mean"):
        assert ours.metrics[name] == pytest.approx(others.metrics[name], rel=0.01), name
    assert not [name for name in storage.list_files(storage.join(two.workspace, "train_dpo")) if "checkpoints" in name]


@pytest.mark.slow
@pytest.mark.faults
@pytest.mark.parametrize("parallelism", ["none", "zero3"])
def test_two_machines_continue_after_one_of_them_was_killed_and_end_as_undisturbed_ones(
    make_config: Callable[..., TrainDpoConfig], tmp_path: Path, parallelism: str
) -> None:
    options = {"parallelism": parallelism, "num_nodes": NUM_NODES, "epochs": 10, "checkpoint_steps": 6}
    undisturbed, config = (make_config(str(tmp_path / name), **options) for name in ("undisturbed", "workspace"))
    assert _train(undisturbed, tmp_path / "alone") == [ExitCode.DONE] * NUM_NODES, _log(tmp_path / "alone")
    folder = tmp_path / "killed"
    machines = _start(config, folder)
    _kill_at_step(15, machines, folder)
    assert [machine.exitcode for machine in machines] == [ExitCode.UNAVAILABLE, -signal.SIGKILL], _log(folder)
    assert _train(config, tmp_path / "again") == [ExitCode.DONE] * NUM_NODES, _log(tmp_path / "again")
    (continued,) = _continued_from(tmp_path / "again")
    assert continued in ("6", "12", "18"), "as far as the last one was in the store by then"
    ours, theirs = _manifest(config), _manifest(undisturbed)
    assert ours.files == theirs.files
    assert ours.metrics["loss_mean"] == theirs.metrics["loss_mean"]


def _kill_at_step(step: int, machines: list[BaseProcess], folder: Path) -> None:
    """Take the second machine away behind a step, and see that no process of either is left."""
    _await_step(step, machines, folder)
    pids = [machine.pid for machine in machines]
    families = [[pid, *descendants_of(pid)] for pid in pids if pid is not None]
    for process in families[1]:
        os.kill(process, signal.SIGKILL)
    for machine in machines:
        machine.join(SECONDS)
    assert not any(map(is_alive, [*families[0], *families[1]])), _log(folder)


@pytest.mark.slow
@pytest.mark.faults
@pytest.mark.parametrize("parallelism", ["none", "zero3"])
def test_when_one_machine_is_told_to_stop_all_save_the_same_step_and_one_alone_continues_behind_it(
    make_config: Callable[..., TrainDpoConfig], tmp_path: Path, parallelism: str
) -> None:
    config = make_config(
        str(tmp_path / "workspace"), parallelism=parallelism, num_nodes=NUM_NODES, epochs=10, checkpoint_steps=0
    )
    machines = _start(config, tmp_path / "stopped")
    _await_step(10, machines, tmp_path / "stopped")
    machines[1].terminate()
    for machine in machines:
        machine.join(SECONDS)
    codes = [machine.exitcode for machine in machines]
    assert codes == [ExitCode.UNAVAILABLE, ExitCode.STOPPED], _log(tmp_path / "stopped")
    assert "another node was told to stop" in _log(tmp_path / "stopped")
    (tmp_path / "again").mkdir()
    alone = start(dataclasses.replace(config, num_nodes=1, num_processes=2), tmp_path / "again" / "log-0")
    alone.join(SECONDS)
    assert alone.exitcode == ExitCode.DONE, _log(tmp_path / "again")
    (step,) = _continued_from(tmp_path / "again")
    assert int(step) >= 10
    assert _manifest(config).metrics["steps"] == 40


def _await_step(step: int, machines: list[BaseProcess], folder: Path) -> None:
    _await(f"step {step} of ", machines, folder)


def _await(words: str, machines: list[BaseProcess], folder: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while words not in _log(folder):
        assert all(machine.exitcode is None for machine in machines), _log(folder)
        assert time.monotonic() < deadline, _log(folder)
        time.sleep(0.05)
