"""Whole runs in which processes are killed at random moments make what an undisturbed run makes."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from components.shared import storage
from components.shared.transfers import upload_folder
from tests.faults.killer import Killer
from tests.faults.sameness import assert_accounted_for, assert_same
from tests.smoke_runs import Finished, run_command, run_environment
from tests.stores import Store

TRAINED = ("import_model", "train_sft", "train_dpo", "train_scorer")  # PyTorch takes most of a run's time
KILLS = 34  # a run: three make 100 on each kind of store

logger = logging.getLogger(__name__)


@pytest.mark.timeout(600)
def test_a_run_with_trained_models_survives_some_kills(store: Store, undisturbed: Finished, tmp_path: Path) -> None:
    _copy_models(undisturbed, store.uri)
    killer = Killer(0, 1, 4, 0.2, undisturbed.seconds_of_steps())
    _kill_and_compare(killer, store, undisturbed, tmp_path, "num_shards=1")  # fewer processes, the same addresses


@pytest.mark.faults
@pytest.mark.timeout(1800)
def test_a_run_survives_a_third_of_a_hundred_kills(store: Store, undisturbed: Finished, tmp_path: Path) -> None:
    _kill_and_compare(_merciless(1, undisturbed), store, undisturbed, tmp_path)


@pytest.mark.faults
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", [2, 3])
def test_a_run_with_trained_models_survives_a_third_of_a_hundred_kills(
    seed: int, store: Store, undisturbed: Finished, tmp_path: Path
) -> None:
    _copy_models(undisturbed, store.uri)
    _kill_and_compare(_merciless(seed, undisturbed), store, undisturbed, tmp_path)


def _copy_models(undisturbed: Finished, workspace: str) -> None:
    for folder in undisturbed.folders:
        if folder.startswith(TRAINED):
            upload_folder(Path(undisturbed.workspace, folder), storage.join(workspace, folder))


def _merciless(seed: int, undisturbed: Finished) -> Killer:
    return Killer(seed, KILLS, KILLS, 0.7, undisturbed.seconds_of_steps())


def _kill_and_compare(killer: Killer, store: Store, undisturbed: Finished, place: Path, *settings: str) -> None:
    environment = run_environment(place / "scratch", store.environment)
    killer.run_to_the_end(run_command("smoke", store.uri, *settings), environment, place / "run.log")
    logger.info("%d kills in %s: %s", killer.kills.total(), store.uri, dict(killer.kills))
    assert_same(store.uri, undisturbed)
    assert_accounted_for(store.uri)
