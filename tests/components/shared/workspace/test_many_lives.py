"""Whatever becomes of processes that share a step: no row is lost or doubled, and only what kills is rejected.

The processes take turns as drawn. They are killed, stopped, started again and frozen, here or on another machine, and
time goes by on the store's clock alone.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from unittest import mock

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from components.shared import processes, stopping
from components.shared.records import Question
from components.shared.stores import storage
from components.shared.stores.inventory import StoredObject, list_objects
from components.shared.workspace import Workspace, _leases
from components.shared.workspace._attempts import MAX_DEATHS
from components.shared.workspace._leases import LEASES, lease_seconds
from components.shared.workspace.manifests import read_manifest
from components.shared.workspace.output_folders import OutputFolder, Part
from tests.components.rejects import read_rejects
from tests.components.shared.deadly import is_part
from tests.components.shared.other_processes import as_process, dead_name, name_elsewhere
from tests.components.shared.sample_folders import create_folder, settle, some_row

pytestmark = pytest.mark.slow

NUM_ROWS, ROWS_PER_PART, NUM_PODS = 9, 3, 3
TICK = lease_seconds() / 4


class Death(BaseException):
    """The end of a process."""


class Waits(BaseException):
    """A process has nothing to do but to wait for others."""


@dataclass
class World:
    """A store with a clock of its own, and the processes that work there."""

    place: str
    deadly: set[int]
    clock: float = 0.0
    times: dict[str, float] = field(default_factory=dict)  # when objects were written
    dying_as_it_writes: bool = False
    living: set[str] = field(default_factory=set)  # the names of processes
    at_work: dict[int, Pod] = field(default_factory=dict)  # who works on a part, as far as others may think so
    died_alone: Counter[int] = field(default_factory=Counter)  # rows that were tried alone when a process was lost

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Let all stores be this one."""
        create = storage.create

        def create_at(uri: str, data: bytes) -> None:
            if self.dying_as_it_writes and is_part(uri):
                raise Death
            create(uri, data)
            self.times[uri] = self.clock

        def list_at(uri: str) -> list[StoredObject]:
            return [
                StoredObject(name=each.name, size=each.size, time=self.times[storage.join(uri, each.name)])
                for each in list_objects(uri)
            ]

        with ExitStack() as stack:
            stack.enter_context(mock.patch.object(storage, "create", create_at))
            stack.enter_context(mock.patch.object(_leases, "list_objects", list_at))
            stack.enter_context(mock.patch.object(_leases, "store_time", side_effect=lambda _: self.clock))
            stack.enter_context(mock.patch.object(stopping, "sleep", _waits))
            stack.enter_context(mock.patch.object(processes, "state_of", self._state_of))
            yield

    def _state_of(self, name: str) -> processes.State:
        if name.startswith("elsewhere"):
            return "unknown"
        return "alive" if name in self.living else "dead"


def _waits(_: float) -> None:
    raise Waits


class Pod:
    """A process, and those that follow it where it dies or stops."""

    def __init__(self, world: World, *, here: bool) -> None:
        self.world = world
        self.here = here  # on this machine: it is known at once that it is gone
        self.frozen_since: float | None = None
        self.finished = False
        self._start()

    def _start(self) -> None:
        self.name = dead_name() if self.here else name_elsewhere()
        self.world.living.add(self.name)
        with as_process(self.name):
            self.folder = create_folder(Workspace(self.world.place), NUM_ROWS, ROWS_PER_PART)
        self.rows = self._work(self.folder)
        self.alone: int | None = None  # the row that it tries alone

    def step(self) -> None:
        """Do what comes next, up to and with one row."""
        if self.finished or self.frozen_since is not None:
            return
        try:
            next(self.rows)
        except StopIteration:
            self.folder.finish()
            self.finished = True
        except Waits:
            self.rows = self._work(self.folder)
        except Death:
            self._lost()
            self._start()

    def kill(self) -> None:
        """Kill it, and start another one in its place."""
        if not self.finished:
            self._lost()
            self.frozen_since = None
            self._start()

    def stop(self) -> None:
        """Stop it as asked, and start another one in its place."""
        if not self.finished and self.frozen_since is None:
            self.folder.leases.release()
            self._leave()
            self._start()

    def freeze(self) -> None:
        """Let it do nothing for some time, or go on."""
        if self.frozen_since is not None:
            self.frozen_since = None
        elif not self.finished and not self.here:  # one that is gone on this machine cannot go on
            self.frozen_since = self.world.clock

    def tick(self) -> None:
        """Let it say that it lives."""
        if not self.finished and self.frozen_since is None:
            self.folder.leases.say_alive()
        elif self.frozen_since is not None and self.world.clock - self.frozen_since >= lease_seconds():
            self._lost()  # as far as the others can tell
            self._leave()

    def _lost(self) -> None:
        if self.alone is not None:
            self.world.died_alone[self.alone] += 1
            self.alone = None
        self._leave()

    def _leave(self) -> None:
        self.world.living.discard(self.name)
        self.world.at_work = {part: pod for part, pod in self.world.at_work.items() if pod is not self}

    def _work(self, folder: OutputFolder) -> Iterator[None]:
        for part in folder.missing_parts():
            holder = self.world.at_work.setdefault(part.number, self)
            assert holder is self, "two processes that live work on one part"
            yield from self._settle_all(part)
            if self.world.at_work.get(part.number) is self:
                del self.world.at_work[part.number]

    def _settle_all(self, part: Part) -> Iterator[None]:
        for index, row in part.rows(some_row(number) for number in range(part.slice.start, part.slice.stop)):
            number = int(row.id)
            self.alone = number if part.lease.must_be_alone(index) else None
            yield
            if number in self.world.deadly:
                raise Death
            try:
                settle(part, index)
            finally:
                self.alone = None


actions = st.one_of(
    st.tuples(st.just("step"), st.integers(0, NUM_PODS - 1)),
    st.tuples(st.sampled_from(["kill", "kill_as_it_writes", "stop", "freeze"]), st.integers(0, NUM_PODS - 1)),
    st.tuples(st.just("tick"), st.just(0)),
)


@settings(max_examples=25)
@given(
    deadly=st.sets(st.integers(0, NUM_ROWS - 1), max_size=2),
    here=st.lists(st.booleans(), min_size=NUM_PODS, max_size=NUM_PODS),
    history=st.lists(actions, max_size=40),
)
@example(deadly={4}, here=[True] * NUM_PODS, history=[])
@example(deadly=set(), here=[False] * NUM_PODS, history=[("step", 0), ("kill", 0)] * 8)
@example(deadly=set(), here=[False] * NUM_PODS, history=[("step", 0), ("stop", 0)] * 8)
@example(deadly=set(), here=[False] * NUM_PODS, history=[("step", 0), ("freeze", 0), *[("tick", 0)] * 6, ("freeze", 0)])
@example(deadly=set(), here=[True] * NUM_PODS, history=[("kill_as_it_writes", 0)] * 10)
def test_a_row_is_rejected_if_it_always_kills_and_otherwise_never(
    deadly: set[int], here: list[bool], history: list[tuple[str, int]]
) -> None:
    with tempfile.TemporaryDirectory() as place:
        world = World(place, deadly)
        with world.entered():
            pods = [Pod(world, here=each) for each in here]
            for action, number in history:
                _act(world, pods, action, pods[number])
            for pod in pods:
                pod.frozen_since = None
            for _ in range(100 * NUM_ROWS):
                if all(pod.finished for pod in pods):
                    break
                for pod in pods:
                    pod.step()
                _act(world, pods, "tick", pods[0])
            uri = create_folder(Workspace(place), NUM_ROWS, ROWS_PER_PART).uri
        manifest = read_manifest(uri)
        rejected = {int(row["id"]) for row in read_rejects(uri)}
        kept = [int(row.id) for row in Workspace(place).read(uri, Question)]
        assert LEASES not in storage.list_names(uri)
    assert manifest.rows_in == NUM_ROWS == manifest.rows_out + sum(manifest.rejected.values())
    assert kept == sorted(set(range(NUM_ROWS)) - rejected)
    # What hits a row twice while it is tried alone cannot be told from a row that kills.
    assert deadly <= rejected <= deadly | {row for row, times in world.died_alone.items() if times >= MAX_DEATHS}


def _act(world: World, pods: list[Pod], action: str, pod: Pod) -> None:
    if action == "tick":
        world.clock += TICK
        for each in pods:
            each.tick()
    elif action == "kill_as_it_writes":
        world.dying_as_it_writes = True
        for _ in range(ROWS_PER_PART + 1):
            with suppress(Death):
                pod.step()
        world.dying_as_it_writes = False
    else:
        getattr(pod, action)()
