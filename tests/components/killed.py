"""A step that is killed when some of its parts stand."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

from components.shared.config import StepConfig
from components.shared.workspace.planning import command_of
from tests.components.shared.deadly import PARTS


def kill_behind_parts(config: StepConfig, number: int) -> dict[Path, int]:
    """Run a step as a command that dies as it writes the next part; return those that stand, and when each was written.

    Its workspace is a directory.
    """
    command = [sys.executable, "-m", "tests.components.shared.deadly", config.step]
    done = subprocess.run(
        [*command, *shlex.split(command_of(config))[3:]],
        env=os.environ | {PARTS: str(number)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr
    (folder,) = Path(config.workspace, config.step).iterdir()
    assert not (folder / "_manifest.json").exists()
    return {path: path.stat().st_mtime_ns for path in sorted(folder.glob("part-*.parquet"))}
