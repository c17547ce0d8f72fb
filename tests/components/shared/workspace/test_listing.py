from __future__ import annotations

import os
from pathlib import Path

from components.shared.workspace import Workspace
from components.shared.workspace.listing import finished_names, newest_names
from components.shared.workspace.manifests import MANIFEST
from components.shared.workspace.plans import PLAN
from tests.dated_folders import dated_folders


def test_of_many_folders_the_ones_begun_or_finished_last_are_named(workspace: Workspace) -> None:
    dated, place = dated_folders(workspace), f"{workspace.uri}/given_rows"
    assert newest_names(place, 3) == [dated[0], dated[4], dated[3]]
    assert sorted(newest_names(place, 5)) == sorted(dated)
    assert newest_names(f"{workspace.uri}/none", 5) == []


def test_of_folders_of_one_moment_the_last_by_name_are_taken_and_none_that_is_not_begun(workspace: Workspace) -> None:
    dated, place = dated_folders(workspace), f"{workspace.uri}/given_rows"
    for path in (Path(place, name, each) for name in dated for each in (PLAN, MANIFEST)):
        os.utime(path, (1e9, 1e9))
    Path(place, "f" * 16).mkdir()
    Path(place, "f" * 16, "part-00000.parquet").touch()
    assert newest_names(place, 3) == sorted(dated, reverse=True)[:3]


def test_finished_folders_are_named_by_when_they_were_finished(workspace: Workspace) -> None:
    dated, place = dated_folders(workspace), f"{workspace.uri}/given_rows"
    Path(place, dated[3], MANIFEST).unlink()
    assert finished_names(place) == [dated[0], dated[4], dated[2], dated[1]]
    assert finished_names(f"{workspace.uri}/none") == []
