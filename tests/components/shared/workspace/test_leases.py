"""Leases on parts, on each kind of store: who has one, when it is stale, and what others do meanwhile."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest

from components.shared import processes, stopping
from components.shared.errors import InputError, UnavailableError
from components.shared.stores import storage
from components.shared.stores.inventory import StoredObject, list_objects, store_time
from components.shared.workspace import Workspace, _leases, _pauses
from components.shared.workspace._attempts import FOLDER, MAX_DEATHS, last_signs, work_of
from components.shared.workspace._leases import BEAT_SECONDS, LEASES, Leases, lease_seconds
from components.shared.workspace.manifests import read_manifest, read_manifest_or_none
from components.shared.workspace.output_folders import OutputFolder, Part
from components.shared.workspace.plans import part_name
from tests.components.shared.other_processes import as_process, dead_name, name_elsewhere
from tests.components.shared.sample_folders import SampleConfig, create_folder, settle, some_row
from tests.stores import Store

Clock = Callable[[float], None]


@pytest.fixture
def workspace(store: Store) -> Workspace:
    """Return one on each kind of store."""
    return Workspace(store.uri)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Let it be so many seconds later, by the store's clock."""

    def shift(seconds: float) -> None:
        monkeypatch.setattr(_leases, "store_time", lambda uri: store_time(uri) + seconds)

    return shift


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the pauses in which a process waits for others; the third one ends it."""
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            raise TimeoutError

    monkeypatch.setattr(stopping, "sleep", sleep)
    return pauses


def opened(workspace: Workspace, name: str, num_rows: int = 4) -> OutputFolder:
    """Open a folder with two rows a part, as a process of that name."""
    with as_process(name):
        return create_folder(workspace, num_rows, 2)


def taken(folder: OutputFolder, count: int) -> list[Part]:
    """Take so many parts."""
    return list(islice(folder.missing_parts(), count))


def make(part: Part) -> None:
    """Settle all rows of a part."""
    for index in range(len(part)):
        settle(part, index)


def test_a_part_is_never_given_to_two_processes_that_live(workspace: Workspace) -> None:
    first, second = opened(workspace, name_elsewhere()), opened(workspace, name_elsewhere())
    mine, theirs = first.missing_parts(), second.missing_parts()
    numbers = [next(mine).number, next(theirs).number]
    assert sorted(numbers) == [0, 1]
    assert list(mine) == list(theirs) == []


def test_the_lease_of_a_process_that_is_gone_from_this_machine_is_free_at_once(workspace: Workspace) -> None:
    taken(opened(workspace, dead_name()), 2)
    again = opened(workspace, dead_name())
    assert [part.number for part in taken(again, 2)] == [0, 1]
    names = storage.list_names(storage.join(again.uri, LEASES, work_of(0)))
    assert names == ["attempt-0.json", "attempt-1.json"]


def test_the_lease_of_a_process_elsewhere_is_free_when_nothing_was_heard_of_it_for_the_stated_time(
    workspace: Workspace, later: Clock, waits: list[float]
) -> None:
    taken(opened(workspace, name_elsewhere()), 2)
    later(lease_seconds() - 60)
    with pytest.raises(TimeoutError):
        taken(opened(workspace, name_elsewhere()), 2)
    assert len(waits) == 3
    later(lease_seconds() + 1)
    assert [part.number for part in taken(opened(workspace, name_elsewhere()), 2)] == [0, 1]


def test_a_process_that_says_that_it_lives_keeps_all_its_leases_and_leaves_one_sign(
    workspace: Workspace, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = opened(workspace, name_elsewhere())
    taken(holder, 2)
    monkeypatch.setattr(_leases, "lease_seconds", lambda: 0.0)  # all that was written is too old
    monkeypatch.setattr(_leases, "last_signs", lambda objects: dict.fromkeys(last_signs(objects), 2.0**40))
    holder.leases.say_alive()
    holder.leases.say_alive()
    assert len(storage.list_names(storage.join(holder.uri, LEASES, "alive"))) == 1
    with pytest.raises(TimeoutError):
        taken(opened(workspace, name_elsewhere()), 1)


def test_a_sign_of_life_comes_by_itself_as_long_as_a_lease_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_leases, "BEAT_SECONDS", 0.01)
    folder = opened(Workspace(str(tmp_path)), name_elsewhere(), 2)
    (part,) = taken(folder, 1)
    signs = Path(folder.uri, LEASES, "alive")
    while not (signs.is_dir() and list(signs.iterdir())):
        pass
    make(part)
    folder.finish()
    assert not Path(folder.uri, LEASES).exists()


def test_no_sign_of_life_brings_a_removed_folder_back(tmp_path: Path) -> None:
    folder = opened(Workspace(str(tmp_path)), name_elsewhere())
    taken(folder, 1)
    storage.delete_folder(folder.uri)
    folder.leases.say_alive()
    assert not Path(folder.uri).exists()


def test_what_is_released_is_free_at_once_and_counts_as_no_attempt(workspace: Workspace) -> None:
    for _ in range(MAX_DEATHS + 1):
        folder = opened(workspace, name_elsewhere())
        assert len(taken(folder, 2)) == 2
        folder.leases.release()
    assert not any(part.lease.suspect for part in taken(opened(workspace, name_elsewhere()), 2))


def test_a_workspace_releases_all_that_was_opened_in_it(workspace: Workspace) -> None:
    taken(opened(workspace, name_elsewhere()), 2)
    workspace.release()
    assert len(taken(opened(Workspace(workspace.uri), name_elsewhere()), 2)) == 2


def test_a_part_that_attempts_died_over_comes_last_and_its_rows_alone(workspace: Workspace) -> None:
    for _ in range(MAX_DEATHS):
        assert taken(opened(workspace, dead_name()), 1)[0].number == 0
    parts = taken(opened(workspace, dead_name()), 2)
    assert [(part.number, part.lease.suspect) for part in parts] == [(1, False), (0, True)]
    assert parts[1].lease.must_be_alone(0)


def test_a_row_that_two_attempts_died_of_alone_is_given_up_and_its_neighbours_pass(workspace: Workspace) -> None:
    for number in range(2 * MAX_DEATHS):
        (part,) = [part for part in taken(opened(workspace, dead_name()), 2) if part.number == 0]
        if number >= MAX_DEATHS:
            assert part.lease.try_alone(1)
    folder = opened(workspace, dead_name())
    for part in folder.missing_parts():
        for index, _ in part.rows([some_row(0), some_row(1)]):
            settle(part, index)
    manifest = read_manifest(folder.finish())
    assert (manifest.rows_out, manifest.rejected) == (3, {"killed_the_engine": 1})


def test_a_process_without_an_accelerator_waits_until_the_others_are_done(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = opened(workspace, name_elsewhere())
    parts = taken(holder, 2)
    monkeypatch.setattr(stopping, "sleep", lambda _: make(parts.pop()))
    folder = opened(workspace, name_elsewhere())
    assert list(folder.missing_parts()) == []
    assert read_manifest(folder.finish()).rows_out == 4
    assert holder.finish() == folder.uri


def test_a_process_with_an_accelerator_leaves_what_is_left_to_those_that_it_has_seen_alive(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_pauses, "num_accelerators", lambda: 1)
    holder = opened(workspace, name_elsewhere())
    parts = taken(holder, 2)
    pauses = iter(range(100))
    ahead = [0.0]
    monkeypatch.setattr(
        _leases, "last_signs", lambda objects: {name: time + ahead[0] for name, time in last_signs(objects).items()}
    )

    def sleep(_: float) -> None:
        if next(pauses) == 4:
            holder.leases.say_alive()
            ahead[0] = 5.0  # seconds are all that some stores tell apart

    monkeypatch.setattr(stopping, "sleep", sleep)
    folder = opened(workspace, name_elsewhere())
    assert list(folder.missing_parts()) == []
    assert next(pauses) == 5, "it waited for a sign of life"
    assert folder.finish() == folder.uri
    for part in parts:
        make(part)
    assert read_manifest(holder.finish()).rows_out == 4


def test_work_on_a_whole_folder_is_done_by_one_process_and_the_next_one_takes_over(
    workspace: Workspace, waits: list[float]
) -> None:
    def take(name: str) -> Workspace:
        own = Workspace(workspace.uri)
        with as_process(name):
            assert own.open(SampleConfig(workspace=workspace.uri)).begin_model().take()
        return own

    first = take(name_elsewhere())
    with pytest.raises(TimeoutError):
        take(name_elsewhere())
    first.release()
    take(dead_name())
    take(name_elsewhere())


def test_a_process_with_an_accelerator_does_not_wait_for_one_that_it_has_seen_work_on_the_whole_folder(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_pauses, "num_accelerators", lambda: 1)
    config = SampleConfig(workspace=workspace.uri)
    with as_process(name_elsewhere()):
        first = Workspace(workspace.uri).open(config).begin_model()
    assert first.take()
    pauses: list[float] = []
    monkeypatch.setattr(
        _leases, "last_signs", lambda objects: {name: time + 5 for name, time in last_signs(objects).items()}
    )

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 4:
            first.leases.say_alive()

    monkeypatch.setattr(stopping, "sleep", sleep)
    second = Workspace(workspace.uri).open(config).begin_model()
    message = rf"{second.uri} is being made by {processes.host()}, since .*; the same command continues"
    with pytest.raises(UnavailableError, match=message):
        second.take()
    assert len(pauses) == 4, "it waited for a sign of life"
    first.leases.release()
    assert second.take()


def test_a_model_that_another_process_finishes_is_not_made_again(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = SampleConfig(workspace=workspace.uri)
    (tmp_path / "weights").write_text("w")
    first, second = (Workspace(workspace.uri).open(config).begin_model() for _ in range(2))
    assert first.take()
    monkeypatch.setattr(stopping, "sleep", lambda _: first.finish(tmp_path, metrics={}))
    assert not second.take()
    assert not any(storage.list_files(storage.join(first.uri, LEASES)).values())


def test_parts_in_order_are_for_one_process(workspace: Workspace, waits: list[float]) -> None:
    folder = opened(workspace, name_elsewhere())
    next(folder.missing_parts(in_order=True))
    with pytest.raises(TimeoutError):
        next(opened(workspace, name_elsewhere()).missing_parts(in_order=True))
    folder.leases.release()
    assert next(opened(workspace, name_elsewhere()).missing_parts(in_order=True)).number == 0


def test_who_takes_a_folder_over_skips_no_part_that_its_dead_holder_took_a_beat_later(
    workspace: Workspace, later: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = opened(workspace, name_elsewhere(), 6)
    parts = dead.missing_parts(in_order=True)
    make(next(parts))
    assert next(parts).number == 1
    younger = list_objects(storage.join(dead.uri, LEASES))
    monkeypatch.setattr(_leases, "list_objects", lambda uri: [_younger(each) for each in list_objects(uri)])
    assert any(_younger(each) != each for each in younger)
    later(lease_seconds() + 1)
    folder = opened(workspace, name_elsewhere(), 6)
    numbers = []
    for part in folder.missing_parts(in_order=True):
        numbers.append(part.number)
        make(part)
    assert numbers == [1, 2]
    assert read_manifest(folder.finish()).rows_out == 6


def _younger(each: StoredObject) -> StoredObject:
    is_part = each.name.startswith(work_of(1))
    return dataclasses.replace(each, time=each.time + BEAT_SECONDS) if is_part else each


def test_all_parts_in_order_are_taken_at_once_and_a_folder_that_is_left_is_free(
    workspace: Workspace, later: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = opened(workspace, name_elsewhere())
    assert len(list(first.missing_parts(in_order=True))) == 2
    monkeypatch.setattr(_leases, "list_objects", lambda uri: [_younger(each) for each in list_objects(uri)])
    later(lease_seconds() + 1)
    second = opened(workspace, name_elsewhere())
    parts = list(second.missing_parts(in_order=True))
    assert [part.number for part in parts] == [0, 1]
    for part in parts:
        make(part)
    storage.delete_object(storage.join(second.uri, part_name(1)))
    assert second.finish() == second.uri
    assert read_manifest_or_none(second.uri) is None
    third = opened(workspace, name_elsewhere())
    assert [part.number for part in third.missing_parts(in_order=True)] == [1]


def test_of_many_suspect_parts_a_process_takes_one_at_a_time(workspace: Workspace) -> None:
    for _ in range(MAX_DEATHS):
        assert len(taken(opened(workspace, dead_name(), 40), 20)) == 20
    first, second = opened(workspace, name_elsewhere(), 40), opened(workspace, name_elsewhere(), 40)
    made = 0
    while made < 20:
        batches = [list(folder.missing_parts()) for folder in (first, second)]
        assert [len(batch) for batch in batches] == [1, 1]
        for (part,) in batches:
            assert part.lease.suspect
            make(part)
            made += 1
    assert read_manifest(first.finish()).rows_out == 40


def test_a_lease_says_who_has_it_since_when_and_how_much_memory_it_may_take(workspace: Workspace) -> None:
    name = name_elsewhere()
    folder = opened(workspace, name)
    taken(folder, 1)
    content = storage.read_json(storage.join(folder.uri, LEASES, work_of(0), "attempt-0.json"))
    assert content.keys() == {"process", "host", "since", "memory_limit"}
    assert (content["process"], content["host"]) == (name, processes.host())


@pytest.mark.parametrize(
    ("then", "now", "counts"),
    [(2**30, 2**31, False), (2**30, 2**30, True), (2**31, 2**30, True), (2**30, None, False), (None, 2**30, True)],
)
def test_deaths_under_a_smaller_memory_limit_do_not_count(
    then: int | None, now: int | None, counts: bool, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "memory_limit", lambda: then)
    for _ in range(MAX_DEATHS):  # over the part, then over the row that is tried alone
        taken(opened(workspace, dead_name(), 2), 1)
    for _ in range(MAX_DEATHS):
        (part,) = taken(opened(workspace, dead_name(), 2), 1)
        assert part.lease.try_alone(0)
    monkeypatch.setattr(processes, "memory_limit", lambda: now)
    (part,) = taken(opened(workspace, name_elsewhere(), 2), 1)
    assert (part.lease.suspect, part.lease.must_be_alone(0)) == (counts, counts)
    assert part.lease.try_alone(0) != counts


def test_a_lease_that_was_not_written_by_us_is_refused(workspace: Workspace) -> None:
    folder = opened(workspace, name_elsewhere())
    storage.create_json(storage.join(folder.uri, LEASES, work_of(0), "attempt-0.json"), [])
    with pytest.raises(InputError, match=r"attempt-0\.json was not written by ScaleQuest; remove it"):
        taken(folder, 1)


def test_marks_of_older_versions_are_in_nobodys_way(workspace: Workspace) -> None:
    folder = opened(workspace, name_elsewhere())
    storage.create_json(storage.join(folder.uri, "tries", "a.1.1.b-000000-part-00000.json"), {})
    for part in folder.missing_parts():
        make(part)
    assert read_manifest(folder.finish()).rows_out == 4


def test_of_two_that_take_an_attempt_one_has_it(workspace: Workspace) -> None:
    uri = opened(workspace, name_elsewhere()).uri
    leases = Leases(uri), Leases(uri)
    assert [each.take(FOLDER) is not None for each in leases] == [True, False]
