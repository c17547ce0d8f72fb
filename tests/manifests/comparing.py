"""Objects as they are compared between the chart and the manifests: what either tool adds by itself is left out."""

from __future__ import annotations

import copy
from typing import Any

from tests.manifests.tools import Objects

# Helm's book-keeping, and the namespace that each object is put into.
HELM_LABELS = (
    "app.kubernetes.io/instance",
    "app.kubernetes.io/version",
    "app.kubernetes.io/managed-by",
    "helm.sh/chart",
)
HELM_ANNOTATIONS = ("helm.sh/resource-policy",)


def by_name(objects: Objects) -> dict[tuple[str, str], dict[str, Any]]:
    """Return objects by kind and name, without what Helm adds, namespaces, and where images are pulled from."""
    found = {(document["kind"], document["metadata"]["name"]): _plain(document) for document in objects}
    assert len(found) == len(objects), "two objects of one kind and name"
    return found


def _plain(document: dict[str, Any]) -> dict[str, Any]:
    plain = copy.deepcopy(document)
    metadata = plain["metadata"]
    metadata.pop("namespace", None)
    for field, names in (("labels", HELM_LABELS), ("annotations", HELM_ANNOTATIONS)):
        kept = {name: value for name, value in metadata.pop(field, {}).items() if name not in names}
        metadata |= {field: kept} if kept else {}
    _strip_registries(plain)
    return plain


def _strip_registries(value: Any) -> None:
    """Leave ``vllm`` of ``registry/vllm@sha256:…`` and of ``scalequest.invalid/vllm:0.1.0``."""
    if isinstance(value, dict):
        if isinstance(value.get("image"), str):
            value["image"] = value["image"].rsplit("/", 1)[-1].partition("@")[0].partition(":")[0]
        for inner in value.values():
            _strip_registries(inner)
    elif isinstance(value, list):
        for inner in value:
            _strip_registries(inner)
