"""A step begins while `scalequest gc --delete` is under way, both as real processes, stopped at the worst moments."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.shared import processes
from components.shared.errors import InputError, UnavailableError
from components.shared.records import Question
from components.shared.stores import storage
from components.shared.stores.inventory import list_objects, store_time
from components.shared.stores.retries import LIMIT_VARIABLE
from components.shared.upkeep import garbage
from components.shared.upkeep.garbage import survey
from components.shared.upkeep.garbage_removal import remove_garbage
from components.shared.upkeep.verification import verify_folder
from components.shared.workspace import Workspace, _uses
from components.shared.workspace._leases import LEASES
from components.shared.workspace._pauses import POLL_SECONDS
from tests.components.shared import slow_filter
from tests.components.shared.ordinary_user import ordinary_user
from tests.components.shared.sample_folders import SampleConfig
from tests.components.shared.sample_graphs import join
from tests.components.shared.slow_filter import SlowFilterConfig
from tests.conftest import WriteRows
from tests.fault_proxy import new_clients
from tests.source_tree import ROOT
from tests.stores import READER, Store

pytestmark = pytest.mark.slow

SECONDS = 60


@contextlib.contextmanager
def process(store: Store, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Run a module of the tests until the block ends."""
    command = [sys.executable, "-m", *words]
    environment = {**os.environ, **store.environment}
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, cwd=ROOT, env=environment
    ) as started:
        yield started
        started.kill()


@contextlib.contextmanager
def gc_stopped_when_it_has(store: Store, where: str) -> Iterator[subprocess.Popen[str]]:
    with process(store, "tests.components.shared.pausing_gc", store.uri, where) as gc:
        assert gc.stdout is not None
        assert gc.stdout.readline().strip() == where
        yield gc


def step(store: Store, questions: str, row_seconds: float) -> contextlib.AbstractContextManager[subprocess.Popen[str]]:
    words = ["--workspace", store.uri, "--questions", questions, "--row-seconds", str(row_seconds)]
    return process(store, "tests.components.shared.slow_filter", *words, "--rows-per-part", "2")


def wait_for_line(started: subprocess.Popen[str], text: str) -> None:
    """Read a process's log until a line has this text."""
    assert started.stderr is not None
    seen = []
    while text not in (line := started.stderr.readline()):
        seen.append(line)
        assert line, "".join(seen)


def outcome(started: subprocess.Popen[str], code: int = 0) -> str:
    """Let a process go on; return what it printed, or its last message where it does not end well."""
    output, errors = started.communicate("go on\n", timeout=SECONDS)
    assert started.returncode == code, errors
    return errors.splitlines()[-1] if code else output.strip()


def half_done(store: Store, questions: str) -> str:
    """Leave a folder of the slow filter as a process leaves it that is killed behind its first part."""
    workspace = Workspace(store.uri)
    config = SlowFilterConfig(workspace=store.uri, questions=questions, rows_per_part=2)
    rows = workspace.read(questions, Question)
    folder = workspace.open(config).begin_rows(Question, rows.slices(2))
    part = next(iter(folder.missing_parts()))
    for index, row in enumerate(rows.read(part.slice)):
        part.settle(index, kept=[row])
    storage.delete_folder(storage.join(folder.uri, LEASES))  # as if it was killed long ago
    return folder.uri


def test_what_runs_continue_reuse_and_read_between_listing_and_removal_stays(
    store: Store, write_questions: WriteRows
) -> None:
    workspace = Workspace(store.uri)
    first, second, third, unused = (write_questions(workspace, [name * 2, name * 3, name]) for name in "abcd")
    continued = half_done(store, first)
    reused = slow_filter.run(SlowFilterConfig(workspace=store.uri, questions=second, rows_per_part=2), workspace)
    with (
        gc_stopped_when_it_has(store, "listed") as gc,
        step(store, first, 1.0) as one,
        step(store, second, 1.0) as two,
        step(store, third, 1.0) as three,
    ):
        wait_for_line(one, f"continued {continued}")
        wait_for_line(two, f"reused {reused}")
        wait_for_line(three, "new folder ")
        spared = outcome(gc)
        folders = [outcome(started) for started in (one, two, three)]
    assert {"/".join(uri.split("/")[-2:]) for uri in (first, second, third, continued, reused)} == {*spared.split()}
    assert all(verify_folder(uri).sound for uri in (*folders, first, second, third))
    assert list_objects(unused) == []


def test_a_run_that_finds_a_folder_under_removal_waits_and_makes_it_anew(
    store: Store, write_questions: WriteRows
) -> None:
    questions = write_questions(Workspace(store.uri), list("abc"))
    folder = half_done(store, questions)
    with gc_stopped_when_it_has(store, "looked") as gc, step(store, questions, 0.0) as started:
        wait_for_line(started, "waiting for a gc that removes")
        time.sleep(2 * POLL_SECONDS)
        assert started.poll() is None
        assert storage.exists(folder)
        spared = outcome(gc)
        wait_for_line(started, f"new folder {folder}")
        assert outcome(started) == folder
    assert spared == "/".join(questions.split("/")[-2:]), "by the mark of the run that waited"
    assert verify_folder(folder).sound


def test_a_run_whose_input_is_removed_just_then_says_so(tmp_path: Path, write_questions: WriteRows) -> None:
    store = Store(uri=str(tmp_path / "workspace"), environment={})
    questions = write_questions(Workspace(store.uri), list("abc"))
    with gc_stopped_when_it_has(store, "looked") as gc, step(store, questions, 0.0) as started:
        wait_for_line(started, "waiting for a gc that removes")
        assert outcome(gc) == ""
        message = outcome(started, code=2)
    assert message == f"shared: error: {questions} was deleted while this step started to read it; run its step again"
    assert list(Path(store.uri).glob("*/*/_plan.json")) == []


def test_a_mark_keeps_what_was_found_until_it_is_old(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = Workspace(store.uri)
    old = join(workspace, "old")
    join(workspace, "newer", [old])
    for name in _uses.list_marks(store.uri):
        storage.delete_object(storage.join(store.uri, name))
    clock_of_folders = max(finding.object.time for finding in survey(store.uri))
    while store_time(store.uri) <= clock_of_folders + 2:  # stores tell time in seconds, and this one is the next
        time.sleep(0.1)
    join(Workspace(store.uri), "newer", [old])
    now = store_time(store.uri)
    monkeypatch.setattr(garbage, "store_time", lambda _: now)  # however long it takes until it is asked
    age = (now - clock_of_folders - 1) / 3600
    findings = survey(store.uri, min_age_hours=age)
    assert {finding.status for finding in findings} == {"young", "needed"}
    assert {finding.status for finding in survey(store.uri, min_age_hours=0)} == {"garbage"}


def test_who_may_only_read_a_workspace_reuses_what_is_finished_there(
    s3_store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    config = SampleConfig(workspace=s3_store.uri)
    Workspace(s3_store.uri).open(config).begin_rows(Question, []).finish()
    for name, value in READER.items():
        monkeypatch.setenv(name, value)
    caplog.set_level("INFO")
    with new_clients():
        assert Workspace(s3_store.uri).open(config).finished
    assert "no mark that shared/" in caplog.text


def test_a_notice_of_a_process_that_was_killed_is_passed_by(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = str(tmp_path)
    config = SampleConfig(workspace=workspace)
    folder = Workspace(workspace).open(config).begin_rows(Question, [])
    name = f"shared/{folder.fingerprint}"
    seen_here = processes.own_name().split(".")
    _leave_notice(workspace, ".".join([seen_here[0], "4194305", *seen_here[2:]]), name)  # there is no such process
    assert Workspace(workspace).open(config).begin_rows(Question, []).uri == folder.uri

    monkeypatch.setenv(LIMIT_VARIABLE, "0")
    monkeypatch.setattr(_uses, "NOTICE_SECONDS", 1.0)
    monkeypatch.setattr(_uses, "READ_SECONDS", 0.0)
    begun = time.monotonic()
    _leave_notice(workspace, "elsewhere.1.2.3", name)
    assert Workspace(workspace).open(config).begin_rows(Question, []).uri == folder.uri
    assert 0.9 < time.monotonic() - begun < SECONDS


def test_who_waits_for_a_removal_says_so_once_and_asks_ever_more_rarely(
    s3_store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    config = SampleConfig(workspace=s3_store.uri)
    folder = Workspace(s3_store.uri).open(config).begin_rows(Question, [])
    for number in range(2):
        _leave_notice(s3_store.uri, f"elsewhere.1.{number}.3", f"shared/{folder.fingerprint}")
    _leave_notice(s3_store.uri, "elsewhere.1.2.3", "shared/of_no_interest")
    caplog.set_level("INFO")
    pauses: list[float] = []
    asked: list[str] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 7:
            for number in range(2):
                storage.delete_object(storage.join(s3_store.uri, _uses.REMOVING, f"elsewhere.1.{number}.3.json"))

    def counted_time(uri: str) -> float:
        asked.append(uri)
        return store_time(uri)

    monkeypatch.setattr("components.shared.stopping.sleep", sleep)
    monkeypatch.setattr(_uses, "store_time", counted_time)
    assert Workspace(s3_store.uri).open(config).begin_rows(Question, []).uri == folder.uri
    assert pauses == [0.25, 0.5, 1, 2, 4, 8, 8]
    assert len(asked) == 1
    waits = [record.getMessage() for record in caplog.records if record.getMessage().startswith("waiting for a gc")]
    assert len(waits) == 2
    assert re.search(r"for 4\d\d s at most: s3://.*/_removing/elsewhere\.1\.0\.3\.json, left by elsewhere", waits[0])


def test_who_may_not_write_in_a_directory_waits_for_a_removal_and_reuses_what_is_finished_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(LIMIT_VARIABLE, "0")
    monkeypatch.setattr(_uses, "NOTICE_SECONDS", 1.0)
    monkeypatch.setattr(_uses, "READ_SECONDS", 0.0)
    with tempfile.TemporaryDirectory() as place:
        config = SampleConfig(workspace=place)
        folder = Workspace(place).open(config).begin_rows(Question, []).finish()
        _leave_notice(place, "elsewhere.1.2.3", "/".join(folder.split("/")[-2:]))
        for directory in (Path(place), *(path for path in Path(place).rglob("*") if path.is_dir())):
            directory.chmod(0o555)
        begun = time.monotonic()
        with ordinary_user():
            assert Workspace(place).open(config).finished
        assert time.monotonic() - begun > 0.9
        for directory in (Path(place), *(path for path in Path(place).rglob("*") if path.is_dir())):
            directory.chmod(0o755)


def test_a_removal_that_takes_longer_than_its_notice_is_good_for_stops(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = join(workspace, "rows")
    findings = survey(workspace.uri, min_age_hours=0)
    monkeypatch.setattr(_uses, "NOTICE_SECONDS", 0.0)
    with pytest.raises(
        UnavailableError, match=r"the store took more than 0 s to remove some objects; .* start the same"
    ):
        remove_garbage(workspace.uri, findings)
    assert verify_folder(folder).sound
    assert list(Path(workspace.uri, _uses.REMOVING).iterdir()) == []


def test_a_mark_that_cannot_be_read_stops_gc(workspace: Workspace) -> None:
    join(workspace, "rows")
    Path(workspace.uri, _uses.IN_USE, "a.1.2.3.json").write_text('{"folder": 1}')
    with pytest.raises(InputError, match=r"a\.1\.2\.3\.json was not written by ScaleQuest; delete it, or choose"):
        survey(workspace.uri)


def _leave_notice(workspace: str, process_name: str, folder: str) -> None:
    notice = {"folders": [folder], "host": "elsewhere"}
    storage.create_json(storage.join(workspace, _uses.REMOVING, f"{process_name}.json"), notice)
