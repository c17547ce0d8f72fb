"""`scalequest gc --delete --older-than 0` that stops once until it is told to go on: ``pausing_gc WORKSPACE WHERE``.

WHERE is ``listed`` (it knows what it will remove, as far as it knows) or ``looked`` (it has seen nobody who uses the
first folder, and is about to delete it). It prints that word, waits for a line, and prints what it spared.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable

from components.shared.stores.inventory import StoredObject, delete_objects
from components.shared.upkeep import garbage_removal
from components.shared.upkeep.garbage import survey


def _pause(where: str) -> None:
    sys.stdout.write(f"{where}\n")
    sys.stdout.flush()
    sys.stdin.readline()


def _delete_late(uri: str, objects: Iterable[StoredObject], before_each: Callable[[], None] = lambda: None) -> None:
    vars(garbage_removal)["delete_objects"] = delete_objects
    _pause("looked")
    delete_objects(uri, objects, before_each)


if __name__ == "__main__":
    findings = survey(sys.argv[1], min_age_hours=0)
    if sys.argv[2] == "listed":
        _pause("listed")
    else:
        vars(garbage_removal)["delete_objects"] = _delete_late
    sys.stdout.write(" ".join(garbage_removal.remove_garbage(sys.argv[1], findings).in_use))
