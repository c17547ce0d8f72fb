"""What is blamed for the death of a process: the row that it tried alone, else the parts that it had begun."""

from __future__ import annotations

import itertools
import random
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.shared import processes
from components.shared.engines import Completion, Request, Result, Sampling
from components.shared.engines.stream import answer_parts
from components.shared.errors import EngineDiedError
from components.shared.records import Question
from components.shared.stores import storage
from components.shared.workspace import Workspace, _tries
from components.shared.workspace._tries import TRIES, Tries, blame
from components.shared.workspace.manifests import read_manifest
from components.shared.workspace.output_folders import OutputFolder, Part, RowKey
from tests.components.rejects import read_rejects
from tests.components.shared.sample_folders import create_folder, settle, some_row
from tests.stores import Store

NUM_ROWS, ROWS_PER_PART = 12, 4
GONE = 2**22 + 1  # no process has such a number
SAMPLING = Sampling(temperature=0.0, max_tokens=1)

Marks = list[tuple[str, int, int]]


def names_of(process: str, marks: Marks) -> list[str]:
    """Return the names of a process' marks."""
    places = {"begun": "", "part": "-{:05d}", "row": "-{:05d}-{:05d}", "died": "-{:05d}-{:05d}", "ended": ""}
    return [
        f"{process}-{number:06d}-{what}{places[what].format(part, row)}.json"
        for number, (what, part, row) in enumerate(marks)
    ]


marks_of_a_process = st.lists(
    st.tuples(st.sampled_from(["begun", "part", "row", "died"]), st.integers(0, 3), st.integers(0, 3)),
    min_size=1,
    max_size=6,
)


@settings(max_examples=200)
@given(
    histories=st.lists(
        st.tuples(marks_of_a_process, st.sampled_from(["dead", "alive", "unknown", "ended"])), max_size=5
    ),
    order=st.randoms(use_true_random=False),
)
def test_a_process_is_counted_for_what_it_was_at_when_it_died(
    histories: list[tuple[Marks, str]], order: random.Random
) -> None:
    states = {f"a.{number}.1.b": state for number, (_, state) in enumerate(histories)}
    names = []
    for process, (marks, state) in zip(states, histories, strict=True):
        names += names_of(process, marks + [("ended", 0, 0)] * (state == "ended"))
    order.shuffle(names)

    found = blame(names, lambda process: states[process])  # type: ignore[arg-type,return-value]

    sudden = [(marks, state) for marks, state in histories if state in ("dead", "unknown")]
    at_a_row = [(marks[-1][1:], state) for marks, state in sudden if marks[-1][0] == "row"]
    in_parts = [{part for what, part, _ in marks if what == "part"} for marks, _ in sudden if marks[-1][0] == "part"]
    reported = [mark[1:] for marks, _ in histories for mark in marks if mark[0] == "died"]
    begun = [state for marks, state in sudden if marks[-1][0] == "begun"]
    assert (found.nowhere, found.out_of_sight) == (begun.count("dead"), begun.count("unknown"))
    assert found.parts == Counter(part for parts in in_parts for part in parts)
    assert found.rows == Counter(reported) + Counter(row for row, state in at_a_row if state == "dead")
    unsure = Counter(row for row, state in at_a_row if state == "unknown")
    assert {row: len(marks) for row, marks in found.unsure.items()} == unsure


def test_objects_of_other_names_are_no_marks() -> None:
    assert blame(["x.json", "a.1.1.b-1-part-00000.json", ".tmp"], lambda _: "dead") == _tries.Blame()


class Death(BaseException):
    """The end of a process, as far as the folder can tell."""


class DeadlyEngine:
    """Holds three requests at once; deadly ones end it, or the process, when they are in its hands."""

    arithmetic = ""

    def __init__(self, deadly: set[int], error: type[BaseException], clock: Iterator[int], spots: set[int]) -> None:
        self.deadly, self.error, self.clock, self.spots = deadly, error, clock, spots

    def generate(self, requests: Iterable[Request[Any]], sampling: Sampling) -> Iterator[Result[Any]]:
        """Yield the results of all requests, or die."""
        source = iter(requests)
        while window := list(itertools.islice(source, 3)):
            if next(self.clock) in self.spots:
                raise Death
            if self.deadly & {request.seed for request in window}:
                raise self.error("deadly")
            for request in reversed(window):
                yield Result(
                    request=request,
                    completions=(Completion(text="ok", finish_reason="stop", num_tokens=1),),
                    num_prompt_tokens=1,
                )

    def close(self) -> None:
        """Hold nothing."""


def work_by_row(folder: OutputFolder, deadly: set[int], clock: Iterator[int], spots: set[int]) -> None:
    """Do a step that looks at rows one at a time."""
    for part in folder.missing_parts():
        for index, row in part.rows(some_row(number) for number in range(part.slice.start, part.slice.stop)):
            if next(clock) in spots or int(row.id) in deadly:
                raise Death
            settle(part, index)


def work_by_engine(
    folder: OutputFolder, deadly: set[int], clock: Iterator[int], spots: set[int], error: type[BaseException]
) -> None:
    """Do a step that feeds an engine."""

    def requests_of(part: Part) -> Iterator[Request[Any]]:
        for number in range(part.slice.start, part.slice.stop):
            yield Request(key=RowKey(part, number - part.slice.start, number), message="", seed=number)

    engine = DeadlyEngine(deadly, error, clock, spots)
    for result in answer_parts(folder, lambda: engine, requests_of, SAMPLING):
        part, index = result.key.part, result.key.index
        reason = result.completions[0].finish_reason
        settle(part, index, "" if reason == "stop" else reason)


@pytest.mark.slow
@settings(max_examples=25)
@given(
    deadly=st.sets(st.integers(1, NUM_ROWS - 1), max_size=3),  # seed 0 is that of the probe
    spots=st.sets(st.integers(0, 30), max_size=2),
    kind=st.sampled_from(["rows", "process", "engine"]),
)
def test_whatever_dies_deadly_rows_are_set_aside_and_no_others(deadly: set[int], spots: set[int], kind: str) -> None:
    clock = itertools.count()  # over all attempts: a spot kill comes once
    with tempfile.TemporaryDirectory() as place:
        for attempt in range(3 * 2 + 2 * len(deadly) + len(spots) + 1):
            own_name = processes.own_name().split(".")
            name = ".".join([own_name[0], str(GONE + attempt), *own_name[2:]])
            with mock.patch.object(processes, "own_name", return_value=name):
                folder = create_folder(Workspace(place), NUM_ROWS, ROWS_PER_PART)
            try:
                if kind == "rows":
                    work_by_row(folder, deadly, clock, spots)
                else:
                    work_by_engine(folder, deadly, clock, spots, Death if kind == "process" else EngineDiedError)
            except (Death, EngineDiedError):
                continue
            break
        uri = folder.finish()
        manifest = read_manifest(uri)
        rejected = {int(row["id"]) for row in read_rejects(uri)}
        kept = {int(row.id) for row in Workspace(place).read(uri, Question)}
        assert TRIES not in storage.list_names(uri)
    assert manifest.rows_in == NUM_ROWS == manifest.rows_out + sum(manifest.rejected.values())
    assert kept == set(range(NUM_ROWS)) - rejected
    # Two kills from outside, at the very same row alone, are the one thing that cannot be told from a deadly row.
    assert rejected == deadly or (len(spots) == 2 and rejected - deadly and len(rejected - deadly) == 1)


def test_a_process_that_lives_is_not_blamed(workspace: Workspace) -> None:
    for _ in range(3):
        parts = create_folder(workspace, NUM_ROWS, ROWS_PER_PART).missing_parts()
        next(next(parts).rows([some_row(0)]))
    part = next(create_folder(workspace, NUM_ROWS, ROWS_PER_PART).missing_parts())
    assert not part.suspect


def test_a_step_that_ends_by_itself_takes_its_tries_back(workspace: Workspace) -> None:
    name = _name_of_the_dead("a")
    with mock.patch.object(processes, "own_name", return_value=name):
        next(next(create_folder(workspace, 4, 2).missing_parts()).rows([some_row(0)]))
        uri = create_folder(workspace, 4, 2).uri
    assert blame(storage.list_names(storage.join(uri, TRIES)), processes.state_of).nowhere == 1
    workspace.take_tries_back()
    assert blame(storage.list_names(storage.join(uri, TRIES)), processes.state_of) == _tries.Blame()


def test_a_shard_that_has_done_its_share_is_not_blamed_for_the_others(store: Store) -> None:
    for shard in range(2):
        with mock.patch.object(processes, "own_name", return_value=_name_of_the_dead(f"shard{shard}")):
            folder = create_folder(Workspace(store.uri), 6, 2, num_shards=3, shard=shard)
        for part in folder.missing_parts():
            for index, _ in part.rows(some_row(number) for number in range(2)):
                settle(part, index)
        folder.finish()
    assert blame(storage.list_names(storage.join(folder.uri, TRIES)), processes.state_of) == _tries.Blame()


def test_a_shard_that_ends_behind_the_manifest_leaves_no_mark(store: Store) -> None:
    late = create_folder(Workspace(store.uri), 4, 2, num_shards=2, shard=0)
    for part in late.missing_parts():
        for index, _ in part.rows(some_row(number) for number in range(2)):
            settle(part, index)

    def finished_by_another(tries: Tries) -> None:
        other = create_folder(Workspace(store.uri), 4, 2, num_shards=2, shard=1)
        for part in other.missing_parts():
            for index in range(2):
                settle(part, index)
        other.finish()
        end(tries)

    end = Tries.end
    with mock.patch.object(Tries, "end", finished_by_another):
        late.finish()
    assert read_manifest(late.uri).rows_out == 4
    assert storage.list_names(storage.join(late.uri, TRIES)) == []


def test_processes_elsewhere_that_have_only_begun_count_against_nothing(workspace: Workspace) -> None:
    uri = create_folder(workspace, 4, 2).uri
    marks = [names_of(f"elsewhere.1.1.{number}", [("begun", 0, 0)]) for number in range(4)]
    for name in itertools.chain(*marks, names_of(_name_of_the_dead("here"), [("part", 0, 0)])):
        storage.create_json(storage.join(uri, TRIES, name), {})
    parts = create_folder(workspace, 4, 2).missing_parts()
    assert [part.suspect for part in parts] == [False, False]


def test_rows_that_may_be_tried_elsewhere_are_watched_before_they_are_condemned(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = create_folder(workspace, 4, 2).uri
    for process in ("elsewhere.1.1.a", "elsewhere.1.1.b"):
        for name in names_of(process, [("part", 0, 0), ("row", 0, 1)]):
            storage.create_json(storage.join(uri, TRIES, name), {})
    watching = Tries(uri)
    watching.read()
    assert watching.deaths(0, 1) == 2
    slept: list[float] = []

    def one_goes_on(seconds: float) -> None:
        slept.append(seconds)
        storage.create_json(storage.join(uri, TRIES, "elsewhere.1.1.b-000002-row-00000-00002.json"), {})

    monkeypatch.setattr("components.shared.stopping.sleep", one_goes_on)
    assert not watching.is_condemned(0, 1)
    assert 590 < slept[0] <= 600

    monkeypatch.setattr(_tries, "WATCH_SECONDS", 0.0)
    again = Tries(uri)
    storage.create_json(storage.join(uri, TRIES, "elsewhere.1.1.c-000000-row-00000-00001.json"), {})
    again.read()
    assert again.is_condemned(0, 1)


def _name_of_the_dead(end: str) -> str:
    place, _, started, _ = processes.own_name().split(".")
    return f"{place}.{GONE}.{started}.{end}"
