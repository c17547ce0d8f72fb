from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from components.shared.errors import InputError
from components.shared.records import Question
from components.shared.stores import storage
from components.shared.workspace import Workspace
from components.shared.workspace._claims import Claim
from components.shared.workspace.manifests import PartEntry, read_manifest
from components.shared.workspace.output_folders import OutputFolder, Part
from tests.components.shared.sample_folders import SampleConfig, create_folder, settle, take_from
from tests.stores import Store

WRITERS = 4
PART = "part-00000.parquet"
OTHER_ROWS = f"{PART} was written by another process meanwhile, with other rows: its rows count"
REMADE = (
    "was made from other inputs (--questions {questions}: its content was {there} there and is {here} here): they were "
    "made again while this folder was being made; make sure no other job writes there, delete {folder} and start again"
)
_PROCESS = """
import sys
from components.shared.workspace import Workspace
from tests.components.shared.sample_folders import create_folder, settle
folder = create_folder(Workspace(sys.argv[1]), 6, 2)
print("ready", flush=True)
sys.stdin.readline()
for part in folder.missing_parts():
    for index in range(len(part)):
        settle(part, index, "odd" if index else "")
folder.finish()
"""


def test_of_processes_that_make_the_same_parts_at_the_same_moment_each_is_content(store: Store) -> None:
    command = [sys.executable, "-c", _PROCESS, store.uri]
    twins = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(2)]
    for twin in twins:
        assert twin.stdout is not None
        assert twin.stdout.readline() == b"ready\n"
    for twin in twins:
        assert twin.stdin is not None
        twin.stdin.write(b"go\n")
        twin.stdin.flush()

    assert [twin.wait(60) for twin in twins] == [0, 0]
    folder = create_folder(Workspace(store.uri), 6, 2)
    assert folder.finished
    assert (read_manifest(folder.uri).rows_out, read_manifest(folder.uri).rejected) == (3, {"odd": 3})


def test_a_part_that_stands_with_the_same_rows_is_not_worth_a_word(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    _race(store, lambda part, writer: settle(part, 0))
    assert "written by another process" not in caplog.text


def test_a_part_that_stands_with_other_rows_of_the_same_inputs_counts_and_the_log_says_so(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    folder = _race(store, lambda part, writer: part.settle(0, kept=[Question(id="0", question=f"of {writer}")]))
    assert caplog.text.count(OTHER_ROWS) == WRITERS - 1
    (part,) = read_manifest(folder.finish()).parts
    assert part.rows == 1


def test_a_part_made_from_other_inputs_is_refused_with_those_that_differ(store: Store) -> None:
    workspace = Workspace(store.uri)
    late, questions = _begin(workspace, "before")
    here = read_manifest(questions).content
    part = next(late.missing_parts())
    fast = _begin_again(workspace, late, questions)
    settle(next(fast.missing_parts()), 0)
    there = read_manifest(questions).content

    with pytest.raises(InputError) as raised:
        settle(part, 0)

    assert str(raised.value) == _remade(storage.join(late.uri, PART), late, questions, there, here)


def test_no_manifest_counts_a_part_made_from_other_inputs(store: Store) -> None:
    workspace = Workspace(store.uri)
    late, questions = _begin(workspace, "before")
    there = read_manifest(questions).content
    part = next(late.missing_parts())
    fast = _begin_again(workspace, late, questions)
    settle(part, 0)

    with pytest.raises(InputError) as raised:
        fast.finish()

    here = read_manifest(questions).content
    assert str(raised.value) == _remade(storage.join(late.uri, PART), late, questions, there, here)


def test_a_manifest_that_stands_counts_unless_its_inputs_are_others(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    workspace = Workspace(store.uri)
    late, questions = _begin(workspace, "before")
    here = read_manifest(questions).content
    fast = _begin_again(workspace, late, questions)
    settle(next(fast.missing_parts()), 0)
    entries = read_manifest(fast.finish()).parts
    there = read_manifest(questions).content

    _write_manifest(fast.claim, entries[0])
    assert f"finished {fast.uri}: another process wrote the same manifest" in caplog.text
    _write_manifest(fast.claim, PartEntry(name=PART, rows=1, digest="of another GPU"))
    assert f"finished {fast.uri}: another process was faster, with other content: its manifest counts" in caplog.text
    with pytest.raises(InputError) as raised:
        _write_manifest(late.claim, entries[0])
    assert str(raised.value) == _remade(fast.uri, late, questions, there, here)


def _race(store: Store, settle_part: Callable[[Part, int], None]) -> OutputFolder:
    """Let several writers, each of which takes the others for dead, write one part at once."""
    folders = [create_folder(Workspace(store.uri), 1, 1) for _ in range(WRITERS)]
    parts = [take_from(number, folder) for number, folder in enumerate(folders)]
    with ThreadPoolExecutor(WRITERS) as threads:
        list(threads.map(settle_part, parts, range(WRITERS)))
    return folders[0]


def _begin(workspace: Workspace, text: str) -> tuple[OutputFolder, str]:
    """Return a folder that is planned from an input of one row, and that input."""
    source = create_folder(workspace, 1, 1)
    next(source.missing_parts()).settle(0, kept=[Question(id="0", question=text)])
    questions = source.finish()
    config = SampleConfig(workspace=workspace.uri, questions=questions, name="reader")
    return workspace.open(config).begin_rows(Question, workspace.read(questions, Question).slices(1)), questions


def _begin_again(workspace: Workspace, folder: OutputFolder, questions: str) -> OutputFolder:
    """Make input and folder again at the same addresses, as somebody does who removes both; with another text."""
    storage.delete_folder(folder.uri)
    storage.delete_folder(questions)
    again, questions_again = _begin(workspace, "after")
    assert (again.uri, questions_again) == (folder.uri, questions)
    return again


def _write_manifest(claim: Claim, part: PartEntry) -> None:
    claim.write_manifest(rows_in=1, rows_out=1, rejected={}, parts=[part], files={}, metrics={})


def _remade(what: str, folder: OutputFolder, questions: str, there: str, here: str) -> str:
    return f"{what} {REMADE.format(questions=questions, there=there, here=here, folder=folder.uri)}"
