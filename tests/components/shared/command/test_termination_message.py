import subprocess
import sys
from pathlib import Path

import pytest

from components.shared.command import termination_message
from components.shared.command.step_command import run_step
from components.shared.command.termination_message import leave_message
from components.shared.errors import BudgetSpentError, ExitCode, GateClosedError, InputError, UnavailableError
from components.shared.stores import storage
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import MANIFEST
from tests.components.shared.command.test_step_command import GIVEN, SampleConfig
from tests.conftest import WriteRows
from tests.source_tree import ROOT


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that a container of a pod has for its last words."""
    (path := tmp_path / "termination-log").touch()
    monkeypatch.setattr(termination_message, "FILE", path)
    return path


@pytest.mark.parametrize(
    ("error", "left"),
    [
        (InputError("the colour is wrong"), "bad input: the colour is wrong"),
        (BudgetSpentError("8 GPU-hours are taken"), "budget spent: 8 GPU-hours are taken"),
        (GateClosedError("kept is 0.1"), "gate closed: kept is 0.1"),
        (UnavailableError("nobody answers"), "nobody answers"),
    ],
)
def test_a_step_leaves_why_it_could_not_be_done_and_marks_bad_input(error: Exception, left: str, words: Path) -> None:
    def fail(config: SampleConfig, workspace: Workspace) -> str:
        raise error

    with pytest.raises(SystemExit):
        run_step(SampleConfig, fail, GIVEN)
    assert words.read_text() == left


def test_a_bug_of_ours_is_marked_and_keeps_its_traceback(words: Path) -> None:
    def fail(config: SampleConfig, workspace: Workspace) -> str:
        raise KeyError("colour")

    with pytest.raises(KeyError):
        run_step(SampleConfig, fail, GIVEN)
    assert words.read_text() == "bug of ours: KeyError: 'colour'"


@pytest.mark.parametrize(
    ("state", "left"), [("made", "finished: "), ("stood", "reused: "), ("made by others", "unfinished: ")]
)
def test_a_step_that_did_what_it_could_leaves_its_folder_and_how_it_stands(
    state: str, left: str, words: Path, tmp_path: Path
) -> None:
    folder = str(tmp_path / "a" / "1")

    def work(config: SampleConfig, workspace: Workspace) -> str:
        workspace.reused.update({folder} if state == "stood" else {})
        if state == "made":
            storage.create(storage.join(folder, MANIFEST), b"{}")
        return folder

    with pytest.raises(SystemExit):
        run_step(SampleConfig, work, GIVEN)
    assert words.read_text() == left + folder


def test_a_step_that_was_stopped_says_so(tmp_path: Path, words: Path) -> None:
    text = f"""
import os, signal, sys
from pathlib import Path
from components.shared.command import termination_message
termination_message.FILE = Path({str(words)!r})
from components.shared.command.step_command import run_step
from tests.components.shared.command.test_step_command import SampleConfig, GIVEN
run_step(SampleConfig, lambda *_: os.kill(os.getpid(), signal.SIGTERM), GIVEN)
"""
    done = subprocess.run([sys.executable, "-c", text], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == ExitCode.STOPPED, done.stderr
    assert words.read_text().startswith("stopped as requested; finished parts are kept")


def test_a_folder_is_reused_where_it_stood_finished(workspace: Workspace, write_questions: WriteRows) -> None:
    uri = write_questions(workspace, ["1+1?"])
    again = Workspace(workspace.uri)
    assert write_questions(again, ["1+1?"]) == uri
    assert (workspace.reused, again.reused) == (set(), {uri})


def test_what_is_longer_than_kubernetes_keeps_loses_its_end(words: Path) -> None:
    leave_message("bad input: " + "é" * 4000)
    assert words.read_text(encoding="utf-8") == "bad input: " + "é" * 2042


def test_elsewhere_nothing_is_left(words: Path) -> None:
    words.unlink()
    leave_message("bad input: none")
    assert not words.exists()


def test_words_that_cannot_be_left_are_no_failure(words: Path) -> None:
    words.unlink()
    words.mkdir()
    leave_message("bad input: none")
    assert not list(words.iterdir())
