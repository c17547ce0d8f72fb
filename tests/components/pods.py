"""A step in several pods, against the same in one process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from components.shared.workspace import Workspace
from tests.components.rejects import read_content
from tests.components.shared.other_processes import run_pods


def check_pods_make_the_rows_of_one(
    folder: Path, write: Callable[[Workspace], str], run: Callable[[Workspace, str], str]
) -> None:
    """Assert that three pods at once, and a start after them, make one folder with the rows that one process makes.

    ``write`` makes the input in a workspace, and ``run`` is the step with it.
    """
    one, three = (Workspace(str(folder / name)) for name in ("one", "three"))
    expected = run(one, write(one))
    given = write(three)
    made = run_pods(lambda pod: run(pod, given), three.uri)
    assert run(three, given) == made
    assert read_content(made) == read_content(expected)
