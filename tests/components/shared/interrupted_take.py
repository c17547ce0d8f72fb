"""SIGTERM at each call and return while a process takes a part: prints the deaths that the next one counts for it.

Run as a module with a FOLDER, it prints a line for each process: its exit code and the number of deaths.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from components.shared import stopping
from components.shared.errors import ExitCode
from components.shared.stores import storage
from components.shared.stores.inventory import list_objects
from components.shared.workspace import Workspace
from components.shared.workspace._attempts import judge, read_attempts, work_of
from components.shared.workspace._leases import LEASES
from tests.components.shared.interrupted import Counted, in_a_child
from tests.components.shared.sample_folders import create_folder


def take(uri: str, moment: int) -> None:
    """Take the first part with a signal at that moment, release what is held, and end."""
    workspace = Workspace(uri)
    folder = create_folder(workspace, 2, 2)
    try:
        with stopping.listening():
            sys.setprofile(Counted(moment))
            folder.leases.take(work_of(0))
            sys.setprofile(None)
            os.kill(os.getpid(), signal.SIGTERM)  # it took fewer calls than the one that was counted
    except stopping.Stopped:
        sys.setprofile(None)
        workspace.release()
        os._exit(ExitCode.STOPPED)


def num_events(uri: str) -> int:
    """Return how many calls and returns it has to take a part."""
    counted = Counted(0)
    folder = create_folder(Workspace(uri), 2, 2)
    sys.setprofile(counted)
    folder.leases.take(work_of(0))
    sys.setprofile(None)
    return counted.events


def deaths(uri: str) -> int:
    """Return how often the next process takes the one that had the part for dead."""
    folder = create_folder(Workspace(uri), 2, 2)
    attempts = read_attempts(list_objects(storage.join(folder.uri, LEASES)))
    return judge(attempts, lambda *_: True).parts[work_of(0)]


if __name__ == "__main__":
    stopping.LIMIT_SECONDS = 600
    for moment in range(1, num_events(str(Path(sys.argv[1], "0")))):
        uri = str(Path(sys.argv[1], str(moment)))
        code = in_a_child(lambda: take(uri, moment))  # noqa: B023
        sys.stdout.write(f"{code} {deaths(uri)}\n")
        sys.stdout.flush()
