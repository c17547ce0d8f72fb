from pathlib import Path

import pytest

from components.shared.command import termination_message
from components.shared.command.step_command import run_step
from components.shared.command.termination_message import leave_message
from components.shared.errors import InputError, UnavailableError
from components.shared.workspace import Workspace
from tests.components.shared.command.test_step_command import GIVEN, SampleConfig
from tests.conftest import WriteRows


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


@pytest.mark.parametrize(("reused", "left"), [(False, "finished: here/a"), (True, "reused: here/a")])
def test_a_step_that_is_done_leaves_its_folder_and_whether_it_had_to_make_it(
    reused: bool, left: str, words: Path
) -> None:
    def work(config: SampleConfig, workspace: Workspace) -> str:
        workspace.reused.update({"here/a"} if reused else {})
        return "here/a"

    with pytest.raises(SystemExit):
        run_step(SampleConfig, work, GIVEN)
    assert words.read_text() == left


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
