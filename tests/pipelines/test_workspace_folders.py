from __future__ import annotations

import time
from pathlib import Path

import pytest

from components.shared.records import Question
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import MANIFEST
from components.shared.workspace.plans import PLAN, Slice
from pipelines.planning import measured
from pipelines.planning.measured import MeasuredWork
from pipelines.workspace_folders import newest_names
from tests.conftest import GivenRowsConfig


@pytest.fixture
def dated(workspace: Workspace) -> list[str]:
    """Five folders of a step, begun against the order of their names; the oldest one was finished last."""
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


def test_of_many_folders_the_ones_begun_or_finished_last_are_named(workspace: Workspace, dated: list[str]) -> None:
    place = f"{workspace.uri}/given_rows"
    assert newest_names(place, 3) == [dated[0], dated[4], dated[3]]
    assert sorted(newest_names(place, 5)) == sorted(dated)
    assert newest_names(f"{workspace.uri}/none", 5) == []


def test_a_plan_counts_with_the_newest_of_many_folders(
    workspace: Workspace, dated: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measured, "FOLDERS", 1)
    nearest = MeasuredWork(workspace.uri).nearest("given_rows", GivenRowsConfig(workspace="w", content="f"))
    assert nearest is not None
    assert nearest.name == f"given_rows/{dated[0]}"
