"""Read back what a step rejected."""

from __future__ import annotations

from typing import Any

from components.shared.stores import storage
from components.shared.workspace.manifests import read_manifest
from components.shared.workspace.tables import read_table


def read_rejects(folder: str) -> list[dict[str, Any]]:
    """Return the rejected rows of a finished folder in order, with reason and detail, as dictionaries."""
    manifest = read_manifest(folder)
    names = filter(None, [*(part.rejects for part in manifest.parts), manifest.rejects])
    return [row for name in names for row in read_table(storage.join(folder, name)).to_pylist()]


def read_content(folder: str) -> dict[str, bytes]:
    """Return each part's and each reject file's rows by name, as bytes that are equal where all rows are equal."""
    names = [part.name for part in read_manifest(folder).parts]
    names += [part.rejects for part in read_manifest(folder).parts if part.rejects]
    return {name: repr(read_table(storage.join(folder, name)).to_pylist()).encode() for name in names}
