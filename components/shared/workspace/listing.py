"""What one listing says of a workspace, or of the folders of a step: what stands, what is finished, and since when.

A listing is one request for each 1,000 objects of a store: so what looks at a whole workspace lists it once, and passes
that on.
"""

from __future__ import annotations

from components.shared.stores import storage
from components.shared.stores.inventory import list_objects
from components.shared.workspace._descriptions import MANIFEST, PLAN


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
    return sorted(times, key=lambda name: times.get(name, 0.0), reverse=True)[:most]


def finished_names(place: str) -> list[str]:
    """Return the names of the finished folders of a step, by the store's clock the one that was finished last first."""
    split = [(each.name.split("/"), each.time) for each in list_objects(place)]
    times = {names[0]: time for names, time in split if names[1:] == [MANIFEST]}
    return sorted(times, key=lambda name: (times[name], name), reverse=True)
