"""What any object of the Kubernetes API may have, or lack as a whole: labels, annotations, conditions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Object = Mapping[str, Any]


def labels_of(thing: Object) -> Mapping[str, str]:
    """Return an object's labels."""
    return thing["metadata"].get("labels") or {}


def annotations_of(thing: Object) -> Mapping[str, str]:
    """Return an object's annotations."""
    return thing["metadata"].get("annotations") or {}


def conditions_of(thing: Object) -> dict[str, Object]:
    """Return an object's conditions by type, whether they hold or not."""
    return {each["type"]: each for each in thing.get("status", {}).get("conditions") or []}


def holding(thing: Object) -> dict[str, Object]:
    """Return the conditions that hold, by type."""
    return {kind: each for kind, each in conditions_of(thing).items() if each.get("status") == "True"}
