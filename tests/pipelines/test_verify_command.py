from __future__ import annotations

import json
from pathlib import Path

import pytest

from components.shared.workspace import Workspace
from pipelines.verify_command import verify
from tests.components.shared.sample_folders import create_folder, write_folder
from tests.components.shared.sample_graphs import join
from tests.conftest import WriteRows
from tests.pipelines.test_cli import scalequest


def lines_of(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.strip().splitlines()


def test_a_sound_folder_is_one_line_and_exit_code_0(
    workspace: Workspace, write_questions: WriteRows, tmp_path: Path
) -> None:
    folder = write_questions(workspace, ["a", "b"])
    result = scalequest("verify", folder, cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    (line,) = result.stdout.splitlines()
    assert line.startswith(f"{folder} is sound: 2 rows, 1 part, ")


def test_each_finding_is_a_line_and_the_exit_code_is_3(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_folder(workspace, ["", "", "bad"], 1)
    for name in ("part-00000.parquet", "part-00001.parquet"):
        Path(folder, name).write_bytes(b"[bold]")
    assert verify(folder, with_inputs=False) == 3
    lines = lines_of(capsys)
    assert ["is not a readable Parquet object" in line for line in lines] == [True, True, False]
    assert lines[2].startswith(f"{folder} is not sound: 2 findings; ")


def test_as_json_the_same_is_one_document(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_folder(workspace, ["", "bad"], 1)
    assert verify(folder, with_inputs=False, as_json=True) == 0
    told = json.loads(capsys.readouterr().out)
    (found,) = told["folders"]
    assert (told["sound"], found["folder"], found["rows"], found["findings"]) == (True, folder, 1, [])
    Path(folder, "part-00000.parquet").write_bytes(b"")
    assert verify(folder, with_inputs=False, as_json=True) == 3
    told = json.loads(capsys.readouterr().out)
    assert not told["sound"]
    assert "part-00000.parquet" in told["folders"][0]["findings"][0]


def test_an_unfinished_folder_says_which_command_finishes_it(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = create_folder(workspace, 1, 1)
    assert verify(folder.uri, with_inputs=False) == 3
    (line,) = lines_of(capsys)
    assert line.startswith(f"{folder.uri} is not finished; what exists is sound: ")
    assert line.endswith(f"1 of 1 parts (part-00000.parquet) is missing; finish it with: {folder.claim.plan.command}")


def test_all_that_a_folder_was_made_from_is_verified_where_that_is_asked_for(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    first = join(workspace, "first")
    second, third = (join(workspace, name, [first]) for name in ("second", "third"))
    last = join(workspace, "last", [second, third])
    assert verify(last, with_inputs=True) == 0
    assert [line.split(" ")[0] for line in lines_of(capsys)] == [last, second, third, first]
    Path(first, "part-00000.parquet").unlink()
    assert verify(last, with_inputs=True) == 3
    assert "part-00000.parquet is missing" in lines_of(capsys)[3]
    assert verify(last, with_inputs=False) == 0


def test_a_place_where_nothing_stands_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(str(tmp_path), with_inputs=False) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"scalequest verify: error: {tmp_path}: no folder of rows or model exists here")
