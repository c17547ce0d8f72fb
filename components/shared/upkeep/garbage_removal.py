"""Removal of garbage, in an order in which it can be cut off anywhere: what is left is found again.

Much may happen between a survey and a removal, so each folder is looked at once more: ``uses`` says how a run that
begins meanwhile is seen.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from itertools import groupby

from components.shared.stores import storage
from components.shared.stores.inventory import StoredObject, delete_empty_directories, delete_objects, list_objects
from components.shared.upkeep.garbage import Finding
from components.shared.workspace._uses import folders_in, list_marks, read_mark, removal_of
from components.shared.workspace.manifests import MANIFEST
from components.shared.workspace.plans import PART_NAME, PLAN

AT_ONCE = 1000  # objects under one notice: seconds, where a notice is good for minutes


logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Removed:
    """How much was removed, and which folders were not because somebody uses them or has written to them since."""

    objects: int
    size: int  # bytes
    in_use: tuple[str, ...]


def remove_garbage(workspace: str, findings: Sequence[Finding]) -> Removed:
    """Remove what ``survey`` found to be garbage, folder by folder, each before all that it was made from.

    So nothing stands whose own inputs are gone. Of a folder that goes altogether the manifest is removed first: it
    never looks finished while parts are missing. Then the parts, so that none stands without its rejected rows: who
    continues the folder keeps the parts that it finds; and last the plan, without which nobody knows what cut them.
    """
    by_folder: dict[str, list[Finding]] = {}
    for finding in findings:
        by_folder.setdefault(finding.folder, []).append(finding)
    removal = _Removal(workspace, findings)
    sources_first = [*TopologicalSorter({name: found[0].sources for name, found in by_folder.items()}).static_order()]
    for folder in [*filter(None, reversed(sources_first)), ""]:
        found = by_folder.get(folder, [])
        garbage = [each.object for each in found if each.status == "garbage"]
        if {f"{folder}/{MANIFEST}", f"{folder}/{PLAN}"} & {each.name for each in garbage}:
            removal.remove_folder(folder, garbage)
        elif garbage:
            removal.remove_leftovers(folder, garbage)
    size = sum(each.size for each in removal.removed)
    return Removed(objects=len(removal.removed), size=size, in_use=tuple(removal.left))


class _Removal:
    def __init__(self, workspace: str, findings: Sequence[Finding]) -> None:
        self.workspace = workspace
        self.removed: list[StoredObject] = []
        self.left: list[str] = []  # the folders that turned out to be in use
        self._sources = {finding.folder: finding.sources for finding in findings}
        self._times = {each.object.name: each.object.time for each in findings if not each.object.upload}
        self._marks = {*self._times}  # and all else that is known
        self._used: set[str] = set()

    def remove_folder(self, folder: str, garbage: Sequence[StoredObject]) -> None:
        """Remove what is ours of a folder, unless it is used."""
        objects = sorted(garbage, key=_turn)
        for start in range(0, len(objects), AT_ONCE):
            with removal_of(self.workspace, [folder]) as notice:
                if self._is_used(folder):
                    logger.warning("%s is in use, or was written to in the meantime; it is kept", self._uri(folder))
                    self.left.append(folder)
                    return
                batch = objects[start : start + AT_ONCE]
                for _, now in groupby(batch, key=_turn):
                    delete_objects(self.workspace, now, before_each=notice.check)
                self._note(folder, batch)

    def remove_leftovers(self, folder: str, garbage: Sequence[StoredObject]) -> None:
        """Remove what nobody reads: of a finished folder, or of none."""
        delete_objects(self.workspace, garbage)
        self._note(folder, garbage)

    def _note(self, folder: str, removed: Sequence[StoredObject]) -> None:
        if folder:
            delete_empty_directories(self._uri(folder))
        self.removed += removed
        logger.info("deleted %d objects of %s", len(removed), self._uri(folder))

    def _is_used(self, folder: str) -> bool:
        """Tell whether a run has said since the survey that it uses a folder, or anything that was made from it."""
        marks = list_marks(self.workspace) - self._marks
        self._marks |= marks
        for uri in [uri for name in marks for uri in read_mark(self.workspace, name)]:
            self._spare(folders_in(uri, self._sources))
        if folder not in self._used and self._changed(folder):
            self._spare({folder})
        return folder in self._used

    def _spare(self, folders: set[str]) -> None:
        """Leave folders where they are, and all that they were made from."""
        while folders := folders - self._used:
            self._used |= folders
            folders = {source for folder in folders for source in self._sources[folder]}

    def _changed(self, folder: str) -> bool:
        """Tell whether a folder holds anything that was not there when the survey was made, or not in this form."""
        now = list_objects(self._uri(folder))
        return any(self._times.get(f"{folder}/{each.name}") != each.time for each in now)

    def _uri(self, folder: str) -> str:
        return storage.join(self.workspace, folder) if folder else self.workspace


def _turn(each: StoredObject) -> int:
    """Return when an object of a folder that goes altogether is removed: manifest, parts, all else, plan."""
    name = each.name.split("/", 2)[2]
    if PART_NAME.fullmatch(name):
        return 1
    return {MANIFEST: 0, PLAN: 3}.get(name, 2)
