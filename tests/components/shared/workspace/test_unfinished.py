"""What a folder that is not finished tells those who read it: who works on it, and what attempts died of."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from components.shared import processes
from components.shared.errors import ExitCode, InputError, UnavailableError
from components.shared.records import Question
from components.shared.stores import storage
from components.shared.stores.inventory import list_objects, store_time
from components.shared.workspace import Workspace, _leases
from components.shared.workspace._attempts import FOLDER, MAX_DEATHS, work_of
from components.shared.workspace._leases import LEASES, lease_seconds
from components.shared.workspace.manifests import read_manifest
from components.shared.workspace.output_folders import OutputFolder
from components.shared.workspace.unfinished import Unfinished, read_unfinished, unfinished_as_listed
from tests.components.shared.ordinary_user import ordinary_user
from tests.components.shared.other_processes import as_process, dead_name, name_elsewhere
from tests.components.shared.sample_folders import SampleConfig, create_folder, settle
from tests.store_calls import counted_calls
from tests.stores import Store


@pytest.fixture
def workspace(store: Store) -> Workspace:
    """Return one on each kind of store."""
    return Workspace(store.uri)


def taken(workspace: Workspace, name: str, count: int) -> OutputFolder:
    """Take so many parts of a folder of four, of two rows each, as a process of that name."""
    with as_process(name):
        folder = create_folder(workspace, 8, 2)
    assert len(list(islice(folder.missing_parts(), count))) == count
    return folder


def state_of(folder: str) -> Unfinished:
    """Read a folder that has a plan; one listing of it says the same."""
    found, as_listed = read_unfinished(folder), unfinished_as_listed(folder, list_objects(folder))
    assert found is not None
    assert as_listed is not None
    assert at_one_moment(as_listed) == at_one_moment(found)
    return found


def at_one_moment(found: Unfinished) -> Unfinished:
    """Leave out for how long processes have been silent."""
    return replace(found, holders=tuple(replace(each, silent_seconds=0) for each in found.holders))


def test_parts_that_stand_those_that_are_held_and_by_whom_are_told(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "memory_limit", lambda: None)
    folder = create_folder(workspace, 8, 2)
    (part,) = islice(folder.missing_parts(), 1)
    settle(part, 0)
    settle(part, 1)
    folder.leases.release()
    taken(workspace, name_elsewhere(), 2)
    found = state_of(folder.uri)
    assert found.missing == (work_of(1), work_of(2), work_of(3))
    mine, other = found.holders
    assert (mine.works, other.works) == ((), (work_of(1), work_of(2)))
    assert other.host == processes.host()
    content = storage.read_json(storage.join(folder.uri, LEASES, work_of(1), "attempt-0.json"))
    assert other.since == content["since"]
    assert other.sentence.startswith(f"{other.host}: part-00001, part-00002, since {other.since}; last sign of life ")
    assert "no part at this moment" in mine.sentence


def test_of_a_listed_folder_only_leases_on_missing_parts_and_on_those_written_lately_are_read(tmp_path: Path) -> None:
    workspace = Workspace(str(tmp_path))
    folder = create_folder(workspace, 40, 2)
    for part in islice(folder.missing_parts(), 15):
        settle(part, 0)
        settle(part, 1)
    (part,) = islice(folder.missing_parts(), 1)
    old = {f"part-{number:05d}.parquet" for number in range(12)}
    objects = [
        replace(each, time=each.time - lease_seconds() - 60) if each.name in old else each
        for each in list_objects(folder.uri)
    ]
    with counted_calls() as calls:
        found = unfinished_as_listed(folder.uri, objects)
    assert found is not None
    assert [each.works for each in found.holders] == [(work_of(part.number),)]
    assert len(found.missing) == 5
    assert calls.num_read(".json") == 1 + 3 + 1  # the plan, what was written lately, what is missing and held
    assert calls.listed == []


def test_what_attempts_died_over_and_rows_tried_alone_are_told(workspace: Workspace) -> None:
    for _ in range(MAX_DEATHS):
        taken(workspace, dead_name(), 1)
    with as_process(dead_name()):
        folder = create_folder(workspace, 8, 2)
    (part,) = [part for part in islice(folder.missing_parts(), 4) if part.number == 0]
    assert part.lease.try_alone(0)
    part.lease.died(0)
    assert part.lease.try_alone(1)
    found = state_of(folder.uri)
    assert (found.deaths, found.suspect) == ({work_of(0): MAX_DEATHS}, [work_of(0)])
    assert found.rows_alone == {(work_of(0), 0): 1, (work_of(0), 1): 1}
    assert found.holders == ()


def test_a_training_is_held_as_a_whole(workspace: Workspace) -> None:
    folder = workspace.open(SampleConfig(workspace=workspace.uri)).begin_model()
    assert folder.take()
    (holder,) = state_of(folder.uri).holders
    assert holder.works == (FOLDER,)
    assert "the whole folder" in holder.sentence


def test_a_training_that_died_twice_is_not_done_row_by_row(workspace: Workspace) -> None:
    config = SampleConfig(workspace=workspace.uri)
    for _ in range(MAX_DEATHS):
        with as_process(dead_name()):
            folder = Workspace(workspace.uri).open(config).begin_model()
        assert folder.take()
    found = state_of(folder.uri)
    assert (found.deaths, found.suspect) == ({FOLDER: MAX_DEATHS}, [])


def test_how_much_memory_a_holder_may_take_is_told(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "memory_limit", lambda: 3 * 2**29)
    folder = taken(workspace, name_elsewhere(), 1)
    (holder,) = state_of(folder.uri).holders
    assert holder.sentence.startswith(f"{processes.host()} (limited to 1.5 GiB): part-00000, since ")


def test_an_input_that_somebody_makes_is_waited_for_and_one_that_nobody_makes_is_bad(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = taken(workspace, name_elsewhere(), 1)
    message = (
        r"is still being made by .* \(last sign of life \d+ s ago\): 4 of 4 parts .* are missing; the same command"
    )
    with pytest.raises(UnavailableError, match=message):
        workspace.read(folder.uri, Question)
    monkeypatch.setattr(_leases, "store_time", lambda uri: store_time(uri) + lease_seconds() + 1)
    with pytest.raises(InputError, match=r"is not finished: 4 of 4 parts .* are missing; finish it with: python -m "):
        workspace.read(folder.uri, Question)


def test_an_input_that_somebody_elsewhere_left_a_moment_ago_is_waited_for(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = taken(workspace, name_elsewhere(), 1)
    folder.leases.release()
    assert state_of(folder.uri).holders == ()
    with pytest.raises(
        UnavailableError, match=rf"{processes.host()} left it a moment ago: 4 of 4 parts .*: python -m "
    ):
        read_manifest(folder.uri)
    monkeypatch.setattr(_leases, "store_time", lambda uri: store_time(uri) + lease_seconds() + 1)
    with pytest.raises(InputError, match="finish it with: "):
        read_manifest(folder.uri)


@pytest.mark.parametrize("what", ["released", "dead", "never begun"])
def test_an_input_whose_makers_are_known_to_be_gone_is_bad_at_once(workspace: Workspace, what: str) -> None:
    folder = taken(workspace, dead_name(), 0 if what == "never begun" else 1)
    if what == "released":
        folder.leases.release()
    with pytest.raises(InputError, match="finish it with: "):
        read_manifest(folder.uri)


def test_an_input_that_is_finished_while_one_looks_is_used(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = create_folder(workspace, 2, 2)
    (part,) = folder.missing_parts()
    settle(part, 0)
    look = _leases.Leases.look

    def finish_before(leases: _leases.Leases, works: tuple[str, ...], memory_limit: int) -> object:
        monkeypatch.setattr(_leases.Leases, "look", look)
        settle(part, 1)
        folder.finish()
        return look(leases, works, memory_limit)

    monkeypatch.setattr(_leases.Leases, "look", finish_before)
    assert read_manifest(folder.uri).rows_out == 2


def test_who_may_only_read_a_directory_learns_who_works_on_it() -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = taken(Workspace(place), name_elsewhere(), 1)
        for directory in (Path(place), *(path for path in Path(place).rglob("*") if path.is_dir())):
            directory.chmod(0o755)
        with ordinary_user():
            assert len(state_of(folder.uri).holders) == 1
        folder.leases.release()


def test_a_step_whose_input_is_still_being_made_exits_with_75_and_writes_nothing(tmp_path: Path) -> None:
    folder = create_folder(Workspace(str(tmp_path / "workspace")), 2, 1)
    list(islice(folder.missing_parts(), 1))
    command = [sys.executable, "-m", "tests.components.shared.slow_filter", "--questions", folder.uri]
    command += ["--workspace", str(tmp_path / "other")]
    results = []
    for _ in range(2):
        results.append(subprocess.run(command, capture_output=True, text=True, check=False))
        storage.delete_folder(storage.join(folder.uri, LEASES))  # as if it was released long ago
    assert [result.returncode for result in results] == [ExitCode.UNAVAILABLE, ExitCode.BAD_INPUT]
    assert "is still being made by" in results[0].stderr
    assert "finish it with: python -m " in results[1].stderr
    assert not (tmp_path / "other").exists()
