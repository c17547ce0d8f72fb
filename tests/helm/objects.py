"""Finding objects among those that the chart makes."""

from __future__ import annotations

from typing import Any

from tests.manifests.tools import Objects


def find_all(objects: Objects, kind: str) -> Objects:
    """Return the objects of a kind."""
    return [document for document in objects if document["kind"] == kind]


def find_one(objects: Objects, kind: str, name: str = "") -> dict[str, Any]:
    """Return the only object of a kind, or of a kind and name."""
    (found,) = [document for document in find_all(objects, kind) if name in ("", document["metadata"]["name"])]
    return found


def judge_of(objects: Objects) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the judge's container and its pod's labels."""
    template = find_one(objects, "Deployment")["spec"]["template"]
    (container,) = template["spec"]["containers"]
    return container, template["metadata"]["labels"]
