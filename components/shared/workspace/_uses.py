"""Marks by which runs and ``scalequest gc`` see each other, so that gc never deletes what a run has just found.

::

    _in_use/{process}.json    a run works on a folder and reads others: {"folder": …, "reads": […]}
    _removing/{process}.json  gc is deleting folders now: {"folders": […]}

A run writes its mark before it continues or reuses a folder, or writes a plan, and looks for notices of gc afterwards.
gc writes its notice first, then looks for marks that are newer than its survey. Stores show at once what was written,
so in any order one of the two sees the other: either gc spares the folder and everything that it was made from, or the
run waits until gc is done and takes the folder as it is then. Runs never delete marks: they protect what was found
until it is old enough to be garbage, and then are garbage themselves.

Assumption: gc starts no deletion later than ``NOTICE_SECONDS`` after its notice, by its own clock, and its requests end
when their retries end. An older notice, by the store's clock, belongs to a process that was killed. Two cases remain: a
machine that freezes for longer than that during a request of gc, and a run in another workspace, whose mark is there
(``--keep`` names what others read).
"""

from __future__ import annotations

import contextlib
import logging
import posixpath
import re
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, cast

from components.shared import processes
from components.shared.errors import InputError, UnavailableError
from components.shared.stores import storage
from components.shared.stores.inventory import StoredObject, list_objects, store_time
from components.shared.stores.retries import READ_SECONDS, limit_seconds
from components.shared.workspace._pauses import Pauses
from components.shared.workspace.manifests import MANIFEST
from components.shared.workspace.plans import Plan
from components.shared.workspace.row_sources import folder_of

IN_USE = "_in_use"
REMOVING = "_removing"
NOTICE_SECONDS = 120.0

_NAME = re.compile(r"\w+\.\w+\.\w+\.\w+\.json")

logger = logging.getLogger(__name__)


def mark_use(workspace: str, plan: Plan) -> None:
    """Mark the folder of a plan and its inputs as in use; wait while gc deletes one of them.

    Raises InputError for an input that was deleted before this process could mark it. A process that may only read the
    workspace uses finished folders without a mark.
    """
    entries = [entry for entries in plan.inputs.values() for entry in entries]
    mark = {"folder": plan.name, "reads": [entry.uri for entry in entries], "host": processes.host()}
    try:
        storage.create_json(storage.join(workspace, IN_USE, f"{processes.own_name()}.json"), mark)
    except InputError as error:
        logger.info("no mark that %s is in use could be left: %s", plan.name, error)
    _wait_for_removals(workspace, [plan.name, *mark["reads"]])
    for entry in entries:
        if entry.is_folder and not storage.exists(storage.join(folder_of(entry.uri), MANIFEST)):
            raise InputError(f"{entry.uri} was deleted while this step started to read it; run its step again")


def list_marks(workspace: str) -> set[str]:
    """Return the names of the marks of all runs."""
    return {posixpath.join(IN_USE, name) for name in storage.list_names(storage.join(workspace, IN_USE))}


def read_mark(workspace: str, name: str) -> list[str]:
    """Return the addresses of what a mark says is used; none if it is gone."""
    mark = _read(storage.join(workspace, name), {"folder": str, "reads": list})
    return [mark["folder"], *mark["reads"]] if mark else []


class Notice:
    """What gc writes before it looks whether anybody uses the folders that it is about to delete."""

    def __init__(self) -> None:
        self._begun = time.monotonic()

    def check(self) -> None:
        """Raise UnavailableError if so much time has passed that runs may believe that this process is dead."""
        if time.monotonic() - self._begun > NOTICE_SECONDS:
            raise UnavailableError(
                f"the store took more than {NOTICE_SECONDS:g} s to remove some objects; what is removed is gone, what "
                "is left is found again: start the same command again"
            )


@contextlib.contextmanager
def removal_of(workspace: str, folders: Sequence[str]) -> Iterator[Notice]:
    """Let a notice stand while folders are removed."""
    name = f"{processes.own_name()}.json"
    notice = Notice()
    uri = storage.join(workspace, REMOVING, name)
    storage.create_json(uri, {"folders": list(folders), "host": processes.host()})
    try:
        yield notice
    finally:
        storage.delete_object(uri)


def folders_in(uri: str, folders: Collection[str]) -> set[str]:
    """Return the folders whose two names an address has: the workspace may be called, or have stood, otherwise."""
    return {pair for pair in map("/".join, pairwise(uri.split("/"))) if pair in folders}


def _wait_for_removals(workspace: str, used: Sequence[str]) -> None:
    removals, pauses = _Removals(workspace, used), Pauses()
    while (left := removals.seconds_left()) > 0:
        pauses.sleep(left)


class _Removals:
    """The notices about some addresses, and for how long each of them counts."""

    def __init__(self, workspace: str, used: Sequence[str]) -> None:
        self._workspace = workspace
        self._place = storage.join(workspace, REMOVING)
        self._used = used
        self._ends: dict[str, float] = {}  # until when a notice counts, by this process' clock; 0.0: it does not
        self._looked = False

    def seconds_left(self) -> float:
        """Return for how long one of the present notices may still belong to a live process."""
        standing = [each for each in list_objects(self._place) if self._may_live(each.name)]
        new = [each for each in standing if each.name not in self._ends]
        hosts = {each.name: host for each in new if (host := self._host_of_who_removes(each.name))}
        # What comes later is as new as this process' own sight of it.
        clock = self._store_time() if hosts and not self._looked else None
        self._looked = True
        for each in new:
            self._ends[each.name] = self._end(each, hosts[each.name], clock) if each.name in hosts else 0.0
        return max((self._ends[each.name] - time.monotonic() for each in standing), default=0.0)

    def _may_live(self, name: str) -> bool:
        return bool(_NAME.fullmatch(name)) and processes.state_of(name.removesuffix(".json")) != "dead"

    def _host_of_who_removes(self, name: str) -> str:
        """Return where the process of a notice runs, "" where the notice is not about what is used, or gone."""
        notice = _read(storage.join(self._place, name), {"folders": list, "host": str})
        about_used = notice and any(folders_in(uri, notice["folders"]) for uri in self._used)
        return cast(str, notice["host"]) if notice and about_used else ""

    def _end(self, notice: StoredObject, host: str, clock: float | None) -> float:
        left = NOTICE_SECONDS + limit_seconds() + READ_SECONDS - (clock - notice.time if clock is not None else 0.0)
        if left > 0:
            logger.info(
                "waiting for a gc that removes folders this step uses, or that looks whether it may, for %.0f s at "
                "most: %s, left by %s", left, storage.join(self._place, notice.name), host,
            )  # fmt: skip
        return time.monotonic() + left

    def _store_time(self) -> float | None:
        """Return the store's own time; None if it is not told (on a directory, to who may only read)."""
        try:
            return store_time(self._workspace)
        except InputError as error:
            logger.info("how old a notice is cannot be told: %s", error)
            return None


def _read(uri: str, keys: Mapping[str, type]) -> dict[str, Any] | None:
    try:
        content = storage.read_json(uri)
    except FileNotFoundError:
        return None
    if not isinstance(content, dict) or not all(isinstance(content.get(key), kind) for key, kind in keys.items()):
        raise InputError(f"{uri} was not written by ScaleQuest; delete it, or choose another workspace")
    return content
