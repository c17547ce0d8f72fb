"""What of a finished folder is published: a dataset's files with its card, or a model's with a card made for it.

Plans, leases, ledgers and rejected rows are not. Neither are ``jsonl/`` and, where there is ``data/``, the parts: they
are the same rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from components.shared.addresses import Kind
from components.shared.errors import InputError
from components.shared.publishing.audits import audit_section
from components.shared.publishing.model_card import render_model_card
from components.shared.stores import storage
from components.shared.workspace.manifests import Manifest, read_manifest
from components.shared.workspace.tables import missing_object

CARD = "README.md"
# Files that a push makes and the next one may not make again: what it leaves behind would be read with the new ones.
# N is a digit. Names that others give their files (data/train-00000-of-00001.parquet) are not among them.
_MADE: Mapping[Kind, tuple[str, ...]] = {
    "dataset": (
        *(f"{form}/{split}-NNNNN.parquet" for form in ("data", "rl") for split in ("train", "validation")),
        "part-NNNNN.parquet",
        "jsonl/part-NNNNN.jsonl",
    ),
    "model": ("model.safetensors", "model-NNNNN-of-NNNNN.safetensors", "model.safetensors.index.json"),
}


@dataclass(frozen=True, kw_only=True)
class PublishedFile:
    """One file: its name in the repository, and where it stands below the folder."""

    name: str
    source: str
    size: int
    digest: str  # SHA-256; "" where the manifest says none


@dataclass(frozen=True, kw_only=True)
class Published:
    """What is published of a finished folder."""

    folder: str
    kind: Kind
    files: tuple[PublishedFile, ...]
    card: bytes  # that is made for it; b"" where it is one of the files

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return sum(file.size for file in self.files) + len(self.card)

    @property
    def made(self) -> Sequence[str]:
        """What a push calls the files that it makes; N is a digit."""
        return _MADE[self.kind]

    def stale(self, standing: Iterable[str]) -> list[str]:
        """Return those of a repository's files that an earlier push made and that are not among the files now."""
        names = {file.name for file in self.files}
        made = re.compile("|".join(map(re.escape, self.made)).replace("N", "[0-9]"))
        return [name for name in standing if name not in names and made.fullmatch(name)]


def published(folder: str, title: str) -> Published:
    """Return what is published of a folder; InputError where it is not finished, or holds something else.

    ``title``: of the card of a model.
    """
    manifest = read_manifest(folder)
    if manifest.kind == "model":
        subfolder = next(iter(manifest.files)).partition("/")[0]
        names = {name.removeprefix(f"{subfolder}/"): name for name in manifest.files}
        card = b"" if CARD in names else render_model_card(folder, title).encode()
        return Published(folder=folder, kind="model", files=_files(folder, manifest, names), card=card)
    if manifest.kind != "example":
        raise InputError(
            f"{folder} holds {manifest.kind} rows, made by {manifest.step}; expected a dataset (a folder of "
            "package_dataset) or a model"
        )
    if not manifest.rows_out:
        raise InputError(f"{folder} is a dataset without rows; nothing was pushed")
    names = {name: name for name in _names_of_dataset(manifest)}
    card = b""
    if audit := audit_section(folder):
        card = storage.read_bytes(storage.join(folder, names.pop(CARD))) + audit.encode()
    return Published(folder=folder, kind="dataset", files=_files(folder, manifest, names), card=card)


def _names_of_dataset(manifest: Manifest) -> list[str]:
    names = [name for name in manifest.files if not name.startswith("jsonl/")]
    if any(name.startswith("data/") for name in names):
        return names
    return [*names, *(part.name for part in manifest.parts)]  # of a version that had no data/


def _files(folder: str, manifest: Manifest, names: Mapping[str, str]) -> tuple[PublishedFile, ...]:
    sizes = storage.list_files(folder)
    if missing := [source for source in names.values() if source not in sizes]:
        raise InputError(missing_object(storage.join(folder, missing[0])))
    return tuple(
        PublishedFile(name=name, source=source, size=sizes[source], digest=manifest.files.get(source, ""))
        for name, source in sorted(names.items())
    )
