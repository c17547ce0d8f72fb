"""Trainings that die at any moment, or are told to stop, and end as an undisturbed one: same weights, same losses."""

from __future__ import annotations

import dataclasses
import os
import random
import re
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from components.shared.config import StepConfig
from components.shared.config.training import TrainingConfig
from components.shared.errors import ExitCode
from components.shared.records import FailRate, Question
from components.shared.stores import storage
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import Manifest, read_manifest
from components.shared.workspace.planning import make_plan
from components.train_dpo.config import TrainDpoConfig
from components.train_scorer.config import TrainScorerConfig
from components.train_sft.config import TrainSftConfig
from tests.components.shared.mortals import Fate, descendants_of, is_alive, live, start
from tests.components.shared.small_trainings import uneven_pairs
from tests.conftest import WriteRows
from tests.stores import Store

pytestmark = pytest.mark.slow

NUM_STEPS = 8
OPTIONS: dict[str, Any] = {
    "max_tokens": 96, "batch_size": 4, "micro_batch_size": 2, "learning_rate": 1e-3, "checkpoint_steps": 2,
    "num_processes": 1, "gradient_checkpointing": False, "epochs": 2,
}  # fmt: skip
UPLOAD = "components.shared.stores.transfers:_upload"  # of one file; a checkpoint has more than 7
SAVE = "components.shared.training._checkpoints:CheckpointStore.save"
PRUNE = "components.shared.stores.storage:delete_folder_if_allowed"  # each call deletes one
MARK = "components.shared.training._checkpoints:CheckpointStore._mark"
STEP_BEGINS = "components.shared.training._step_callback:StepCallback.on_step_begin"
STEP_ENDS = "components.shared.training._step_callback:StepCallback.on_step_end"
UPLOAD_MODEL = "components.shared.workspace._model_folders:ModelFolder.finish"
MANIFEST = "components.shared.workspace._claims:Claim.write_manifest"
MAX_DEATHS = 5


def _questions() -> list[Question]:
    return [Question(id=f"q{n}", question=f"What is {n} plus {'1' * (1 + n % 5)}?", source="s") for n in range(16)]


def _fail_rates() -> list[FailRate]:
    return [
        FailRate(
            id=f"q{n}", question=("zzz" if n % 2 else "aaa") * (1 + n % 3), answer="1", source="s",
            fail_rate=float(n % 2), responses=(), correct=(),
        )
        for n in range(16)
    ]  # fmt: skip


def _sft(workspace: str, model: Path, rows: str) -> TrainSftConfig:
    return TrainSftConfig(workspace=workspace, model=str(model), examples=rows, **OPTIONS)


def _dpo(workspace: str, model: Path, rows: str) -> TrainDpoConfig:
    return TrainDpoConfig(workspace=workspace, model=str(model), pairs=rows, **OPTIONS)


def _scorer(workspace: str, model: Path, rows: str) -> TrainScorerConfig:
    options = OPTIONS | {"held_out_fraction": 0.0}
    return TrainScorerConfig(workspace=workspace, model=str(model), examples=rows, **options)


@dataclass(frozen=True, kw_only=True)
class Training:
    """What is trained, and what came out undisturbed."""

    config: Callable[[str, Path, str], TrainingConfig]
    rows: list[Any]
    model: Path
    write_rows: WriteRows
    undisturbed: Manifest

    def place(self, workspace: str) -> TrainingConfig:
        """Write the rows into a workspace and return the config that trains on them."""
        return self.config(workspace, self.model, self.write_rows(Workspace(workspace), self.rows))


@pytest.fixture(scope="module", params=["train_sft", "train_dpo", "train_scorer"])
def training(
    request: pytest.FixtureRequest, tiny_model: Path, write_rows: WriteRows, tmp_path_factory: pytest.TempPathFactory
) -> Training:
    """Each of the trainings, done once without disturbance."""
    trainings: dict[str, tuple[Callable[[str, Path, str], TrainingConfig], list[Any]]] = {
        "train_sft": (_sft, list(_questions())),
        "train_dpo": (_dpo, list(uneven_pairs())),
        "train_scorer": (_scorer, list(_fail_rates())),
    }
    config, rows = trainings[request.param]
    folder = tmp_path_factory.mktemp("undisturbed")
    workspace = str(folder / "workspace")
    placed = config(workspace, tiny_model, write_rows(Workspace(workspace), rows))
    assert live(placed, folder / "log") == ExitCode.DONE, (folder / "log").read_text()
    manifest = read_manifest(_folder(placed))
    assert manifest.metrics["steps"] == NUM_STEPS
    return Training(config=config, rows=rows, model=tiny_model, write_rows=write_rows, undisturbed=manifest)


def _folder(config: StepConfig) -> str:
    return storage.join(config.workspace, config.step, make_plan(config).fingerprint)


def _last_continued_from(log: Path) -> int:
    """Return the step whose checkpoint the last start that found one has continued from, 0 if none did."""
    steps = re.findall(r"continuing from the checkpoint of step (\d+)", log.read_text())
    return int(steps[-1]) if steps else 0


def _newest_step(config: StepConfig) -> int:
    return max(int(name.split("-")[1]) for name in storage.list_names(storage.join(_folder(config), "checkpoints")))


def _assert_same(config: StepConfig, undisturbed: Manifest) -> None:
    """The same weights, byte for byte; the same losses of all steps; nothing left of the checkpoints."""
    manifest = read_manifest(_folder(config))
    assert manifest.files == undisturbed.files
    times = {"seconds", "accelerator_seconds", "tokens_per_second"}
    assert {name: value for name, value in manifest.metrics.items() if name not in times} == {
        name: value for name, value in undisturbed.metrics.items() if name not in times
    }
    assert not [name for name in storage.list_files(_folder(config)) if name.startswith("checkpoints")]


def _drawn_fate(draw: random.Random) -> Fate:
    """Death at one of a training's moments: in a step, an upload, a prune, behind a marker, before the manifest, …"""
    moments = [
        (STEP_BEGINS, draw.randint(1, NUM_STEPS), 0.05),
        (STEP_ENDS, draw.randint(1, NUM_STEPS), 0.05),
        (SAVE, draw.randint(1, 3), 0.03),
        (PRUNE, draw.randint(1, 2), 0.005),  # the second one is that of all of them, behind the manifest
        (MARK, draw.randint(1, 3), 0.003),
        (UPLOAD_MODEL, 1, 0.03),
        (MANIFEST, 1, 0.003),
    ]
    function, call, most_seconds = draw.choice(moments)
    return Fate(function=function, call=call, seconds=draw.choice([0.0, draw.uniform(0, most_seconds)]))


def _die_and_continue(
    config: StepConfig, log: Path, seed: int, environment: Mapping[str, str] | None = None
) -> list[Fate]:
    """Start the step again and again, to die at moments drawn from the seed, then to live; return its deaths."""
    draw, deaths = random.Random(seed), []
    for _ in range(MAX_DEATHS):
        fate = _drawn_fate(draw)
        code = live(config, log, [fate], environment)
        assert code in (ExitCode.DONE, -signal.SIGKILL), log.read_text()
        if code:
            deaths.append(fate)
    assert live(config, log, (), environment) == ExitCode.DONE, log.read_text()
    return deaths


def test_a_training_killed_at_its_worst_moments_ends_as_an_undisturbed_one(training: Training, tmp_path: Path) -> None:
    config, log = training.place(str(tmp_path / "workspace")), tmp_path / "log"
    for fate, continued_from in (
        (Fate(function=UPLOAD, call=15), 0),  # in the middle of step 4
        (Fate(function=MARK, call=2), 2),  # before the marker of step 6
        (Fate(function=PRUNE, call=1, seconds=0.001), 4),  # while step 2 is removed
        (Fate(function=MANIFEST), 6),  # when all is done but the manifest
    ):
        assert live(config, log, [fate]) == -signal.SIGKILL
        assert _last_continued_from(log) == continued_from
    assert live(config, log) == ExitCode.DONE, log.read_text()
    assert _last_continued_from(log) == 6
    _assert_same(config, training.undisturbed)


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(8))
def test_a_training_killed_at_random_moments_ends_as_an_undisturbed_one(
    training: Training, tmp_path: Path, seed: int
) -> None:
    config = training.place(str(tmp_path / "workspace"))
    deaths = _die_and_continue(config, tmp_path / "log", seed)
    assert deaths
    _assert_same(config, training.undisturbed)


@pytest.mark.faults
def test_a_training_killed_at_random_moments_in_an_object_store_ends_as_an_undisturbed_one(
    training: Training, remote_store: Store, tmp_path: Path
) -> None:
    config = training.place(remote_store.uri)
    assert _die_and_continue(config, tmp_path / "log", 1, remote_store.environment)
    _assert_same(config, training.undisturbed)


def test_a_training_that_is_told_to_stop_saves_its_step_and_continues_behind_it(
    training: Training, tmp_path: Path
) -> None:
    config = dataclasses.replace(training.place(str(tmp_path / "workspace")), checkpoint_steps=0)
    log = tmp_path / "log"
    for calls, step in ((5, 5), (3, NUM_STEPS)):  # behind the last step, nothing is left to train
        told = Fate(function=STEP_BEGINS, call=calls, signal=signal.SIGTERM)
        assert live(config, log, [told]) == ExitCode.STOPPED, log.read_text()
        assert _newest_step(config) == step
    assert live(config, log) == ExitCode.DONE, log.read_text()
    assert _last_continued_from(log) == NUM_STEPS
    _assert_same(config, training.undisturbed)


@pytest.mark.parametrize("training", ["train_sft"], indirect=True)
def test_a_training_that_takes_too_long_to_stop_is_cut_off_and_continues_from_its_last_whole_checkpoint(
    training: Training, tmp_path: Path
) -> None:
    config, log = training.place(str(tmp_path / "workspace")), tmp_path / "log"
    for function, call, continued_from in ((STEP_BEGINS, 4, 0), (MARK, 1, 2)):  # in step 4; before the marker of step 4
        told = Fate(function=function, call=call, signal=signal.SIGTERM, hangs=True)
        assert live(config, log, [told]) == ExitCode.STOPPED, log.read_text()
        assert _last_continued_from(log) == continued_from
    assert _newest_step(config) == 4
    assert live(config, log) == ExitCode.DONE, log.read_text()
    assert _last_continued_from(log) == 2
    _assert_same(config, training.undisturbed)


@pytest.mark.faults
@pytest.mark.parametrize("parallelism", ["none", "zero3"])
def test_two_processes_continue_after_sigkill_and_sigterm_and_no_process_is_left_over(
    tmp_path: Path, tiny_model: Path, write_rows: WriteRows, parallelism: str
) -> None:
    options: dict[str, Any] = {"num_processes": 2, "parallelism": parallelism, "epochs": 15, "checkpoint_steps": 8}
    undisturbed, config = (
        dataclasses.replace(_dpo(uri, tiny_model, write_rows(Workspace(uri), uneven_pairs())), **options)
        for uri in (str(tmp_path / "undisturbed"), str(tmp_path / "workspace"))
    )
    log = tmp_path / "log"
    assert live(undisturbed, log) == ExitCode.DONE, log.read_text()
    assert _signalled_at_step(20, signal.SIGKILL, config, tmp_path / "killed") == -signal.SIGKILL
    assert _signalled_at_step(40, signal.SIGTERM, config, tmp_path / "stopped") == ExitCode.STOPPED
    stored = _newest_step(config)
    assert stored >= 40
    assert live(config, tmp_path / "continued") == ExitCode.DONE, (tmp_path / "continued").read_text()
    assert _last_continued_from(tmp_path / "continued") == stored
    _assert_same(config, read_manifest(_folder(undisturbed)))


def _signalled_at_step(step: int, number: signal.Signals, config: StepConfig, log: Path) -> int:
    """Start a training, send its first process a signal behind a step, see that all of them end; return the code."""
    process = start(config, log)
    while not re.search(rf"step {step} of ", log.read_text() if log.exists() else ""):
        assert process.exitcode is None, log.read_text()
        time.sleep(0.05)
    assert process.pid is not None
    family = descendants_of(process.pid)
    assert len(family) >= 3  # torch.distributed.run and its two
    os.kill(process.pid, number)
    process.join()
    deadline = time.monotonic() + 60
    while any(map(is_alive, family)):
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
    assert process.exitcode is not None
    return process.exitcode
