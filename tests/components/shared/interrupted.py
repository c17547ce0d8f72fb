"""A light step that gets SIGTERM at the n-th call or return of a function since it began: one process for each n.

``python -m tests.components.shared.interrupted FOLDER EVERY`` prints a line with n and the exit code, negative where a
signal killed it, for each ``EVERY``-th n and for the first and last ones; 0 stands for a step that is left alone.
pandas, which pyarrow loads where it meets rows, is there before: most events would be of its modules.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pandas as pd

from components.shared import stopping
from components.shared.command.step_command import run_step
from components.shared.workspace import Workspace
from tests.components.shared.sample_folders import SampleConfig, create_folder, settle, some_row

AT_THE_EDGES = 20  # events of the first and the last milliseconds


def run(config: SampleConfig, workspace: Workspace) -> str:
    """Make a folder of two parts; return its address."""
    folder = create_folder(workspace, 4, 2)
    for part in folder.missing_parts():
        for index, _ in part.rows(some_row(number) for number in range(2)):
            settle(part, index)
    return folder.finish()


class Counted:
    """Counts calls and returns of functions in the main thread; at one of them it sends SIGTERM."""

    def __init__(self, moment: int) -> None:
        self.moment, self.events = moment, 0

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        """Take note of an event."""
        self.events += 1
        if self.events == self.moment:
            os.kill(os.getpid(), signal.SIGTERM)


def in_a_child(work: Callable[[], None]) -> int:
    """Fork; return the exit code of what the child did."""
    child = os.fork()
    if not child:
        work()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def step(folder: Path, moment: int) -> None:
    """Run the step as a command, up to the end of the process; count in a file if nothing is to happen."""
    counted = Counted(moment)
    try:
        sys.setprofile(counted)
        run_step(SampleConfig, run, ["--workspace", str(folder / str(moment))])
    finally:
        sys.setprofile(None)
        (folder / f"events-{moment}").write_text(str(counted.events), encoding="ascii")


def main(folder: Path, every: int) -> None:
    """Run one step after another."""
    assert pd.__name__
    assert not stopping.requested()
    with Path(os.devnull).open("w", encoding="ascii") as nowhere:
        told = os.dup(1)
        os.dup2(nowhere.fileno(), 1)
        codes = {0: in_a_child(lambda: step(folder, 0))}
        last = int((folder / "events-0").read_text(encoding="ascii"))
        edges = {*range(1, AT_THE_EDGES), *range(last - AT_THE_EDGES, last + 1)}
        for moment in sorted(edges | set(range(1, last, every))):
            codes[moment] = in_a_child(lambda: step(folder, moment))  # noqa: B023
        os.write(told, "".join(f"{moment} {code}\n" for moment, code in codes.items()).encode())


if __name__ == "__main__":
    from tests.components.shared import interrupted  # a step has its name from its module, which is not __main__

    interrupted.main(Path(sys.argv[1]), int(sys.argv[2]))
