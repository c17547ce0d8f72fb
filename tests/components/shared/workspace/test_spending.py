"""GPUs that are held are counted from a process' start to its end, lost or not, and a budget ends the step."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.filter_language.config import FilterLanguageConfig
from components.filter_language.step import run as filter_language
from components.generate_questions.config import GenerateQuestionsConfig
from components.generate_questions.step import run
from components.generate_responses.config import GenerateResponsesConfig
from components.generate_responses.step import run as generate_responses
from components.shared import accelerators
from components.shared.config import SharedConfig
from components.shared.errors import BudgetSpentError, ExitCode, UnavailableError
from components.shared.processes import KUBERNETES, RUNNER
from components.shared.stores import storage
from components.shared.upkeep.garbage import survey
from components.shared.workspace import Workspace, spending
from components.shared.workspace.manifests import read_manifest
from components.shared.workspace.spending import SPENT, check_budget, counted, spent_in
from tests.conftest import WriteRows
from tests.source_tree import ROOT

FOLDER = "generate_questions/0123456789abcdef"
PROCESS = "0123456789ab.7.99.abc123"


def record(workspace: Workspace, process: str, gpus: int, seconds: int, folder: str = FOLDER) -> None:
    storage.create_json(storage.join(workspace.uri, SPENT, folder, f"{process}-{gpus}x{seconds:09d}.json"), {})


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accelerators, "accelerators", lambda: ["0", "1"])


def config(workspace: Workspace, **options: float) -> GenerateQuestionsConfig:
    return GenerateQuestionsConfig(
        workspace=workspace.uri, model="scripted:m", generator="g", num_questions=4, engine="scripted",
        max_gpu_hours=options.get("max_gpu_hours", 0.0),
    )  # fmt: skip


def test_each_process_counts_by_its_last_record_and_all_of_a_folder_together(workspace: Workspace) -> None:
    record(workspace, PROCESS, 8, 30)
    record(workspace, PROCESS, 8, 60)  # it died before it could delete the one before
    record(workspace, f"{PROCESS}d", 1, 100)
    record(workspace, f"{PROCESS}e", 2, 5, folder="train_sft/fedcba9876543210")
    storage.create_json(storage.join(workspace.uri, SPENT, "notes.json"), {})
    assert spent_in(workspace.uri) == {FOLDER: 8 * 60 + 100, "train_sft/fedcba9876543210": 10}
    assert spent_in(f"{workspace.uri}-that-is-not-there") == {}


BEATS = st.tuples(
    st.integers(0, 2),  # which process
    st.sampled_from([FOLDER, "train_sft/fedcba9876543210"]),  # at which folder
    st.integers(0, 40),  # seconds later
    st.sampled_from(["", "refused", "answer lost", "old one stays", "killed"]),  # what goes wrong
)


@settings(max_examples=20, deadline=None)
@given(beats=st.lists(BEATS, max_size=20))
def test_each_process_counts_once_up_to_its_last_record_whatever_goes_wrong_when_it_is_renewed(
    beats: list[tuple[int, str, int, str]],
) -> None:
    with TemporaryDirectory() as place:
        alive: dict[int, spending._Record] = {}
        age, written, taken = 0, {}, 0.0
        for process, folder, later, wrong in beats:
            age += later
            record = alive.setdefault(process, spending._Record(Workspace(place), 2))
            record.workspace.at = folder
            with mock.patch("components.shared.processes.age", lambda age=age: age), going_wrong(wrong):
                record.write()
            if wrong != "refused":
                written[record] = 2 * age
            if wrong == "killed":
                del alive[process]
            before, taken = taken, sum(spent_in(place).values())
            assert taken == sum(written.values())
            assert taken >= before


@contextlib.contextmanager
def going_wrong(what: str) -> Iterator[None]:
    """Refuse to write, or to delete; or write, and say that the name is taken; or die before the old one is deleted."""
    create = storage.create_json

    def create_json(uri: str, value: Mapping[str, str]) -> None:
        if what == "refused":
            raise UnavailableError("no answer")
        create(uri, value)
        if what == "answer lost":
            raise FileExistsError(uri)

    def delete_object(uri: str) -> None:
        if what == "old one stays":
            raise UnavailableError("no answer")
        if what != "killed":
            delete(uri)

    delete = storage.delete_object
    with (
        mock.patch.object(storage, "create_json", create_json),
        mock.patch.object(storage, "delete_object", delete_object),
    ):
        yield


def test_a_process_with_gpus_leaves_one_record_that_is_renewed(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, two_gpus: None
) -> None:
    monkeypatch.setattr(spending, "BEAT_SECONDS", 0.05)
    ages = iter(range(10, 10**6, 10))
    monkeypatch.setattr("components.shared.processes.age", lambda: next(ages))
    with counted(workspace, 0.0):
        folder = run(config(workspace), workspace)
        until(lambda: sum(spent_in(workspace.uri).values()) >= 2 * 30)
    (address, seconds), *others = spent_in(workspace.uri).items()
    assert not others
    assert folder.endswith(address)
    (name,) = storage.list_names(storage.join(workspace.uri, SPENT, address))
    assert name.endswith(f"-2x{seconds / 2:09.0f}.json")


def test_a_process_without_gpus_leaves_nothing(workspace: Workspace) -> None:
    with counted(workspace, 0.0):
        run(config(workspace), workspace)
    assert spent_in(workspace.uri) == {}


def test_a_step_is_counted_with_the_gpus_that_it_uses_and_in_a_pod_with_those_that_the_pod_holds(
    workspace: Workspace, write_questions: WriteRows, monkeypatch: pytest.MonkeyPatch, two_gpus: None
) -> None:
    """Four processes of a step without a model on a machine with two GPUs hold none of them."""
    questions = write_questions(workspace, [f"What is {number} plus one?" for number in range(4)])
    assert write_down(FilterLanguageConfig(workspace=workspace.uri, questions=questions), filter_language) == 0
    solving: dict[str, Any] = {"workspace": workspace.uri, "questions": questions, "model": "scripted:m"}
    assert write_down(GenerateResponsesConfig(**solving, engine="scripted"), generate_responses) == 0
    assert GenerateResponsesConfig(**solving, tensor_parallel_size=2).num_gpus == 2
    monkeypatch.setenv(KUBERNETES, "10.0.0.1")
    assert write_down(GenerateResponsesConfig(**solving, engine="scripted", seed=1), generate_responses) == 2
    monkeypatch.setenv(RUNNER, "1")  # one of several in a pod
    assert write_down(GenerateResponsesConfig(**solving, engine="scripted", seed=2), generate_responses) == 0


def write_down(config: SharedConfig, run_step: Callable[[Any, Workspace], str]) -> float:
    """Run a step as its command does; return the GPUs that both its parts and its process count."""
    workspace = Workspace(config.workspace)
    with counted(workspace, 0.0, config.num_gpus):
        metrics = read_manifest(run_step(config, workspace)).metrics
    names = storage.list_names(storage.join(workspace.uri, SPENT, workspace.at))
    of_parts = round(metrics["accelerator_seconds"] / metrics["seconds"])
    assert [name.partition("-")[2].partition("x")[0] for name in names] == [str(of_parts)] * bool(of_parts)
    return of_parts


def test_a_step_whose_budget_is_spent_begins_nothing_and_goes_on_once_more_is_allowed(workspace: Workspace) -> None:
    record(workspace, PROCESS, 8, 3600)
    with pytest.raises(BudgetSpentError, match=r"has taken 8 GPU-hours of the 8 .*--set max_gpu_hours="):
        check_budget(workspace.uri, 8)
    assert not storage.list_names(storage.join(workspace.uri, "generate_questions"))
    record(workspace, f"{PROCESS}d", 8, 3600 * 250)
    with pytest.raises(BudgetSpentError, match="has taken 2,008 GPU-hours of the 1,000 "):
        check_budget(workspace.uri, 1000)
    check_budget(workspace.uri, 2008.5)
    check_budget(workspace.uri, 0)


def step(workspace: Workspace, max_gpu_hours: float) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "components.generate_questions", "--workspace", workspace.uri, "--model"]
    command += ["scripted:m", "--generator", "g", "--num-questions", "4", "--engine", "scripted"]
    command += ["--max-gpu-hours", str(max_gpu_hours)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


def test_the_command_says_so_by_an_exit_code_of_its_own(workspace: Workspace, tmp_path: Path) -> None:
    record(workspace, PROCESS, 8, 3600)
    held = step(workspace, 1)
    assert held.returncode == ExitCode.BUDGET_SPENT
    assert "has taken 8 GPU-hours of the 1 that it may take" in held.stderr.splitlines()[-1]
    done = step(workspace, 9)
    assert done.returncode == ExitCode.DONE
    assert read_manifest(done.stdout.strip()).rows_in == 4
    assert step(workspace, 1).stdout == done.stdout, "what is finished takes nothing, and is found whatever was taken"


_HOLDS_GPUS = """
import sys, time
from components.shared.command.step_command import run_task
from components.shared import accelerators
from components.shared.workspace import Workspace, spending
accelerators.accelerators = lambda: list("0123")
spending.BEAT_SECONDS = 0.2
workspace = Workspace(sys.argv[1])
workspace.at = "generate_questions/0123456789abcdef"
def work():
    with spending.counted(workspace, float(sys.argv[2])):
        print("at work", flush=True)
        time.sleep(60)
run_task("held", work)
"""


def holder(workspace: Workspace, max_gpu_hours: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _HOLDS_GPUS, workspace.uri, str(max_gpu_hours)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "at work\n"
    return process


def test_a_process_at_work_is_stopped_within_a_beat_of_the_moment_when_the_budget_is_spent(
    workspace: Workspace,
) -> None:
    with holder(workspace, 4 * 3 / 3600) as process:  # 3 s with 4 GPUs
        _, said = process.communicate(timeout=30)
    assert process.returncode == ExitCode.BUDGET_SPENT
    assert "GPU-hours of the 0.00333 that it may take" in said
    assert 4 * 3 <= sum(spent_in(workspace.uri).values()) <= 4 * 20


def test_a_killed_process_counts_to_its_last_record_and_the_next_attempt_adds_to_it(workspace: Workspace) -> None:
    counts: list[float] = []
    for _ in range(2):
        with holder(workspace, 0) as process:
            before = sum(counts)
            until(lambda before=before: sum(spent_in(workspace.uri).values()) > before)  # type: ignore[misc]
            os.kill(process.pid, signal.SIGKILL)
        counts.append(sum(spent_in(workspace.uri).values()) - before)
    assert all(each >= 4 for each in counts)


def test_what_was_taken_is_kept_by_gc(workspace: Workspace) -> None:
    record(workspace, PROCESS, 8, 3600)
    (found,) = survey(workspace.uri, min_age_hours=0)
    assert (found.status, found.reason) == ("needed", "GPU-hours that were taken")


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
