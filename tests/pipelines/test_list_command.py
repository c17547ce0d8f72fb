"""What `scalequest list`, `logs` and `show` tell of a workspace in which a run is, or was, at work."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from components.filter_language.config import FilterLanguageConfig
from components.shared.errors import ExitCode
from components.shared.processes import host
from components.shared.records import Question
from components.shared.redaction import MASK
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import MANIFEST
from components.shared.workspace.plans import PLAN, Slice
from components.shared.workspace.run_records import RunRecorder
from pipelines.list_command import list_workspace
from pipelines.logs_command import show_logs
from pipelines.show_command import show_folder
from tests.components.shared.sample_folders import write_folder
from tests.components.shared.workspace.test_run_records import end
from tests.store_calls import counted_calls


def begin(workspace: str, directory: Path) -> RunRecorder:
    """Begin a run of two steps, the first of which is done."""
    recorder = RunRecorder(
        workspace, preset="smoke", pipeline="scalequest", num_steps=2, command="scalequest run smoke"
    )
    recorder.keep_log("001-import_questions.log", b"\x1b[31mread\n", directory=str(directory), exit_code=0)
    return recorder


def test_runs_and_folders_are_listed_with_date_rows_and_state(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    finished, unfinished = finished_and_unfinished(workspace)
    run = begin(workspace.uri, tmp_path)
    assert list_workspace(workspace.uri) == ExitCode.DONE
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == "run began steps done state"
    assert lines[1] == f"{run.record.name} {run.record.began_at[:16].replace('T', ' ')} 1 of 2 running on {host()}"
    by_folder = {line.split()[0]: line for line in lines[3:]}
    assert by_folder[finished].endswith(" 2 1 finished; rejected bad 1")
    assert " 3 in the making; 1 of 3 parts, " in by_folder[unfinished]
    end(run, 2, "generate: error: no such model")
    list_workspace(workspace.uri)
    assert " 1 of 2      failed: generate: error: no such model\n" in capsys.readouterr().out


def finished_and_unfinished(workspace: Workspace) -> tuple[str, str]:
    """Make a folder, and a third of another one that this process goes on holding; return them as step/fingerprint."""
    finished = write_folder(workspace, ["", "bad"], 2)
    config = FilterLanguageConfig(workspace=workspace.uri, questions=finished, rows_per_part=1)
    folder = workspace.open(config).begin_rows(Question, [Slice(start=n, stop=n + 1) for n in range(3)])
    parts = folder.missing_parts()
    next(parts).settle(0, kept=[Question(id="a", question="a")])
    next(parts)
    return finished.removeprefix(f"{workspace.uri}/"), folder.uri.removeprefix(f"{workspace.uri}/")


@pytest.mark.parametrize("command", [list_workspace, lambda uri: show_folder(uri, 0)], ids=["list", "show"])
def test_a_workspace_is_listed_once_and_each_description_read_once(
    workspace: Workspace, tmp_path: Path, command: Callable[[str], int]
) -> None:
    finished_and_unfinished(workspace)
    begin(workspace.uri, tmp_path)
    with counted_calls() as calls:
        assert command(workspace.uri) == ExitCode.DONE
    assert calls.listed == [workspace.uri]
    assert (calls.num_read(PLAN), calls.num_read(MANIFEST)) == (1, 1)


def test_a_listing_as_json_has_the_same(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    finished, unfinished = finished_and_unfinished(workspace)
    begin(workspace.uri, tmp_path)
    assert list_workspace(workspace.uri, as_json=True) == ExitCode.DONE
    told = json.loads(capsys.readouterr().out)
    assert [(run["preset"], run["state"], run["kept_logs"]) for run in told["runs"]] == [
        ("smoke", "running", ["001-import_questions.log"])
    ]
    assert {each["folder"]: (each["state"], each["rows_in"]) for each in told["folders"]} == {
        finished: ("finished", 2), unfinished: ("in the making", 3)
    }  # fmt: skip


def test_of_a_workspace_in_progress_what_is_finished_and_what_is_in_the_making_is_shown(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    finished, unfinished = finished_and_unfinished(workspace)
    begin(workspace.uri, tmp_path)
    assert show_folder(workspace.uri, 1) == ExitCode.DONE
    shown = capsys.readouterr().out
    assert " 1 of 2      running on " in shown
    assert f"\n{finished} " in shown
    assert f"folder        {workspace.uri}/{unfinished}" in shown
    assert show_folder(workspace.uri, 1, as_json=True) == ExitCode.DONE
    told = json.loads(capsys.readouterr().out)
    assert [each["folder"] for each in told["folders"] if each["state"] == "finished"] == [finished]
    assert [each["folder"] for each in told["unfinished"]] == [f"{workspace.uri}/{unfinished}"]


def test_logs_are_those_that_are_kept_and_that_of_the_running_step(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = begin(workspace.uri, tmp_path)
    (tmp_path / "001-import_questions.log").write_text("kept already")
    (tmp_path / "002-filter_language.log").write_text("half of ")
    assert show_logs(workspace.uri, "") == ExitCode.DONE
    assert capsys.readouterr().out == (
        "==> 001-import_questions.log <==\n\\x1b[31mread\n\n==> 002-filter_language.log <==\nhalf of \n"
    )
    assert show_logs(run.uri, "filter_language") == ExitCode.DONE
    assert capsys.readouterr().out == "==> 002-filter_language.log <==\nhalf of \n"


def test_logs_as_json_are_an_object_a_line_without_secrets(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MY_TOKEN", "first half\nsecond half")
    begin(workspace.uri, tmp_path)
    (tmp_path / "002-filter_language.log").write_text('a\u2028 "b"\n\nsent first half\nsecond half')
    assert show_logs(workspace.uri, "", as_json=True) == ExitCode.DONE
    said = capsys.readouterr()
    told = [json.loads(line) for line in said.out.splitlines()]
    assert told == [
        {"step": "import_questions", "log": "001-import_questions.log", "line": "\x1b[31mread"},
        *(
            {"step": "filter_language", "log": "002-filter_language.log", "line": line}
            for line in ('a\u2028 "b"', "", f"sent {MASK}")
        ),
    ]
    assert (said.out.isascii(), said.err) == (True, "")


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("filter_langauge", "unknown step 'filter_langauge'; did you mean 'filter_language'?"),
        ("train_sft", "has no log of train_sft; it has those of: import_questions"),
    ],
)
def test_a_log_that_there_is_not_is_named_with_those_there_are(
    step: str, message: str, workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begin(workspace.uri, tmp_path / "no logs here")
    assert show_logs(workspace.uri, step) == ExitCode.BAD_INPUT
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("command", [list_workspace, lambda address: show_logs(address, "")])
def test_a_directory_without_a_run_is_refused(
    command: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert callable(command)
    assert command(str(tmp_path)) == ExitCode.BAD_INPUT
    assert "expected a workspace" in capsys.readouterr().err


def test_rows_of_a_folder_are_data_in_its_json(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_folder(workspace, ["", "bad", ""], 2)
    assert show_folder(folder, 1, as_json=True) == ExitCode.DONE
    (told,) = json.loads(capsys.readouterr().out)["finished"]
    assert told["manifest"]["rejected"] == {"bad": 1}
    assert [row["question"] for row in told["rows"]] == ["question 0"]
    assert told["rows"][0].keys() == set(Question.__dataclass_fields__)
