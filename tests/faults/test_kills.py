"""Whole runs in which processes are killed at random moments make what an undisturbed run makes."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from components.shared.stores import storage
from components.shared.stores.transfers import upload_folder
from tests.faults.killer import Killer
from tests.faults.sameness import assert_accounted_for, assert_same
from tests.smoke_runs import Finished, run_command, run_environment
from tests.stores import Store

pytestmark = pytest.mark.slow

TRAINED = ("import_model", "train_sft", "train_dpo", "train_scorer")  # PyTorch takes most of a run's time
KILLS = 25  # a run: four make 100 on each kind of store

logger = logging.getLogger(__name__)


@pytest.mark.timeout(1200)
def test_a_run_with_trained_models_survives_some_kills(store: Store, undisturbed: Finished, tmp_path: Path) -> None:
    _copy_models(undisturbed, store.uri)
    killer = Killer(7, 1, 4, 0.2, undisturbed.seconds_of_steps())
    # One process a step: fewer processes, the same addresses.
    assert 1 <= _run_with_kills(killer, store, tmp_path, "pods=1") <= 4
    assert_same(store.uri, undisturbed)
    assert_accounted_for(store.uri)


@pytest.mark.faults
@pytest.mark.timeout(1800)
def test_a_run_survives_a_quarter_of_a_hundred_kills(store: Store, undisturbed: Finished, tmp_path: Path) -> None:
    assert _run_with_kills(_merciless(1, undisturbed), store, tmp_path) == KILLS
    assert_same(store.uri, undisturbed)
    assert_accounted_for(store.uri)


@pytest.mark.faults
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", [2, 3, 4])
def test_a_run_with_trained_models_survives_a_quarter_of_a_hundred_kills(
    seed: int, store: Store, undisturbed: Finished, tmp_path: Path
) -> None:
    _copy_models(undisturbed, store.uri)
    assert _run_with_kills(_merciless(seed, undisturbed), store, tmp_path) == KILLS
    assert_same(store.uri, undisturbed)
    assert_accounted_for(store.uri)


def _copy_models(undisturbed: Finished, workspace: str) -> None:
    for folder in undisturbed.folders:
        if folder.startswith(TRAINED):
            upload_folder(Path(undisturbed.workspace, folder), storage.join(workspace, folder))


def _merciless(seed: int, undisturbed: Finished) -> Killer:
    return Killer(seed, KILLS, KILLS, 0.7, undisturbed.seconds_of_steps())


def _run_with_kills(killer: Killer, store: Store, place: Path, *settings: str) -> int:
    """Run to the end however often that is disturbed; return how often it was."""
    environment = run_environment(place / "scratch", store.environment)
    kills = killer.run_to_the_end(run_command("smoke", store.uri, *settings), environment, place / "run.log")
    logger.info("%d kills in %s: %s", kills, store.uri, dict(killer.kills))
    return kills
