"""Whatever becomes of a step's processes, each row that always kills is set aside, and none that killed nothing."""

from __future__ import annotations

import contextlib
import itertools
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal
from unittest import mock

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from components.shared import processes
from components.shared.records import Question
from components.shared.stores import storage
from components.shared.workspace import Workspace
from components.shared.workspace._tries import MAX_TRIES, TRIES
from components.shared.workspace.manifests import read_manifest
from components.shared.workspace.output_folders import OutputFolder, Part
from tests.components.rejects import read_rejects
from tests.components.shared.deadly import is_part
from tests.components.shared.sample_folders import create_folder, settle, some_row

pytestmark = pytest.mark.slow

NUM_ROWS, ROWS_PER_PART = 9, 3
NUM_SHARDS = 2
GONE = 2**22 + 1  # no process has such a number


@dataclass(frozen=True)
class Life:
    """A process of one shard: where it runs, how many rows it looks at, and what becomes of it at the next one."""

    shard: int
    num_shards: int
    place: Literal["here", "elsewhere"]
    rows: int
    end: Literal[
        "killed", "killed_as_it_writes", "stopped", "alive"
    ]  # one that has rows left may end well before it comes to that
    marks_parts: bool  # as steps with a model do


@dataclass
class Deaths:
    """What processes really died of."""

    deadly: set[int]
    of_rows: Counter[int] = field(default_factory=Counter)
    of_rows_alone: Counter[int] = field(default_factory=Counter)
    killed_at_a_row_alone: Counter[int] = field(default_factory=Counter)


class Death(BaseException):
    """The end of a process."""


lives = st.builds(
    Life,
    shard=st.integers(0, NUM_SHARDS - 1),
    num_shards=st.sampled_from([1, NUM_SHARDS]),
    place=st.sampled_from(["here", "elsewhere"]),
    rows=st.integers(0, NUM_ROWS + 1),
    end=st.sampled_from(["killed", "killed_as_it_writes", "stopped", "alive"]),
    marks_parts=st.booleans(),
)


@settings(max_examples=40)
@given(deadly=st.sets(st.integers(0, NUM_ROWS - 1), max_size=2), history=st.lists(lives, max_size=6))
@example(deadly=set(), history=[Life(s % 2, 2, "elsewhere", 9, "stopped", False) for s in range(6)])
@example(deadly={4}, history=[Life(s % 2, 2, "elsewhere", 9, "stopped", True) for s in range(6)])
@example(deadly=set(), history=[Life(0, 1, "here", 5, "stopped", True)] * 5)
@example(deadly=set(), history=[Life(0, 1, "here", 0, "killed_as_it_writes", True)] * 10)
def test_a_row_is_set_aside_if_it_always_kills_and_else_never(deadly: set[int], history: list[Life]) -> None:
    deaths = Deaths(deadly)
    with tempfile.TemporaryDirectory() as place, mock.patch("components.shared.workspace._tries.WATCH_SECONDS", 0.0):
        names = _names()
        for life in history:
            if life.shard < life.num_shards:
                _live(life, Workspace(place), next(names[life.place if life.end != "alive" else "alive"]), deaths)
        last = Life(0, 1, "here", 10**6, "stopped", marks_parts=True)
        num_last = 0
        while not _live(last, Workspace(place), next(names["here"]), deaths):
            num_last += 1
        uri = create_folder(Workspace(place), NUM_ROWS, ROWS_PER_PART).finish()
        rejected = {int(row["id"]) for row in read_rejects(uri)}
        kept = {int(row.id) for row in Workspace(place).read(uri, Question)}
        assert TRIES not in storage.list_names(uri)
        assert read_manifest(uri).rows_in == NUM_ROWS
    assert kept == set(range(NUM_ROWS)) - rejected
    # Two kills from outside, at the very same row alone, are the one thing that cannot be told from a deadly row.
    assert rejected == deadly | {row for row, times in deaths.killed_at_a_row_alone.items() if times >= MAX_TRIES}
    assert all(times <= MAX_TRIES for times in deaths.of_rows_alone.values())
    assert num_last <= 2 * MAX_TRIES * len(deadly)


def _names() -> dict[str, Iterator[str]]:
    """Return names for processes that are dead, out of sight, and alive, forever new."""
    here, pid, started, _ = processes.own_name().split(".")
    return {
        "here": (f"{here}.{GONE + number}.{started}.a" for number in itertools.count()),
        "elsewhere": (f"elsewhere.1.{number}.a" for number in itertools.count()),
        "alive": (f"{here}.{pid}.{started}.{number}" for number in itertools.count()),
    }


def _live(life: Life, workspace: Workspace, name: str, deaths: Deaths) -> bool:
    """Let a process work until its end; tell whether that was a good one."""
    with mock.patch.object(processes, "own_name", return_value=name):
        folder = create_folder(workspace, NUM_ROWS, ROWS_PER_PART, shard=life.shard, num_shards=life.num_shards)
    try:
        _work(life, folder, deaths)
    except Death:
        return False
    folder.finish()
    return True


def _work(life: Life, folder: OutputFolder, deaths: Deaths) -> None:
    left = life.rows
    for part in folder.missing_parts():
        if life.marks_parts:
            part.begin()
        for index, row in part.rows(some_row(number) for number in range(part.slice.start, part.slice.stop)):
            number = int(row.id)
            if left <= 0 and life.end != "killed_as_it_writes":
                _end(life, folder, part, index, deaths)
            if number in deaths.deadly:
                deaths.of_rows[number] += 1
                deaths.of_rows_alone[number] += part.must_be_alone(index)
                raise Death
            left -= 1
            with _killed_as_it_writes() if left < 0 else contextlib.nullcontext():
                settle(part, index)


@contextlib.contextmanager
def _killed_as_it_writes() -> Iterator[None]:
    create = storage.create

    def kill(uri: str, data: bytes) -> None:
        if is_part(uri):
            raise Death
        create(uri, data)

    with mock.patch.object(storage, "create", kill):
        yield


def _end(life: Life, folder: OutputFolder, part: Part, index: int, deaths: Deaths) -> None:
    if life.end == "stopped":
        folder.tries.end()
    elif life.end == "killed" and part.must_be_alone(index):
        deaths.killed_at_a_row_alone[part.slice.start + index] += 1
    raise Death
