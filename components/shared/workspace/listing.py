"""What one listing says of a workspace, or of the folders of a step: what stands, what is finished, and since when.

A listing is one request for each 1,000 objects of a store: so what looks at a whole workspace lists it once, and passes
that on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from components.shared.stores import storage
from components.shared.stores.inventory import StoredObject, below, list_objects
from components.shared.workspace.manifests import MANIFEST, read_manifest_or_none
from components.shared.workspace.plans import PLAN, Plan, read_plan_or_none

_FOLDER = re.compile(r"([a-z0-9_]+/[0-9a-f]{16})/.+")


@dataclass(frozen=True, kw_only=True)
class ListedFolder:
    """A folder that is begun or finished."""

    name: str  # step/fingerprint
    uri: str
    objects: Sequence[StoredObject]  # by their names within it

    @cached_property
    def times(self) -> Mapping[str, float]:
        """When the store received its plan and its manifest, by their names."""
        return {each.name: each.time for each in self.objects if each.name in (PLAN, MANIFEST)}

    @property
    def is_finished(self) -> bool:
        """Whether it has a manifest."""
        return MANIFEST in self.times

    @property
    def begun(self) -> float:
        """When it was begun, by the store's clock: seconds since 1970."""
        return min(self.times.values())


@dataclass(frozen=True, kw_only=True)
class WorkspaceListing:
    """All objects of a workspace, and its folders."""

    uri: str
    objects: Sequence[StoredObject]
    folders: Sequence[ListedFolder]  # by name

    @property
    def is_folder(self) -> bool:
        """Whether the address is not a workspace's, but that of one folder."""
        return any(each.name in (PLAN, MANIFEST) for each in self.objects)

    @property
    def finished(self) -> list[ListedFolder]:
        """The folders that have a manifest."""
        return [folder for folder in self.folders if folder.is_finished]

    @property
    def unfinished(self) -> list[ListedFolder]:
        """The folders that have a plan only."""
        return [folder for folder in self.folders if not folder.is_finished]

    def newest(self, step: str) -> str:
        """Return the folder of a step that was finished last, by the store's clock; "" without one."""
        times = {each.uri: each.times[MANIFEST] for each in self.finished if each.name.startswith(f"{step}/")}
        return max(times, key=lambda uri: (times[uri], uri), default="")


class Descriptions:
    """What was read of plans and manifests, which never change: each is read once, however often somebody looks."""

    def __init__(self) -> None:
        self._plans: dict[tuple[str, float], Plan] = {}
        self._metrics: dict[tuple[str, float], Mapping[str, float]] = {}

    def plan(self, folder: ListedFolder) -> Plan | None:
        """Return the plan of a folder that is not finished; None where it was removed since it was listed."""
        key = folder.uri, folder.begun  # one that was removed and begun again has another time
        if key not in self._plans and (plan := read_plan_or_none(folder.uri)):
            self._plans[key] = plan
        return self._plans.get(key)

    def metrics(self, folder: ListedFolder) -> Mapping[str, float] | None:
        """Return the metrics of a finished folder; None where it was removed since it was listed."""
        key = folder.uri, folder.times[MANIFEST]
        if key not in self._metrics and (manifest := read_manifest_or_none(folder.uri)):
            self._metrics[key] = manifest.metrics
        return self._metrics.get(key)


def listing_of(workspace: str) -> WorkspaceListing:
    """List a workspace; one that does not exist is empty."""
    objects = list_objects(workspace)
    by_folder: dict[str, list[StoredObject]] = {}
    for each in objects:
        if match := _FOLDER.fullmatch(each.name):
            by_folder.setdefault(match[1], []).append(each)
    folders = [
        ListedFolder(name=name, uri=storage.join(workspace, name), objects=below(of, name))
        for name, of in sorted(by_folder.items())
    ]
    return WorkspaceListing(uri=workspace, objects=objects, folders=[each for each in folders if each.times])


def newest_names(place: str, most: int) -> list[str]:
    """Return the names of the folders of a step, of more than ``most`` the ones that were begun or finished last."""
    names = storage.list_names(place)
    if len(names) <= most:
        return names
    times: dict[str, float] = {}
    for each in list_objects(place):
        folder, _, name = each.name.partition("/")
        if name in (PLAN, MANIFEST):
            times[folder] = max(each.time, times.get(folder, each.time))
    return sorted(times, key=lambda name: (times[name], name), reverse=True)[:most]


def finished_names(place: str) -> list[str]:
    """Return the names of the finished folders of a step, by the store's clock the one that was finished last first."""
    split = [(each.name.split("/"), each.time) for each in list_objects(place)]
    times = {names[0]: time for names, time in split if names[1:] == [MANIFEST]}
    return sorted(times, key=lambda name: (times[name], name), reverse=True)
