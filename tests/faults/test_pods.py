"""Pods of any number, changed between attempts, at once or killed, make the rows of one process."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Mapping
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
from tests.components.shared.other_processes import as_process, dead_name
from tests.components.shared.sample_folders import create_folder, settle, write_folder
from tests.components.shared.slow_filter import SlowFilterConfig
from tests.conftest import WriteRows
from tests.stores import Store

pytestmark = pytest.mark.slow

NUM_ROWS = 150
ROWS_PER_PART = 2  # 75 parts: more than the largest number of pods
ROW_SECONDS = 0.002

# Started by fork from a server that has loaded the step: 64 processes in a second.
processes = get_context("forkserver")
processes.set_forkserver_preload(["tests.faults.test_pods"])

Attempt = tuple[int, int]  # pods that ran one after the other, parts after which each of them died


@settings(max_examples=30)
@given(
    verdicts=st.lists(st.sampled_from(["", "empty", "cut_off"]), max_size=40),
    rows_per_part=st.integers(1, 9),
    disturbed=st.lists(st.tuples(st.integers(1, 8), st.integers(0, 4)), max_size=4),
)
def test_however_many_pods_died_the_last_one_makes_the_same_rows(
    verdicts: list[str], rows_per_part: int, disturbed: list[Attempt]
) -> None:
    with TemporaryDirectory() as one, TemporaryDirectory() as other:
        expected = _content(write_folder(Workspace(one), verdicts, rows_per_part))

        def run_pod(num_parts: int) -> OutputFolder:
            with as_process(dead_name()):
                folder = create_folder(Workspace(other), len(verdicts), rows_per_part)
            _settle_parts(folder, verdicts, num_parts)
            return folder

        for num_pods, num_parts in disturbed:
            for _ in range(num_pods):
                run_pod(num_parts)
        assert _content(run_pod(len(verdicts)).finish()) == expected


def test_the_number_of_pods_may_change_while_processes_die(tmp_path: Path, write_questions: WriteRows) -> None:
    undisturbed = _undisturbed(tmp_path / "undisturbed", write_questions)
    workspace, questions = _workspace(str(tmp_path / "workspace"), write_questions)
    folder = storage.join(workspace.uri, "slow_filter", undisturbed.name)
    for num_pods in (14, 5, 2):
        before = len(_parts(folder))
        _kill_when(_start(workspace, questions, num_pods), folder, before + 5)
        assert before < len(_parts(folder)) < 75, "killed too early or too late to show anything"
    _join(_start(workspace, questions, 6))
    assert _content(folder) == _content(str(undisturbed))


@pytest.mark.parametrize("num_pods", [3, 7, pytest.param(64, marks=pytest.mark.faults)])
def test_pods_that_run_at_once_make_each_part_once_and_all_end_well(
    num_pods: int, store: Store, tmp_path: Path, write_questions: WriteRows
) -> None:
    undisturbed = _undisturbed(tmp_path / "undisturbed", write_questions)
    workspace, questions = _workspace(store.uri, write_questions)
    folder = storage.join(store.uri, "slow_filter", undisturbed.name)

    _join(_start(workspace, questions, num_pods))

    assert _content(folder) == _content(str(undisturbed))


def test_where_all_died_just_before_the_manifest_any_pod_writes_it(
    store: Store, tmp_path: Path, write_questions: WriteRows
) -> None:
    undisturbed = _undisturbed(tmp_path / "undisturbed", write_questions)
    workspace, questions = _workspace(store.uri, write_questions)
    folder = storage.join(store.uri, "slow_filter", undisturbed.name)

    doomed = _start(workspace, questions, 3, die_before_manifest=True)
    assert [process.exitcode for process in _joined(doomed)] == [-signal.SIGKILL] * 3
    assert len(_parts(folder)) == 75
    assert not storage.exists(storage.join(folder, MANIFEST))
    _join(_start(workspace, questions, 1))

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


def _config(workspace: Workspace, questions: str, row_seconds: float = 0) -> SlowFilterConfig:
    return SlowFilterConfig(
        workspace=workspace.uri, questions=questions, rows_per_part=ROWS_PER_PART, row_seconds=row_seconds
    )


def _start(
    workspace: Workspace, questions: str, num_pods: int, *, die_before_manifest: bool = False
) -> list[BaseProcess]:
    arguments = _config(workspace, questions, ROW_SECONDS), dict(os.environ), die_before_manifest
    started = [processes.Process(target=_run, args=arguments) for _ in range(num_pods)]
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
