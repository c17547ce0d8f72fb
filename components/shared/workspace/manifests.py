"""Manifests: what a finished folder is and how its rows add up; what is missing if there is none yet."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from components.shared.errors import InputError, UnavailableError
from components.shared.stores import storage
from components.shared.workspace._descriptions import MANIFEST as MANIFEST
from components.shared.workspace._descriptions import (
    Inputs,
    check_fields,
    digest_of_content,
    inputs_to_json,
    read_description,
)
from components.shared.workspace.plans import PLAN, describe_missing
from components.shared.workspace.unfinished import read_unfinished


@dataclass(frozen=True, kw_only=True)
class PartEntry:
    """One part of a finished folder."""

    name: str
    rows: int
    digest: str  # SHA-256 of the rows, independent of how Parquet encodes them
    rejects: str = ""  # the object that holds its rejected rows; "" where there are none
    rejects_digest: str = ""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a finished folder is and how its rows add up."""

    format: int
    step: str
    version: int
    fingerprint: str
    kind: str  # of its rows, or "model"
    options: dict[str, Any]
    inputs: Inputs
    prompts: dict[str, str]  # SHA-256 by name of the file
    rows_in: int
    rows_out: int
    rejected: dict[str, int]
    parts: list[PartEntry]
    files: dict[str, str]  # SHA-256 by path: of a model, or of what stands beside the parts
    rejects: str = ""  # of a model: the object that holds the rows it was not trained on; "" where there are none
    rejects_digest: str = ""
    metrics: dict[str, float]  # sums over the parts: seconds, accelerator_seconds, tokens; a training's own figures
    arithmetic: str = ""  # what models were computed in here, and why; several where processors differed; "" for none
    image: str
    versions: dict[str, str]
    written_at: str

    @property
    def content(self) -> str:
        """A digest of its parts, or of a model's files: what may differ when the same work is done again."""
        parts = [[part.name, part.rows, part.digest] for part in self.parts]
        return digest_of_content([parts, self.files])


def write_manifest(folder: str, manifest: Manifest) -> None:
    """Write a folder's manifest, its last object; FileExistsError if one stands already."""
    content = dataclasses.asdict(manifest) | {"inputs": inputs_to_json(manifest.inputs)}
    storage.create_json(storage.join(folder, MANIFEST), content)


def read_manifest_or_none(folder: str) -> Manifest | None:
    """Return a folder's manifest, None if it has none yet; InputError for one that this version cannot read."""
    uri = storage.join(folder, MANIFEST)
    content = read_description(uri, Manifest)
    if content is None:
        return None
    for entry in content["parts"]:
        check_fields(f"{uri}, parts,", entry, PartEntry)
    return Manifest(**content | {"parts": [PartEntry(**entry) for entry in content["parts"]]})


def read_manifest(folder: str) -> Manifest:
    """Return a finished folder's manifest.

    Raises UnavailableError while a process makes the folder, or did so a moment ago and may be restarted; otherwise
    InputError that says what is missing and which command finishes it.
    """
    manifest = read_manifest_or_none(folder)
    if manifest is not None:
        return manifest
    unfinished = read_unfinished(folder)
    if unfinished is None:
        raise InputError(
            f"{folder}: no folder of rows or model exists here ({MANIFEST} and {PLAN} are both missing); "
            "check the address"
        )
    missing = describe_missing(folder, unfinished.plan)
    if unfinished.holders:
        raise UnavailableError(
            f"{folder} is still being made by {unfinished.makers}: {missing}; "
            "the same command continues when it is finished"
        )
    manifest = read_manifest_or_none(folder)
    if (
        manifest is not None
    ):  # the processes that made it have finished it, and removed their leases, since the first look
        return manifest
    if unfinished.left_by:
        raise UnavailableError(
            f"{folder} is not finished, and {unfinished.left_by} left it a moment ago: {missing}; the same command "
            f"continues when it is finished; if nothing restarts that, finish it with: {unfinished.plan.command}"
        )
    raise InputError(f"{folder} is not finished: {missing}; finish it with: {unfinished.plan.command}")
