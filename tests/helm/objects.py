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


def granted(objects: Objects, subject: str) -> set[tuple[str, str, str]]:
    """Return group, resource and verb of all that a subject may do."""
    bindings = [
        binding["roleRef"]["name"]
        for binding in find_all(objects, "RoleBinding")
        if subject in [each["name"] for each in binding["subjects"]]
    ]
    return {right for name in bindings for right in rights_of(find_one(objects, "Role", name)["rules"])}


def rights_of(rules: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    """Return group, resource and verb of all that rules grant."""
    return {(g, r, v) for rule in rules for g in rule["apiGroups"] for r in rule["resources"] for v in rule["verbs"]}
