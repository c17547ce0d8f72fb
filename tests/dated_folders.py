"""Folders of one step whose times are known."""

from __future__ import annotations

import time
from pathlib import Path

from components.shared.records import Question
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import MANIFEST
from components.shared.workspace.plans import PLAN, Slice
from tests.conftest import GivenRowsConfig


def dated_folders(workspace: Workspace) -> list[str]:
    """Write five folders of a step, begun against the order of their names; the oldest one was finished last.

    Returns their names, the oldest first.
    """
    for content in "abcde":
        config = GivenRowsConfig(workspace=workspace.uri, content=content)
        folder = workspace.open(config).begin_rows(Question, [Slice(start=0, stop=1)])
        for part in folder.missing_parts():
            part.settle(0, kept=[Question(id=content, question="1+1?")])
        folder.finish()
    names = sorted((Path(path) for path in Path(workspace.uri, "given_rows").iterdir()), reverse=True)
    for path in (*(each / name for each in names for name in (PLAN, MANIFEST)), names[0] / MANIFEST):
        time.sleep(0.01)  # more than a file system's clock takes for one moment
        path.touch()
    return [path.name for path in names]
