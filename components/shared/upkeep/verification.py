"""Whether a folder is what its plan and its manifest say: every row is read, and every line of the ledger added up."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from components.shared.config import flag_of
from components.shared.errors import InputError
from components.shared.stores import storage
from components.shared.upkeep._object_checks import AGAIN, PartCheck, check_file, check_part, check_rejects
from components.shared.workspace._descriptions import DESCRIPTION, Inputs
from components.shared.workspace.ledgers import Ledger, sum_ledgers
from components.shared.workspace.manifests import MANIFEST, Manifest, read_manifest_or_none
from components.shared.workspace.plans import PART_NAME, PLAN, Plan, describe_missing, part_name, read_plan_or_none
from components.shared.workspace.row_sources import folder_of, open_source

THREADS = 8  # objects that are read, and in memory, at the same time


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What was found in a folder."""

    folder: str
    findings: Sequence[str]  # one line each: what was found, what was expected, what to do
    unfinished: str  # what is missing, and the command that finishes it; "" for a finished folder
    rows: int
    parts: int
    files: int
    size: int  # bytes of all that was read
    seconds: float
    inputs: Sequence[str]  # the folders that it was made from, as far as they stand

    @property
    def sound(self) -> bool:
        """Whether it is finished, and all is as its manifest says."""
        return not self.findings and not self.unfinished


@dataclass(kw_only=True)
class _Folder:
    """A folder as it stands; ``plan`` or ``manifest`` is None if there is none that can be read."""

    uri: str
    plan: Plan | None
    manifest: Manifest | None
    sizes: Mapping[str, int]  # bytes of all objects, by name
    findings: list[str] = field(default_factory=list)

    @property
    def num_parts(self) -> int:
        """How many parts it has, or is to have."""
        return max(len(self.plan.slices) if self.plan else 0, len(self.manifest.parts) if self.manifest else 0)

    @property
    def inputs(self) -> Inputs:
        """What it was made from, by option."""
        if self.manifest is not None:
            return self.manifest.inputs
        return self.plan.inputs if self.plan else {}


def verify_folder(uri: str) -> Verification:
    """Read all of a folder, several objects at a time, and say what is wrong; InputError if no folder stands."""
    started = time.monotonic()
    folder = _open(uri)
    folder.findings += _wrong_description(folder)
    parts, files = _check_objects(folder)
    folder.findings += _wrong_sums(folder, [part.ledger for part in parts])
    folder.findings += _strays(folder)
    inputs = list(_check_inputs(folder))
    read = {PLAN, MANIFEST, *files, *(name for part in parts for name in part.read)}
    return Verification(
        folder=uri,
        findings=folder.findings,
        unfinished=_unfinished(folder),
        rows=sum(part.rows for part in parts),
        parts=sum(bool(part.read) for part in parts),
        files=len(files),
        size=sum(folder.sizes.get(name, 0) for name in read),
        seconds=time.monotonic() - started,
        inputs=inputs,
    )


def _open(uri: str) -> _Folder:
    sizes = storage.list_files(uri)
    if not {PLAN, MANIFEST} & sizes.keys():
        raise InputError(
            f"{uri}: no folder of rows or model exists here ({MANIFEST} and {PLAN} are both missing); check the address"
        )
    folder = _Folder(uri=uri.rstrip("/"), plan=None, manifest=None, sizes=sizes)
    try:
        folder.plan = read_plan_or_none(uri)
        if folder.plan is None:
            folder.findings.append(f"{storage.join(uri, PLAN)} is missing; {AGAIN}")
    except InputError as error:
        folder.findings.append(str(error))
    try:
        folder.manifest = read_manifest_or_none(uri)
    except InputError as error:
        folder.findings.append(str(error))
    return folder


def _wrong_description(folder: _Folder) -> Iterator[str]:
    """Compare plan, manifest and address with each other."""
    plan, manifest = folder.plan, folder.manifest
    where = storage.join(folder.uri, MANIFEST if manifest else PLAN)
    described = (
        manifest.step if manifest else plan.step if plan else "",
        (manifest.fingerprint if manifest else plan.fingerprint if plan else ""),
    )
    address = tuple(folder.uri.split("/")[-2:])
    if any(described) and described != address:
        yield f"{where} describes {'/'.join(described)}, but is in {'/'.join(address)}: it was moved; {AGAIN}"
    if manifest is None:
        return
    if plan is not None:
        others = [name for name in DESCRIPTION if getattr(manifest, name) != getattr(plan, name)]
        if others:
            yield f"{where} and {PLAN} differ in {', '.join(others)}; {AGAIN}"
        if manifest.kind != "model" and len(plan.slices) != len(manifest.parts):
            yield f"{where} names {len(manifest.parts)} parts, {PLAN} {len(plan.slices)}; {AGAIN}"
    names = [part.name for part in manifest.parts]
    if names != [part_name(number) for number in range(len(names))]:
        yield f"{where} does not name its parts in their order; {AGAIN}"


def _check_objects(folder: _Folder) -> tuple[list[PartCheck], Sequence[str]]:
    """Read all parts, rejected rows and files; only so many at once as there are threads."""
    entries = {part.name: part for part in folder.manifest.parts} if folder.manifest else {}
    files = folder.manifest.files if folder.manifest else {}

    def check_number(number: int) -> PartCheck:
        name = part_name(number)
        return check_part(folder.uri, number, plan=folder.plan, entry=entries.get(name), stands=name in folder.sizes)

    def check_name(name: str) -> list[str]:
        return check_file(storage.join(folder.uri, name), files[name], folder.sizes.get(name))

    with ThreadPoolExecutor(THREADS) as threads:
        parts = list(threads.map(check_number, range(folder.num_parts)))
        wrong_files = list(threads.map(check_name, files))
    folder.findings += _flat(part.findings for part in parts)
    folder.findings += _flat(wrong_files)
    if folder.manifest and folder.manifest.rejects:
        folder.findings += check_rejects(
            folder.uri,
            folder.manifest.rejects,
            digest=folder.manifest.rejects_digest,
            counts=folder.manifest.rejected,
        )
    return parts, list(files)


def _wrong_sums(folder: _Folder, ledgers: Sequence[Ledger | None]) -> Iterator[str]:
    manifest = folder.manifest
    if manifest is None:
        return
    where = storage.join(folder.uri, MANIFEST)
    num_rejected = sum(manifest.rejected.values())
    if manifest.rows_in != manifest.rows_out + num_rejected:
        yield (
            f"{where} does not add up: {manifest.rows_in} in, {manifest.rows_out} out, {num_rejected} rejected; {AGAIN}"
        )
    if manifest.kind == "model" or None in ledgers:
        return
    total = sum_ledgers([ledger for ledger in ledgers if ledger])
    found = (total.rows_in, total.rows_out, total.rejected)
    stated = (manifest.rows_in, manifest.rows_out, manifest.rejected)
    if found != stated:
        yield f"{where} says {_sums(*stated)}; the ledgers of its parts add up to {_sums(*found)}; {AGAIN}"


def _sums(rows_in: int, rows_out: int, rejected: Mapping[str, int]) -> str:
    return f"{rows_in} in, {rows_out} out, rejected {dict(rejected)}"


def _strays(folder: _Folder) -> Iterator[str]:
    """Name what looks as if it belonged to the folder and does not: parts of another plan, files within a model.

    What processes that died have left behind is no mistake: ``scalequest gc`` lists it.
    """
    files = folder.manifest.files if folder.manifest else {}
    subfolders = {name.partition("/")[0] for name in files if name.startswith("model-")}
    expected = {part_name(number) for number in range(folder.num_parts)}
    for name in folder.sizes:
        uri = storage.join(folder.uri, name)
        if PART_NAME.fullmatch(name) and name not in expected:
            yield f"{uri} belongs to a different plan: this one has {folder.num_parts} parts; delete it"
        if name.partition("/")[0] in subfolders and name not in files:
            yield f"{uri} is not in the manifest, but would be loaded with the model; delete it"


def _check_inputs(folder: _Folder) -> Iterator[str]:
    """Compare what the folder was made from with what stands there now; yield the folders that do."""
    for option, entries in folder.inputs.items():
        for entry in entries:
            if not entry.is_folder:  # a hub's model, a file from outside: it may be gone since
                continue
            try:
                content = open_source(entry.uri).content
            except InputError as error:
                folder.findings.append(f"{folder.uri}, its {flag_of(option)}: {error}")
                continue
            if content != (entry.content or content):
                folder.findings.append(
                    f"{folder.uri} was made from {flag_of(option)} {entry.uri}, which was made otherwise since; {AGAIN}"
                )
            yield folder_of(entry.uri)


def _unfinished(folder: _Folder) -> str:
    if folder.manifest is not None or folder.plan is None or MANIFEST in folder.sizes:
        return ""
    return f"{describe_missing(folder.uri, folder.plan)}; finish it with: {folder.plan.command}"


def _flat(lists: Iterable[Iterable[str]]) -> list[str]:
    return [line for lines in lists for line in lines]
