"""Machines whose clocks differ by years make the same folders: no row, address or decision depends on a clock."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from components.shared.upkeep.garbage import survey
from components.shared.upkeep.verification import verify_folder
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import Manifest, read_manifest
from tests.components.rejects import read_content
from tests.conftest import WriteRows
from tests.source_tree import ROOT

YEAR = 365 * 24 * 3600


def run(workspace: Workspace, questions: str, clock: float) -> str:
    """Run the filter of the tests on a machine whose clock is so many seconds ahead."""
    command = [sys.executable, "-m", "tests.components.shared.shifted_clock", str(clock)]
    command += ["tests.components.shared.slow_filter", "SlowFilterConfig"]
    command += ["--workspace", workspace.uri, "--questions", questions, "--rows-per-part", "2"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    return result.stdout.strip()


def timeless(manifest: Manifest) -> Manifest:
    manifest.metrics.clear()
    return Manifest(**{**vars(manifest), "written_at": ""})


@pytest.mark.parametrize("ahead", [-YEAR, YEAR])
def test_the_same_rows_at_the_same_address_whatever_the_clock_says(
    workspace: Workspace, tmp_path: Path, write_questions: WriteRows, ahead: float
) -> None:
    questions = write_questions(workspace, list("abcde"))
    one = run(workspace, questions, 0)
    other = run(Workspace(str(tmp_path / "other")), questions, ahead)
    assert one.split("/")[-2:] == other.split("/")[-2:]
    assert timeless(read_manifest(one)) == timeless(read_manifest(other))
    assert read_content(one) == read_content(other)
    written = datetime.fromisoformat(read_manifest(other).written_at)
    assert abs(written - datetime.now(UTC) - timedelta(seconds=ahead)) < timedelta(minutes=10), "the clock was shifted"


def test_pods_on_machines_whose_clocks_differ_finish_one_folder(
    workspace: Workspace, write_questions: WriteRows
) -> None:
    questions = write_questions(workspace, list("abcdefg"))
    with ThreadPoolExecutor(3) as threads:
        (folder,) = set(threads.map(lambda clock: run(workspace, questions, clock), (YEAR, -YEAR, 0)))
    assert verify_folder(folder).sound
    before = {path: path.stat().st_mtime_ns for path in Path(folder).rglob("*")}
    assert run(workspace, questions, YEAR) == folder
    assert {path: path.stat().st_mtime_ns for path in Path(folder).rglob("*")} == before, "it was found and reused"


def test_what_is_garbage_is_told_by_the_stores_clock_alone(workspace: Workspace, write_questions: WriteRows) -> None:
    folder = run(workspace, write_questions(workspace, ["a"]), 0)
    program = (
        "import sys; from tests.components.shared.shifted_clock import shift_clock; shift_clock(float(sys.argv[1]));"
        "from components.shared.upkeep.garbage import survey; print(sorted({f.status for f in survey(sys.argv[2])}))"
    )
    for clock in (-YEAR, YEAR):
        command = [sys.executable, "-c", program, str(clock), workspace.uri]
        result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True, env={**os.environ})
        assert result.stdout.strip() == "['needed', 'young']"
    assert {finding.status for finding in survey(workspace.uri)} == {"needed", "young"}
    assert verify_folder(folder).sound
