"""Shards of any number, changed between attempts, missing, doubled or killed, make the rows of one process."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterable, Iterator, Mapping
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.shared.records import Question
from components.shared.stores import storage
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import MANIFEST, read_manifest
from components.shared.workspace.output_folders import OutputFolder
from components.shared.workspace.rows import Rows
from tests.components.shared import slow_filter
from tests.components.shared.sample_folders import create_folder, settle, write_folder
from tests.components.shared.slow_filter import SlowFilterConfig
from tests.conftest import WriteRows
from tests.stores import Store

pytestmark = pytest.mark.slow

NUM_ROWS = 150
ROWS_PER_PART = 2  # 75 parts: more than the largest number of shards
ROW_SECONDS = 0.002

# Started by fork from a server that has loaded the step: 64 processes in a second.
processes = get_context("forkserver")
processes.set_forkserver_preload(["tests.faults.test_shards"])

Attempt = tuple[int, list[int], int]  # number of shards, those that run, parts after which each of them dies


@st.composite
def attempts(draw: st.DrawFn) -> list[Attempt]:
    """Attempts at one folder: each with shards of its own, some missing, some double, each dying after some parts."""
    drawn = []
    for num_shards in draw(st.lists(st.sampled_from([1, 3, 7, 64]), max_size=4)):
        running = draw(st.lists(st.integers(0, num_shards - 1), max_size=8))
        drawn.append((num_shards, running, draw(st.integers(0, 4))))
    return drawn


@settings(max_examples=30)
@given(
    verdicts=st.lists(st.sampled_from(["", "empty", "cut_off"]), max_size=40),
    rows_per_part=st.integers(1, 9),
    disturbed=attempts(),
    last=st.sampled_from([1, 3, 7, 64]),
)
def test_whatever_shards_died_or_never_ran_the_last_ones_make_the_same_rows(
    verdicts: list[str], rows_per_part: int, disturbed: list[Attempt], last: int
) -> None:
    with TemporaryDirectory() as one, TemporaryDirectory() as other:
        expected = _content(write_folder(Workspace(one), verdicts, rows_per_part))

        def run_shard(shard: int, num_shards: int, num_parts: int) -> OutputFolder:
            numbers = {"shard": shard, "num_shards": num_shards}
            folder = create_folder(Workspace(other), len(verdicts), rows_per_part, **numbers)
            _settle_parts(folder, verdicts, num_parts)
            return folder

        for num_shards, running, num_parts in disturbed:
            for shard in running:
                run_shard(shard, num_shards, num_parts)
        addresses = [run_shard(shard, last, len(verdicts)).finish() for shard in range(last)]
        assert _content(addresses[0]) == expected


def test_the_number_of_shards_may_change_while_processes_die_and_double(
    tmp_path: Path, write_questions: WriteRows
) -> None:
    undisturbed = _undisturbed(tmp_path / "undisturbed", write_questions)
    workspace, questions = _workspace(str(tmp_path / "workspace"), write_questions)
    folder = storage.join(workspace.uri, "slow_filter", undisturbed.name)
    moments = random.Random(0)
    for num_shards, missing in ((64, 50), (7, 2), (3, 1)):
        shards = moments.sample(range(num_shards), num_shards - missing)
        before = len(_parts(folder))
        _kill_when(_start(workspace, questions, [*shards, shards[0]], num_shards), folder, before + 5)
        assert before < len(_parts(folder)) < 75, "killed too early or too late to show anything"
    _join(_start(workspace, questions, [0, 1, 2, 2, 1, 0], 3))
    assert _content(folder) == _content(str(undisturbed))


@pytest.mark.parametrize("num_shards", [3, 7, pytest.param(64, marks=pytest.mark.faults)])
def test_shards_that_run_at_once_write_the_manifest_when_the_last_is_done(
    num_shards: int, store: Store, tmp_path: Path, write_questions: WriteRows
) -> None:
    undisturbed = _undisturbed(tmp_path / "undisturbed", write_questions)
    workspace, questions = _workspace(store.uri, write_questions)
    folder = storage.join(store.uri, "slow_filter", undisturbed.name)

    _join(_start(workspace, questions, range(1, num_shards), num_shards))
    assert not storage.exists(storage.join(folder, MANIFEST)), "one shard is still missing"
    _join(_start(workspace, questions, [0, 0], num_shards))

    assert _content(folder) == _content(str(undisturbed))


def test_where_all_died_just_before_the_manifest_any_shard_writes_it(
    store: Store, tmp_path: Path, write_questions: WriteRows
) -> None:
    undisturbed = _undisturbed(tmp_path / "undisturbed", write_questions)
    workspace, questions = _workspace(store.uri, write_questions)
    folder = storage.join(store.uri, "slow_filter", undisturbed.name)

    doomed = _start(workspace, questions, range(3), 3, die_before_manifest=True)
    assert [process.exitcode for process in _joined(doomed)] == [-signal.SIGKILL] * 3
    assert len(_parts(folder)) == 75
    assert not storage.exists(storage.join(folder, MANIFEST))
    _join(_start(workspace, questions, [5], 7))

    assert _content(folder) == _content(str(undisturbed))


def _settle_parts(folder: OutputFolder, verdicts: list[str], num_parts: int) -> None:
    """Make the first of the missing parts and half of the next one, as a process does that dies then."""
    for number, part in enumerate(folder.missing_parts()):
        for index in range(len(part) if number < num_parts else len(part) // 2):
            settle(part, index, verdicts[part.slice.start + index])
        if number >= num_parts:
            return


def _workspace(uri: str, write_questions: WriteRows) -> tuple[Workspace, str]:
    workspace = Workspace(uri)
    return workspace, write_questions(workspace, [f"What is {n} + 1?" for n in range(NUM_ROWS)], rows_per_part=40)


def _undisturbed(place: Path, write_questions: WriteRows) -> Path:
    workspace, questions = _workspace(str(place), write_questions)
    return Path(slow_filter.run(_config(workspace, questions), workspace))


def _config(workspace: Workspace, questions: str, shard: int = 0, num_shards: int = 1) -> SlowFilterConfig:
    return SlowFilterConfig(
        workspace=workspace.uri,
        questions=questions,
        rows_per_part=ROWS_PER_PART,
        row_seconds=ROW_SECONDS if num_shards > 1 else 0,
        shard=shard,
        num_shards=num_shards,
    )


def _start(
    workspace: Workspace, questions: str, shards: Iterable[int], num_shards: int, *, die_before_manifest: bool = False
) -> list[BaseProcess]:
    configs = [_config(workspace, questions, shard, num_shards) for shard in shards]
    started = [
        processes.Process(target=_run, args=(config, dict(os.environ), die_before_manifest)) for config in configs
    ]
    for process in started:
        process.start()
    return list(started)


def _run(config: SlowFilterConfig, environment: Mapping[str, str], die_before_manifest: bool) -> None:
    os.environ.update(environment)  # the server was started before the test chose its store
    if die_before_manifest:
        OutputFolder.finish = _die  # type: ignore[method-assign, assignment]
    slow_filter.run(config, Workspace(config.workspace))


def _die(folder: OutputFolder, metrics: Mapping[str, float] | None = None) -> str:
    os.kill(os.getpid(), signal.SIGKILL)
    return ""


def _join(started: list[BaseProcess]) -> None:
    assert [process.exitcode for process in _joined(started)] == [0] * len(started)


def _joined(started: list[BaseProcess]) -> Iterator[BaseProcess]:
    for process in started:
        process.join()
        yield process


def _kill_when(started: list[BaseProcess], folder: str, num_parts: int) -> None:
    """Kill all once so many parts stand."""
    while len(_parts(folder)) < num_parts:
        assert any(process.is_alive() for process in started), "all were done before they could be killed"
        time.sleep(0.002)
    for process in started:
        process.kill()
    list(_joined(started))


def _parts(folder: str) -> list[str]:
    return [name for name in storage.list_names(folder) if name.startswith("part-")]


def _content(folder: str) -> tuple[object, ...]:
    manifest = read_manifest(folder)
    ids = [row.id for row in Rows([folder], Question)]
    return manifest.parts, manifest.rows_in, manifest.rows_out, manifest.rejected, ids
