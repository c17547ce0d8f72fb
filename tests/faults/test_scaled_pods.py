"""Pods whose number changes while they work on one folder, some killed and some evicted, make the rows of one pod."""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.shared.errors import ExitCode
from components.shared.records import Question
from components.shared.stores import storage
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import MANIFEST, read_manifest
from components.shared.workspace.rows import Rows
from tests.components.shared import slow_filter
from tests.components.shared.slow_filter import SlowFilterConfig
from tests.conftest import WriteRows
from tests.faults.sameness import assert_accounted_for
from tests.faults.scaled_pods import ScaledPods
from tests.stores import Store

pytestmark = pytest.mark.slow

ROWS_PER_PART = 2
KILLS = 100
MOST_PODS = 8
# Parts over which two pods died are left for the end: killing ends while there are others.
SPARED_PARTS = 100


@pytest.fixture
def scaled(tmp_path: Path) -> Iterator[list[ScaledPods]]:
    """Where a test puts its pods, so that none is left behind."""
    started: list[ScaledPods] = []
    yield started
    for pods in started:
        pods.end()


@pytest.mark.timeout(600)
def test_one_then_eight_then_three_pods_with_kills_and_an_eviction_make_the_rows_of_one(
    store: Store, tmp_path: Path, write_questions: WriteRows, scaled: list[ScaledPods]
) -> None:
    folder, undisturbed, pods = _begin(store, tmp_path, write_questions, num_parts=120)
    scaled.append(pods)

    pods.scale(1)
    pods.until(lambda: _num_parts(folder) >= 5)
    pods.scale(8)
    pods.until(lambda: _num_parts(folder) >= 20)
    pods.kill(0)
    pods.kill(5)
    pods.until(lambda: _num_parts(folder) >= 40)
    pods.evict(2)
    pods.until(lambda: _num_parts(folder) >= 60)
    pods.scale(3)
    pods.until(lambda: _num_parts(folder) >= 70)
    pods.kill(1)
    pods.finish()

    assert pods.most_at_once == MOST_PODS
    stopped = pods.ends[ExitCode.STOPPED] + pods.ends[-signal.SIGTERM]  # one that has only just begun has no handler
    assert (pods.ends[-signal.SIGKILL], stopped, pods.ends[ExitCode.DONE]) == (3, 6, 3), pods.ends
    assert _content(folder) == _content(undisturbed)
    assert_accounted_for(store.uri)


@pytest.mark.faults
@pytest.mark.timeout(1800)
def test_a_hundred_kills_over_pods_of_changing_number_lose_no_row_and_double_none(
    store: Store, tmp_path: Path, write_questions: WriteRows, scaled: list[ScaledPods]
) -> None:
    num_parts = 2 * KILLS + SPARED_PARTS
    folder, undisturbed, pods = _begin(store, tmp_path, write_questions, num_parts)
    scaled.append(pods)
    draws = random.Random(13)

    for number in range(KILLS):
        if number % 5 == 0:
            pods.scale(draws.randint(1, MOST_PODS))
        written = _num_parts(folder)
        pods.until(lambda written=written: _num_parts(folder) > written)  # type: ignore[misc]
        pods.kill(draws.randrange(pods.number))
    assert _num_parts(folder) <= num_parts - SPARED_PARTS // 2, "the last kills were over parts that are tried alone"
    pods.finish()

    assert pods.ends[-signal.SIGKILL] == KILLS
    assert _content(folder) == _content(undisturbed)
    assert_accounted_for(store.uri)


def _begin(store: Store, place: Path, write_questions: WriteRows, num_parts: int) -> tuple[str, str, ScaledPods]:
    """Make the rows undisturbed in one pod; return the folder to be, that one, and pods that have not begun."""
    texts = [f"What is {n} + 1?" for n in range(num_parts * ROWS_PER_PART)]
    alone, shared = Workspace(str(place / "undisturbed")), Workspace(store.uri)
    undisturbed = slow_filter.run(_config(alone, write_questions(alone, texts)), alone)
    config = _config(shared, write_questions(shared, texts), row_seconds=0.02)
    folder = storage.join(shared.uri, "slow_filter", undisturbed.rpartition("/")[2])
    assert not storage.exists(storage.join(folder, MANIFEST))
    options = ["--workspace", config.workspace, "--questions", config.questions]
    options += ["--rows-per-part", str(config.rows_per_part), "--row-seconds", str(config.row_seconds)]
    return folder, undisturbed, ScaledPods(options, place / "pods.log")


def _config(workspace: Workspace, questions: str, row_seconds: float = 0.0) -> SlowFilterConfig:
    return SlowFilterConfig(
        workspace=workspace.uri, questions=questions, rows_per_part=ROWS_PER_PART, row_seconds=row_seconds
    )


def _num_parts(folder: str) -> int:
    return sum(name.startswith("part-") for name in storage.list_names(folder))


def _content(folder: str) -> tuple[object, ...]:
    manifest = read_manifest(folder)
    ids = [row.id for row in Rows([folder], Question)]
    assert len(set(ids)) == len(ids)
    return manifest.parts, manifest.rows_in, manifest.rows_out, manifest.rejected, ids
