from __future__ import annotations

import logging

import pytest

from components.shared.records import Question
from components.shared.workspace import Workspace
from components.shared.workspace.reused_lines import reused_in
from tests.conftest import GivenRowsConfig, WriteRows

ROW = Question(id="q", question="1+1?")


@pytest.mark.parametrize("place", ["runs", "my runs"])
def test_a_folder_that_was_found_finished_is_known_by_the_log(
    place: str, workspace: Workspace, write_rows: WriteRows, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    workspace = Workspace(f"{workspace.uri}/{place}")
    folder = write_rows(workspace, [ROW])
    assert not reused_in(caplog.text)
    workspace.open(GivenRowsConfig(workspace=workspace.uri, content=repr([ROW])))
    assert reused_in(caplog.text) == {folder.removeprefix(f"{workspace.uri}/")}


def test_a_step_that_nothing_is_left_to_do_for_says_so_of_its_folder_alone() -> None:
    folder = f"import_model/{'0f' * 8}"
    log = f"x: reused gs://bucket/{folder}: this task has nothing to do\nx: {folder} cannot be reused, it differs\n"
    assert reused_in(log) == {folder}
