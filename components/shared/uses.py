"""Marks by which runs and ``scalequest gc`` see each other, so that nothing goes that a run has just found.

::

    _in_use/{process}.json    a run works on a folder and reads others: {"folder": …, "reads": […]}
    _removing/{process}.json  a removal deletes folders just now: {"folders": […]}

A run leaves its mark before it continues or reuses a folder, or writes a plan, and looks for notices afterwards. A
removal leaves its notice first, then looks for marks that came since it had looked around. Whatever the order, one of
the two sees the other, as stores show at once what was written: either the removal spares the folder with all that it
was made from, or the run waits until the removal is over and takes the folder as it stands then. Marks are never
deleted by runs: they keep what was found until it is old enough to be garbage, as the marks themselves are then.

Assumption: a removal begins to delete for ``NOTICE_SECONDS`` after its notice, by its own clock, and its requests are
over after the time for which they are tried again. So a notice that is older, by the store's clock, is of a process
that was killed. What remains possible: a machine that freezes for longer than that in the middle of gc's request; and
a run in another workspace, whose mark is there: ``--keep`` names what others read.
"""

from __future__ import annotations

import contextlib
import logging
import posixpath
import re
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from components.shared import processes, stopping, storage
from components.shared.errors import InputError, UnavailableError
from components.shared.inventory import list_objects, store_time
from components.shared.manifests import MANIFEST
from components.shared.retries import READ_SECONDS, limit_seconds
from components.shared.row_sources import folder_of

IN_USE = "_in_use"
REMOVING = "_removing"
NOTICE_SECONDS = 120.0
POLL_SECONDS = 0.5

_NAME = re.compile(r"\w+\.\w+\.\w+\.\w+\.json")

logger = logging.getLogger(__name__)


def mark_use(workspace: str, plan: Mapping[str, Any]) -> None:
    """Say that this process uses the folder of a plan and its inputs; wait where one of them is being removed.

    Raises InputError for an input that was removed before this process could say so. Who may only read a workspace
    uses what is finished there without a mark.
    """
    entries = [entry for entries in plan["inputs"].values() for entry in entries]
    folder = posixpath.join(plan["step"], plan["fingerprint"])
    mark = {"folder": folder, "reads": [entry["uri"] for entry in entries], "host": processes.host()}
    try:
        storage.create_json(storage.join(workspace, IN_USE, f"{processes.own_name()}.json"), mark)
    except InputError as error:
        logger.info("no mark that %s is in use could be left: %s", folder, error)
    _wait_for_removals(workspace, [folder, *mark["reads"]])
    for entry in entries:
        if "kind" in entry and not storage.exists(storage.join(folder_of(entry["uri"]), MANIFEST)):
            raise InputError(f"{entry['uri']} was removed while this step began to read it; make it again")


def list_marks(workspace: str) -> set[str]:
    """Return the names of the marks of all runs."""
    return {posixpath.join(IN_USE, name) for name in storage.list_names(storage.join(workspace, IN_USE))}


def read_mark(workspace: str, name: str) -> list[str]:
    """Return the addresses of what a mark says is used; none where it is gone."""
    mark = _read(storage.join(workspace, name), {"folder": str, "reads": list})
    return [mark["folder"], *mark["reads"]] if mark else []


class Notice:
    """What a removal says before it looks whether anybody uses the folders that it is about to delete."""

    def __init__(self) -> None:
        self._begun = time.monotonic()

    def check(self) -> None:
        """Raise UnavailableError where so much time has passed that runs may take this process for dead."""
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
    while standing := _removals(workspace, used):
        logger.info("waiting for a gc that removes folders this step uses, or that looks whether it may (%s)", standing)
        stopping.sleep(POLL_SECONDS)


def _removals(workspace: str, used: Sequence[str]) -> list[str]:
    """Return the notices of processes that may live and that are about one of the used addresses."""
    place = storage.join(workspace, REMOVING)
    notices = [each for each in list_objects(place) if _NAME.fullmatch(each.name)]
    if not notices:
        return []
    dead = store_time(workspace) - NOTICE_SECONDS - limit_seconds() - READ_SECONDS
    return [
        each.name
        for each in notices
        if each.time > dead
        and processes.state_of(each.name.removesuffix(".json")) != "dead"
        and (notice := _read(storage.join(place, each.name), {"folders": list}))
        and any(folders_in(uri, notice["folders"]) for uri in used)
    ]


def _read(uri: str, keys: Mapping[str, type]) -> dict[str, Any] | None:
    try:
        content = storage.read_json(uri)
    except FileNotFoundError:
        return None
    if not isinstance(content, dict) or not all(isinstance(content.get(key), kind) for key, kind in keys.items()):
        raise InputError(f"{uri} was not written by ScaleQuest; remove it, or choose another workspace")
    return content
