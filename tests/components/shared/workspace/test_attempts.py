"""What is blamed for the death of a process: the row that it tried alone, otherwise the parts that it had leased."""

from __future__ import annotations

import itertools
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.shared.engines import Completion, Request, Result, Sampling
from components.shared.engines.stream import answer_parts
from components.shared.errors import EngineDiedError
from components.shared.records import Question
from components.shared.stores import storage
from components.shared.stores.inventory import StoredObject
from components.shared.workspace import Workspace
from components.shared.workspace._attempts import Attempt, Standing, judge, last_signs, read_attempts, work_of
from components.shared.workspace._leases import LEASES
from components.shared.workspace.manifests import read_manifest
from components.shared.workspace.output_folders import OutputFolder, Part, RowKey
from tests.components.rejects import read_rejects
from tests.components.shared.other_processes import as_process, dead_name
from tests.components.shared.sample_folders import create_folder, settle, some_row

NUM_ROWS, ROWS_PER_PART = 12, 4
SAMPLING = Sampling(temperature=0.0, max_tokens=1)

Events = list[tuple[str, int, int]]  # what, part, row

events_of_a_process = st.lists(
    st.tuples(st.sampled_from(["row", "died", "past"]), st.integers(0, 3), st.integers(0, 3)), max_size=6
)


@settings(max_examples=200)
@given(
    histories=st.lists(
        st.tuples(
            st.sets(st.integers(0, 3), min_size=1),
            events_of_a_process,
            st.sampled_from(["dead", "alive", "ended"]),
        ),
        max_size=5,
    )
)
def test_a_process_is_counted_for_what_it_was_at_when_it_died(
    histories: list[tuple[set[int], Events, str]],
) -> None:
    objects: list[StoredObject] = []
    holders: dict[tuple[str, int], str] = {}
    expected = Standing()
    attempts = Counter[str]()
    for process, (parts, drawn, state) in enumerate(histories):
        events = [event for event in drawn if event[1] in parts]
        names = {part: f"{work_of(part)}/attempt-{attempts[work_of(part)]}" for part in parts}
        attempts.update(map(work_of, parts))
        objects += [StoredObject(name=f"{name}.json", size=1, time=process) for name in names.values()]
        holders |= {(work_of(part), attempts[work_of(part)] - 1): f"{process}" for part in parts}
        for number, (what, part, row) in enumerate(events):
            of_row = "" if what == "past" else f"-{row:05d}"
            objects.append(StoredObject(name=f"{names[part]}-{number:06d}-{what}{of_row}.json", size=1, time=process))
        if state == "ended":
            some = min(parts)  # a release may be cut off: one word is enough
            objects.append(StoredObject(name=f"{names[some]}-{len(events):06d}-ended.json", size=1, time=process))
        expected.rows.update((work_of(part), row) for what, part, row in events if what == "died")
        last = events[-1] if events else ("", 0, 0)
        if state == "alive":
            expected.held |= {work_of(part): process for part in parts}
        elif state == "dead" and last[0] == "row":
            expected.rows[work_of(last[1]), last[2]] += 1
        elif state == "dead" and last[0] != "died":
            expected.parts.update(map(work_of, parts))

    found = read_attempts(reversed(objects))
    for attempt in found:
        attempt.holder = holders[attempt.work, attempt.number]
    standing = judge(found, lambda process, _: histories[int(process)][2] == "dead")

    assert standing.attempts == attempts
    assert (standing.rows, standing.parts) == (expected.rows, expected.parts)
    assert standing.held.keys() == expected.held.keys()


def test_objects_of_other_names_are_no_attempts() -> None:
    names = ["x.json", "part-00000/attempt-0", "part-0/.attempt-0.json.abcd1234.tmp", "alive/a.1.1.b-000001.json"]
    objects = [StoredObject(name=name, size=1, time=7.0) for name in names]
    assert read_attempts(objects) == []
    assert last_signs(objects) == {"a.1.1.b": 7.0}


def test_an_attempt_is_as_old_as_its_newest_object() -> None:
    names = ["part-00001/attempt-2.json", "part-00001/attempt-2-000001-row-00004.json"]
    objects = [StoredObject(name=name, size=1, time=float(time)) for time, name in enumerate(names)]
    assert read_attempts(objects) == [Attempt("part-00001", 2, time=1.0, events=[(1, "row", 4)])]


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
        for _ in range(3 * 2 + 2 * len(deadly) + len(spots) + 1):
            with as_process(dead_name()):
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
        assert LEASES not in storage.list_names(uri)
    assert manifest.rows_in == NUM_ROWS == manifest.rows_out + sum(manifest.rejected.values())
    assert kept == set(range(NUM_ROWS)) - rejected
    # Two kills from outside, at the very same row alone, are the one thing that cannot be told from a deadly row.
    assert rejected == deadly or (len(spots) == 2 and rejected - deadly and len(rejected - deadly) == 1)
