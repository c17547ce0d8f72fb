"""A step that is killed when some of its parts stand."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from components.shared.config import StepConfig
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from components.shared.workspace.planning import command_of
from tests.components.shared.deadly import PARTS


def check_it_continues_after_a_kill(
    run: Callable[[Any, Workspace], str], config: StepConfig, killed: StepConfig
) -> str:
    """Assert that a step which is killed behind three parts, and started again, makes the parts of an undisturbed one.

    Both configs make the same rows, in two workspaces. Returns the folder of the one that was killed.
    """
    undisturbed = run(config, Workspace(config.workspace))
    standing = kill_behind_parts(killed, 3)
    assert len(standing) == 3
    folder = run(killed, Workspace(killed.workspace))
    assert {path: path.stat().st_mtime_ns for path in standing} == standing, "finished parts are kept untouched"
    assert read_manifest(folder).parts == read_manifest(undisturbed).parts
    return folder


def kill_behind_parts(config: StepConfig, number: int) -> dict[Path, int]:
    """Run a step as a command that dies as it writes the next part; return those that stand, and when each was written.

    Its workspace is a directory, in which the step has no other unfinished folder.
    """
    command = [sys.executable, "-m", "tests.components.shared.deadly", config.step]
    done = subprocess.run(
        [*command, *shlex.split(command_of(config))[3:]],
        env=os.environ | {PARTS: str(number)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr
    folders = Path(config.workspace, config.step).iterdir()
    (folder,) = (each for each in folders if not (each / "_manifest.json").exists())
    return {path: path.stat().st_mtime_ns for path in sorted(folder.glob("part-*.parquet"))}
