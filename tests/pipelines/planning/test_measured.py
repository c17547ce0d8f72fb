from __future__ import annotations

import pytest

from components.shared.workspace import Workspace
from pipelines.planning import measured
from pipelines.planning.measured import MeasuredWork
from tests.conftest import GivenRowsConfig
from tests.dated_folders import dated_folders


def test_a_plan_counts_with_the_newest_of_many_folders(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    dated = dated_folders(workspace)
    monkeypatch.setattr(measured, "FOLDERS", 1)
    nearest = MeasuredWork(workspace.uri).nearest("given_rows", GivenRowsConfig(workspace="w", content="f"))
    assert nearest is not None
    assert nearest.name == f"given_rows/{dated[0]}"
