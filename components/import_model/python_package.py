"""The GGUF file that an installed Python package ships."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from components.import_model.gguf_header import license_in_gguf
from components.shared.errors import InputError
from components.shared.installed import installed_version
from components.shared.stores import storage


def pin_package(source: str) -> str:
    """Return ``package:name@version`` for ``package:name``; InputError unless that version is installed."""
    name = source.removeprefix("package:").partition("@")[0]
    return f"package:{name}@{installed_version(name, source)}"


def find_gguf(source: str) -> Path:
    """Return the one GGUF file in the package, which is not imported; InputError if there is none or a choice."""
    name = source.removeprefix("package:").partition("@")[0]
    spec = importlib.util.find_spec(name.replace("-", "_"))
    folders = spec.submodule_search_locations if spec is not None else None
    found = sorted(path for folder in folders or () for path in Path(folder).rglob("*.gguf"))
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise InputError(f"--source {source!r} has to ship exactly one GGUF file; found: {names}")
    return found[0]


def license_of_model(gguf: Path) -> str:
    """Return what a GGUF file states of the model's licence; "" for nothing: the package's own is not the model's."""
    with storage.open_read(str(gguf)) as file:
        return license_in_gguf(file)
