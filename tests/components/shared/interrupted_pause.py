"""SIGTERM at each call and return within a pause of a process that is writing: prints the exit code of each process."""

from __future__ import annotations

import os
import sys

from components.shared import stopping
from components.shared.errors import ExitCode
from tests.components.shared.interrupted import Counted, in_a_child


def pause(moment: int) -> None:
    """Pause, with a signal at that moment, and again for longer than anybody waits; end."""
    try:
        with stopping.listening(), stopping.deferred():
            sys.setprofile(Counted(moment))
            stopping.pause(0.05)
            sys.setprofile(None)
            stopping.pause(600)
    except stopping.Stopped:
        os._exit(ExitCode.STOPPED)


def num_events() -> int:
    """Return how many calls and returns a pause has."""
    counted = Counted(0)
    sys.setprofile(counted)
    stopping.pause(0.05)
    sys.setprofile(None)
    return counted.events


if __name__ == "__main__":
    stopping.LIMIT_SECONDS = 600
    for moment in range(1, num_events()):
        sys.stdout.write(f"{in_a_child(lambda: pause(moment))}\n")  # noqa: B023
        sys.stdout.flush()
