"""A workspace on a disk that fills up: nothing half-written can be read, and the step continues once there is room."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from components.shared.workspace.tables import read_table
from tests.components.shared import slow_filter
from tests.components.shared.slow_filter import SlowFilterConfig
from tests.conftest import WriteRows

# In a mount namespace of its own: the disk is small, and gone with the process.
_IN_NAMESPACE = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
_MOUNT = 'mount -t tmpfs -o size=768k none "$1" && shift && exec "$@"'
_SCENARIO = """
import shutil, subprocess, sys
disk, copies, *step = sys.argv[1:]
with open(f"{disk}/of-others", "wb") as file:
    file.write(bytes(600_000))
for attempt in ("full", "freed"):
    result = subprocess.run([*step, "--workspace", f"{disk}/workspace"], capture_output=True, text=True)
    shutil.copytree(f"{disk}/workspace/slow_filter", f"{copies}/{attempt}")
    open(f"{copies}/{attempt}.txt", "w").write(f"{result.returncode}\\n{result.stderr}")
    if attempt == "full":
        import os
        os.remove(f"{disk}/of-others")
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> list[str]:
    """The beginning of a command that runs with a disk of 768 KiB mounted on ``tmp_path / "disk"``."""
    command = [*_IN_NAMESPACE, _MOUNT, "sh", str(tmp_path / "disk")]
    (tmp_path / "disk").mkdir()
    if subprocess.run([*command, "true"], check=False, capture_output=True).returncode:
        pytest.skip("small disks cannot be made here")
    return command


def test_a_disk_that_fills_up_ends_a_step_in_one_message_and_it_continues_once_there_is_room(
    small_disk: list[str], tmp_path: Path, write_questions: WriteRows
) -> None:
    outside = Workspace(str(tmp_path / "outside"))
    questions = write_questions(outside, [f"What is {number} + 1?" for number in range(40)])
    undisturbed = slow_filter.run(
        SlowFilterConfig(workspace=outside.uri, questions=questions, rows_per_part=1), outside
    )
    step = [sys.executable, "-m", "tests.components.shared.slow_filter", "--questions", questions]

    scenario = [*small_disk, sys.executable, "-c", _SCENARIO, str(tmp_path / "disk"), str(tmp_path)]
    subprocess.run([*scenario, *step, "--rows-per-part", "1"], check=True)

    code, *lines = (tmp_path / "full.txt").read_text().splitlines()
    (message,) = [line for line in lines if " INFO " not in line]
    assert code == "2"
    assert f": error: {tmp_path}/disk/workspace/slow_filter/" in message
    assert "no space is left" in message
    assert message.endswith("free some and start again: what was written is kept")
    folder = Path(undisturbed).name
    parts = sorted((tmp_path / "full" / folder).glob("part-*.parquet"))
    assert 0 < len(parts) < 40
    assert all(part.read_bytes() == (tmp_path / "freed" / folder / part.name).read_bytes() for part in parts)
    assert {read_table(str(part)).num_rows for part in parts} == {0, 1}
    assert not list((tmp_path / "full").rglob(".*")), "temporary files were left"
    assert (tmp_path / "freed.txt").read_text().startswith("0\n")
    assert read_manifest(str(tmp_path / "freed" / folder)).parts == read_manifest(undisturbed).parts
