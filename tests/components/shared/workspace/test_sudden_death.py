"""A step that is killed at any moment and started again makes what an undisturbed run makes."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from components.shared.records import Question
from components.shared.stores import storage
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import Manifest, read_manifest
from components.shared.workspace.tables import read_table
from tests.components.shared import slow_filter
from tests.components.shared.slow_filter import SlowFilterConfig
from tests.conftest import WriteRows
from tests.stores import Store

pytestmark = pytest.mark.slow

NUM_ROWS = 150
ROWS_PER_PART = 6
ROW_SECONDS = 0.003
SLOW_ROW_SECONDS = 0.04  # three pods take two seconds: time to be killed in, on a busy machine too


@pytest.mark.parametrize(("seed", "pods"), [(1, [1, 1, 1]), (2, [3, 3]), (3, [1, 3, 2])])
def test_killed_at_random_moments_a_step_continues_and_makes_the_same_rows(
    tmp_path: Path, write_questions: WriteRows, seed: int, pods: list[int]
) -> None:
    undisturbed = _undisturbed(tmp_path / "undisturbed", write_questions)
    workspace = Workspace(str(tmp_path / "workspace"))
    questions = write_questions(workspace, _texts(), rows_per_part=40)
    folder = Path(workspace.uri) / "slow_filter" / undisturbed.fingerprint
    moments = random.Random(seed)
    before: dict[str, tuple[bytes, int]] = {}

    for num_pods in pods:
        _kill_during_work(
            _start(workspace.uri, questions, num_pods, row_seconds=SLOW_ROW_SECONDS), folder, len(before), moments
        )
        after = _parts(folder)
        assert before.items() <= after.items(), "a finished part was touched"
        before = after
    assert 0 < len(before) < NUM_ROWS // ROWS_PER_PART, "the kills came too early or too late to show anything"
    assert all(process.wait() == 0 for process in _start(workspace.uri, questions, pods[-1], row_seconds=0))

    assert before.items() <= _parts(folder).items()
    _assert_same(workspace, str(folder), undisturbed)


def test_two_processes_on_the_same_work_make_the_rows_once(tmp_path: Path, write_questions: WriteRows) -> None:
    undisturbed = _undisturbed(tmp_path / "undisturbed", write_questions)
    workspace = Workspace(str(tmp_path / "workspace"))
    questions = write_questions(workspace, _texts(), rows_per_part=40)

    twins = [*_start(workspace.uri, questions, 1), *_start(workspace.uri, questions, 1)]

    assert [process.wait() for process in twins] == [0, 0]
    _assert_same(workspace, storage.join(workspace.uri, "slow_filter", undisturbed.fingerprint), undisturbed)


def test_a_killed_step_continues_in_an_object_store(
    remote_store: Store, tmp_path: Path, write_questions: WriteRows
) -> None:
    undisturbed = _undisturbed(tmp_path / "undisturbed", write_questions)
    workspace = Workspace(remote_store.uri)
    questions = write_questions(workspace, _texts(), rows_per_part=40)
    folder = storage.join(workspace.uri, "slow_filter", undisturbed.fingerprint)

    processes = _start(workspace.uri, questions, 2, row_seconds=SLOW_ROW_SECONDS, environment=remote_store.environment)
    while len(storage.list_names(folder)) < 6:
        assert all(process.poll() is None for process in processes)
        time.sleep(0.02)
    _kill(processes)
    finished = {name: storage.read_bytes(storage.join(folder, name)) for name in _part_names(folder)}
    slow_filter.run(
        SlowFilterConfig(workspace=workspace.uri, questions=questions, rows_per_part=ROWS_PER_PART), workspace
    )

    assert {name: storage.read_bytes(storage.join(folder, name)) for name in finished} == finished
    assert len(finished) < NUM_ROWS // ROWS_PER_PART
    _assert_same(workspace, folder, undisturbed)


def _texts() -> list[str]:
    return [f"What is {number} + 1?" for number in range(NUM_ROWS)]


def _undisturbed(place: Path, write_questions: WriteRows) -> Manifest:
    workspace = Workspace(str(place))
    questions = write_questions(workspace, _texts(), rows_per_part=40)
    config = SlowFilterConfig(workspace=workspace.uri, questions=questions, rows_per_part=ROWS_PER_PART)
    return read_manifest(slow_filter.run(config, workspace))


def _start(
    workspace: str,
    questions: str,
    num_pods: int,
    *,
    row_seconds: float = ROW_SECONDS,
    environment: Mapping[str, str] | None = None,
) -> list[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "tests.components.shared.slow_filter", "--workspace", workspace]
    command += ["--questions", questions, "--rows-per-part", str(ROWS_PER_PART), "--row-seconds", str(row_seconds)]
    return [
        subprocess.Popen(
            command,
            env=os.environ | (environment or {}),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(num_pods)
    ]


def _kill_during_work(
    processes: Sequence[subprocess.Popen[bytes]], folder: Path, num_parts: int, moments: random.Random
) -> None:
    """Kill all at a random moment after some more parts stand: in the middle of a row, of a write, of a rename."""
    enough = num_parts + moments.randint(1, 4)
    while len(_parts(folder)) < enough:
        assert any(process.poll() is None for process in processes), "the step was over before it could be killed"
        time.sleep(0.001)
    time.sleep(moments.uniform(0, 0.02))
    _kill(processes)


def _kill(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    for process in processes:
        process.wait()


def _parts(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.glob("part-*.parquet")}


def _part_names(folder: str) -> list[str]:
    return [name for name in storage.list_names(folder) if name.startswith("part-")]


def _assert_same(workspace: Workspace, folder: str, undisturbed: Manifest) -> None:
    """Each row once, as in the undisturbed run, byte for byte; the ledger and the rejects too."""
    manifest = read_manifest(folder)
    rejects = [read_table(storage.join(folder, part.rejects)).to_pylist() for part in manifest.parts if part.rejects]
    ids = [row.id for row in workspace.read(folder, Question)] + [row["id"] for rows in rejects for row in rows]
    assert sorted(ids) == sorted(f"q{number}" for number in range(NUM_ROWS))
    assert manifest.parts == undisturbed.parts
    assert (manifest.rows_in, manifest.rows_out) == (undisturbed.rows_in, undisturbed.rows_out) == (NUM_ROWS, 135)
    assert manifest.rejected == undisturbed.rejected == {"ends_in_3": 15}
