"""What a workspace keeps of runs: nothing of one that its first step refuses, all of one that is killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from components.shared.errors import InputError
from components.shared.stores import storage
from components.shared.workspace.listing import listing_of
from components.shared.workspace.run_records import RECORD, KeptRun, RunRecorder, read_run, read_runs, step_of_log
from tests.stores import Store

KILLED = """
import os, signal, sys
from components.shared.workspace.run_records import RunRecorder
recorder = RunRecorder(sys.argv[1], preset="smoke", pipeline="scalequest", num_steps=2, command="")
recorder.keep_log("001-filter_language.log", b"", directory="/tmp", exit_code=0)
os.kill(os.getpid(), signal.SIGKILL)
"""


def begin(workspace: str) -> RunRecorder:
    """Begin a run, one step of which ends well."""
    recorder = RunRecorder(
        workspace, preset="./mine.yaml", pipeline="scalequest", num_steps=3, command="scalequest run"
    )
    recorder.keep_log("001-import_model.log", b"said\n", directory="/tmp/logs", exit_code=0)
    return recorder


def end(recorder: RunRecorder, exit_code: int, message: str = "") -> None:
    """End a run."""
    recorder.keep_end(recorder.ended(exit_code, "", message))


def only(workspace: str) -> KeptRun:
    """Return the one run of a workspace."""
    (run,) = read_runs(listing_of(workspace))
    return run


def test_a_run_is_kept_with_the_logs_of_its_steps_and_how_it_ended(store: Store) -> None:
    recorder = begin(store.uri)
    run = only(store.uri)
    assert (run.state, run.end, list(run.logs)) == ("running", None, ["001-import_model.log"])
    assert storage.read_bytes(storage.join(run.uri, run.logs[0])) == b"said\n"
    assert step_of_log(run.logs[0]) == "import_model"
    recorder.keep_log("002-train_sft.log", b"died\n", directory="/tmp/logs", exit_code=1)
    end(recorder, 1, "it died")
    ended = read_run(run.uri)
    assert ended == only(store.uri)
    assert ended.end is not None
    assert (ended.state, ended.end.steps_done, ended.end.message) == ("failed", 1, "it died")
    assert [step_of_log(name) for name in ended.logs] == ["import_model", "train_sft"]


@pytest.mark.parametrize(("exit_code", "state"), [(0, "succeeded"), (2, "failed"), (130, "stopped"), (143, "stopped")])
def test_the_state_of_a_run_is_that_of_its_exit_code(exit_code: int, state: str, tmp_path: Path) -> None:
    end(begin(str(tmp_path)), exit_code)
    assert only(str(tmp_path)).state == state


def test_nothing_is_written_of_a_run_that_its_first_step_refuses(tmp_path: Path) -> None:
    recorder = RunRecorder(str(tmp_path / "new"), preset="smoke", pipeline="scalequest", num_steps=1, command="")
    recorder.keep_log("001-import_model.log", b"refused\n", directory="", exit_code=2)
    end(recorder, 2, "refused")
    assert list(tmp_path.iterdir()) == []
    assert read_runs(listing_of(str(tmp_path / "new"))) == []


def test_a_run_whose_process_was_killed_has_died(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert only(str(tmp_path)).state == "died"


def test_a_run_goes_on_where_its_log_cannot_be_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    recorder = begin(str(tmp_path))
    recorder.keep_log("001-import_model.log", b"again\n", directory="", exit_code=0)
    assert "of this run, something is not kept in" in caplog.text
    assert only(str(tmp_path)).state == "running"


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no run is kept here .* `scalequest list WORKSPACE` names the runs"):
        read_run(str(tmp_path))
    uri = begin(str(tmp_path)).uri
    Path(uri, RECORD).write_text('{"name": "x"}')
    with pytest.raises(InputError, match="was written by another version of ScaleQuest"):
        read_run(uri)
