from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from components.compare_solvers.config import CompareSolversConfig
from components.compare_solvers.step import run as compare_solvers
from components.shared.errors import ExitCode
from components.shared.workspace import Workspace, output_folders
from components.shared.workspace.costs import costs_of
from components.shared.workspace.lineage import stages_of
from pipelines.show_command import show_folder
from pipelines.verify_command import verify
from tests.components.compare_solvers.evaluations import BASE, evaluations, write_evaluation
from tests.components.shared.publishing.test_hub import dataset
from tests.conftest import WriteRows
from tests.pipelines.test_asked_model import write_model


def table(workspace: Workspace) -> str:
    evaluation = write_evaluation(workspace, evaluations("+-+-"), BASE)
    return compare_solvers(CompareSolversConfig(workspace=workspace.uri, evaluations=evaluation), workspace)


def test_of_a_workspace_both_the_dataset_and_the_table_of_solvers_are_shown(
    workspace: Workspace, write_rows: WriteRows, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    compared = table(workspace)
    assert show_folder(workspace.uri, 1) == ExitCode.DONE
    alone = capsys.readouterr().out
    assert ["folder", compared] in map(str.split, alone.splitlines())
    made = dataset(workspace, write_rows)
    assert show_folder(workspace.uri, 1) == ExitCode.DONE
    both = capsys.readouterr().out
    assert ["folder", made] in map(str.split, both.splitlines())
    assert both.endswith(f"\n\n{alone}")


@pytest.mark.parametrize("command", [lambda address: show_folder(address, 1), lambda address: verify(address, False)])
def test_of_a_workspace_without_either_the_finished_folders_are_named(
    command: Callable[[str], int], workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    models = [write_model(workspace, step) for step in ("import_model", "train_sft")]
    assert command(workspace.uri) == ExitCode.BAD_INPUT
    said = f"is a workspace without a finished dataset; give one of the folders there: {', '.join(models)}\n"
    assert said in capsys.readouterr().err


def test_a_folder_of_something_else_is_no_workspace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine").mkdir()
    assert show_folder(str(tmp_path), 1) == ExitCode.BAD_INPUT
    assert "no folder of rows or model exists here" in capsys.readouterr().err


def test_rows_of_an_evaluation_are_found_by_their_verdict(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluation = write_evaluation(workspace, evaluations(["--", "+?", "--", "??"]), BASE)
    assert show_folder(evaluation, 9, "not_compared") == ExitCode.DONE
    shown = capsys.readouterr().out
    assert [number for number in range(4) if f"What is {number} + {number}" in shown] == [1, 3]
    assert show_folder(evaluation, 1, "not_compared") == ExitCode.DONE
    assert "What is 3 + 3" not in capsys.readouterr().out
    assert show_folder(table(workspace), 1, "right") == ExitCode.BAD_INPUT
    assert "--verdict right: " in (said := capsys.readouterr().err)
    assert "holds score rows; expected a folder of evaluate" in said


def test_of_a_dataset_is_shown_what_its_stages_took_and_each_row(
    workspace: Workspace, write_rows: WriteRows, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.setattr(output_folders, "num_held", lambda _: 3600)
    costs = costs_of(stages_of(dataset(workspace, write_rows)))
    assert costs.gpu_hours > 0
    show_folder(workspace.uri, 0)
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert [line.split()[4:7] for line in lines if line.startswith("stage ")] == [["out", "seconds", "GPU-hours"]]
    assert f"all stages took  {costs.sentence}" in lines
    (each,) = [line for line in lines if line.startswith("for each row")]
    assert "GPU-seconds" in each
