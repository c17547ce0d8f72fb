"""Names for work of other processes: some that are gone, some that run, or ran, where nobody here sees them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from unittest import mock

from components.shared import processes
from components.shared.workspace import Workspace

GONE = 2**22 + 1  # no process has such a number
_numbers = itertools.count()


def dead_name() -> str:
    """Return a new name of a process that ran on this machine and is gone."""
    place, _, started, _ = processes.own_name().split(".")
    return f"{place}.{GONE + next(_numbers)}.{started}.a"


def name_elsewhere() -> str:
    """Return a new name of a process on another machine."""
    return f"elsewhere.{next(_numbers)}.1.a"


@contextmanager
def as_process(name: str) -> Iterator[None]:
    """Let what is opened within the block be work of that process."""
    with mock.patch.object(processes, "own_name", return_value=name):
        yield


def run_pods(run: Callable[[Workspace], str], workspace: str, num_pods: int = 3) -> str:
    """Run a step in several pods at once; return the folder that they made."""
    with ThreadPoolExecutor(num_pods) as threads:
        (folder,) = set(threads.map(lambda _: run(Workspace(workspace)), range(num_pods)))
    return folder
