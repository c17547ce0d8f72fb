"""A row that kills its process is tried alone and set aside; the run goes on, and nothing else is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from components.shared.records import Question, Response
from components.shared.stores import storage
from components.shared.workspace import Workspace
from components.shared.workspace._leases import LEASES
from components.shared.workspace.manifests import read_manifest
from tests.components.rejects import read_rejects
from tests.components.shared.deadly import MARKER
from tests.conftest import WriteRows
from tests.stores import Store

pytestmark = pytest.mark.slow

NUM_ROWS = 24
ROWS_PER_PART = 5
DEADLY = 12  # in the middle of the third part
GENERATE = ("generate_responses", "--model", "scripted:solver", "--engine", "scripted", "--num-samples", "2")


def run_once(name: str, options: Sequence[str], environment: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Run a step as a process; return its exit code and what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.components.shared.deadly", name, *options],
        env=os.environ | (environment or {}), capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout.strip() if done.returncode == 0 else done.stderr


def run_until_done(name: str, options: Sequence[str], environment: Mapping[str, str] | None = None) -> tuple[str, int]:
    """Start a step again until it ends well; return its folder and how often it was killed."""
    for num_deaths in range(10):
        code, said = run_once(name, options, environment)
        if code == 0:
            return said, num_deaths
        assert code == -signal.SIGKILL, said
    raise AssertionError("the step dies forever")


def texts(deadly: Sequence[int] = ()) -> list[str]:
    """Return questions; the marker does no harm outside of a deadly process."""
    return [f"What is {n} + 1?" + (f" {MARKER}" if n in deadly else "") for n in range(NUM_ROWS)]


def responses(deadly: Sequence[int] = ()) -> list[Response]:
    """Return two responses to each question."""
    return [
        Response(
            id=f"q{n // 2}-{n % 2}", question_id=f"q{n // 2}", question=f"What is {n // 2} + 1?", answer="", source="s",
            difficulty=None, sample=n % 2, response=f"\\boxed{{{n}}}" + (f" {MARKER}" if n in deadly else ""),
            final_answer=str(n), finish_reason="stop", num_tokens=3, reward=n / 10,
        )
        for n in range(NUM_ROWS)
    ]  # fmt: skip


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(GENERATE, id="generate_responses"),
        pytest.param(("filter_language",), id="filter_language", marks=pytest.mark.faults),
        pytest.param(("score_difficulty", "--scorer-engine", "scripted"), id="score_difficulty"),
    ],
)
def test_a_deadly_question_is_set_aside_and_the_others_are_as_ever(
    command: Sequence[str], tmp_path: Path, write_questions: WriteRows
) -> None:
    workspace = Workspace(str(tmp_path / "workspace"))
    questions = write_questions(workspace, texts(deadly=[DEADLY]), rows_per_part=1000)
    options = [*command[1:], "--questions", questions, "--rows-per-part", str(ROWS_PER_PART)]

    folder, num_deaths = run_until_done(command[0], ["--workspace", workspace.uri, *options])

    assert num_deaths == 4  # twice with the others of its part, twice alone
    rejects = [row for row in read_rejects(folder) if row["reason"] == "killed_the_engine"]
    units = 2 if command is GENERATE else 1
    assert [row["id"].split("-")[0] for row in rejects] == [f"q{DEADLY}"] * units
    assert {row["detail"] for row in rejects} == {"tried alone, 2 processes or engines died of it"}
    manifest = read_manifest(folder)
    assert manifest.rows_in == NUM_ROWS * units == manifest.rows_out + sum(manifest.rejected.values())
    assert not any(storage.list_files(storage.join(folder, LEASES)).values())  # SeaweedFS keeps the empty name
    _assert_the_others_as_ever(command, workspace, folder, tmp_path, write_questions)


def _assert_the_others_as_ever(
    command: Sequence[str], workspace: Workspace, folder: str, tmp_path: Path, write_questions: WriteRows
) -> None:
    undisturbed = Workspace(str(tmp_path / "undisturbed"))
    questions = write_questions(undisturbed, texts(), rows_per_part=1000)
    options = [*command[1:], "--questions", questions, "--rows-per-part", str(ROWS_PER_PART)]
    code, other = run_once(command[0], ["--workspace", undisturbed.uri, *options])
    assert code == 0, other
    record = Response if command is GENERATE else Question
    expected = [row for row in undisturbed.read(other, record) if row.id.split("-")[0] != f"q{DEADLY}"]
    assert list(workspace.read(folder, record)) == expected


@pytest.mark.faults
@pytest.mark.parametrize("name", ["select_responses", "score_responses"])
def test_a_deadly_response_is_set_aside(name: str, tmp_path: Path, write_rows: WriteRows) -> None:
    workspace = Workspace(str(tmp_path / "workspace"))
    rows = write_rows(workspace, responses(deadly=[DEADLY]), rows_per_part=6)
    engine = ("--scorer-engine", "scripted") if name == "score_responses" else ()
    folder, num_deaths = run_until_done(name, ["--workspace", workspace.uri, "--responses", rows, *engine])
    killed = [row["id"] for row in read_rejects(folder) if row["reason"] == "killed_the_engine"]
    assert killed == (["q6-0", "q6-1"] if name == "select_responses" else ["q6-0"])
    assert num_deaths == 4


@pytest.mark.faults
def test_a_deadly_row_is_set_aside_in_an_object_store(remote_store: Store, write_questions: WriteRows) -> None:
    workspace = Workspace(remote_store.uri)
    questions = write_questions(workspace, texts(deadly=[DEADLY]))
    folder, num_deaths = run_until_done(
        GENERATE[0],
        ["--workspace", workspace.uri, "--questions", questions, "--rows-per-part", str(ROWS_PER_PART), *GENERATE[1:]],
        remote_store.environment,
    )
    assert num_deaths == 4
    assert read_manifest(folder).rejected["killed_the_engine"] == 2
    assert {row["question_id"] for row in read_rejects(folder) if row["reason"] == "killed_the_engine"} == {"q12"}
    assert not any(storage.list_files(storage.join(folder, LEASES)).values())  # SeaweedFS keeps the empty name
