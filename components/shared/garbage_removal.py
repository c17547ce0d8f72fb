"""Removal of garbage, in an order in which it can be cut off anywhere: what is left is found again."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from components.shared import storage
from components.shared.garbage import Finding
from components.shared.inventory import StoredObject, delete_empty_directories, delete_objects, list_objects
from components.shared.manifests import MANIFEST, PLAN

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Removed:
    """How much was removed, and which folders were not because somebody has written to them since."""

    objects: int
    size: int  # bytes
    in_use: tuple[str, ...]


def remove_garbage(workspace: str, findings: Sequence[Finding]) -> Removed:
    """Remove what ``survey`` found to be garbage, folder by folder, what was written last first.

    So nothing stands whose own inputs are gone. Of a folder that goes altogether the manifest is removed first: it
    never looks finished while parts are missing; and the plan last: parts never stand without the plan that cut them.
    """
    by_folder: dict[str, list[Finding]] = {}
    for finding in findings:
        by_folder.setdefault(finding.folder, []).append(finding)
    removed: list[StoredObject] = []
    in_use = []
    for folder, found in sorted(by_folder.items(), key=lambda item: -max(each.object.time for each in item[1])):
        garbage = [each.object for each in found if each.status == "garbage"]
        if not garbage:
            continue
        goes_altogether = len(garbage) == len(found)
        if goes_altogether and _changed(workspace, folder, garbage):
            logger.warning("%s has been written to since it was looked at; it stays", storage.join(workspace, folder))
            in_use.append(folder)
            continue
        _remove(workspace, folder, garbage)
        removed += garbage
    return Removed(objects=len(removed), size=sum(each.size for each in removed), in_use=tuple(in_use))


def _changed(workspace: str, folder: str, objects: Sequence[StoredObject]) -> bool:
    """Tell whether a folder holds anything that was not there when the survey was made, or not in this form."""
    times = {each.name: each.time for each in objects}
    now = list_objects(storage.join(workspace, folder)) if folder else []
    return any(times.get(f"{folder}/{each.name}") != each.time for each in now)


def _remove(workspace: str, folder: str, garbage: Sequence[StoredObject]) -> None:
    order = {f"{folder}/{MANIFEST}": 0, f"{folder}/{PLAN}": 2}
    for turn in range(3):
        delete_objects(workspace, [each for each in garbage if order.get(each.name, 1) == turn])
    if folder:
        delete_empty_directories(storage.join(workspace, folder))
    logger.info("removed %d objects of %s", len(garbage), storage.join(workspace, folder) if folder else workspace)
