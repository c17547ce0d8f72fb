"""What stands in a workspace and why: needed by a dataset, young enough to be in use, garbage, or none of ours.

A folder is needed if a dataset, or a table of solvers, was made from it, directly or through other folders; so are the
folders that ``keep`` names, and those that were written to lately, or that a run lately left a mark of using, with all
that they were made from. What is left was made for nothing, or left behind by processes that died. Whatever a finished
folder's manifest does not name is such a leftover too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Literal

from components.shared.errors import InputError
from components.shared.publishing.audits import AUDITS
from components.shared.records import Example, Score, kind_of
from components.shared.stores import storage
from components.shared.stores.inventory import THREADS, StoredObject, list_objects, list_uploads, store_time
from components.shared.workspace._descriptions import Input
from components.shared.workspace._gathered_ledgers import GATHERED
from components.shared.workspace._leases import LEASES, lease_seconds
from components.shared.workspace._model_folders import CHECKPOINTS
from components.shared.workspace._uses import IN_USE, REMOVING, folders_in, read_mark
from components.shared.workspace.ledgers import REJECTED
from components.shared.workspace.lineage import stages_of
from components.shared.workspace.manifests import MANIFEST, Manifest, read_manifest_or_none
from components.shared.workspace.plans import PART_NAME, PLAN, Plan, read_plan_or_none
from components.shared.workspace.run_records import RUNS
from components.shared.workspace.spending import SPENT

RESULTS = {kind_of(Example): "a dataset", kind_of(Score): "a table of solvers"}
MIN_AGE_HOURS = 168.0  # a week: a step may wait for a GPU, or train, for days without writing anything

Status = Literal["needed", "young", "garbage", "unknown"]

_PLACE = "[a-z0-9_]+/[0-9a-f]{16}"  # {step}/{fingerprint}
_FOLDER = re.compile(rf"({_PLACE})/.")
_OURS = {IN_USE: "a mark of a run that began long ago", REMOVING: "a notice of a removal that was cut off"}
_MARK = re.compile(rf"({'|'.join(_OURS)})/[\w.]+\.json")
_RUN = re.compile(rf"{RUNS}/[^/.][^/]*/[^/.][^/]*")
_TAKEN = re.compile(rf"{SPENT}/{_PLACE}/[\w.]+-\d+x\d+\.json")
# Of a file that is being written, on a directory: in a folder of ours; and where there is no folder, or not yet one.
_TEMPORARY = re.compile(r"(.+/)?\.[^/]+\.[a-z0-9_]{8}\.tmp")
_TEMPORARY_ELSEWHERE = re.compile(
    rf"(\.clock|({'|'.join(_OURS)})/\.[\w.]+\.json|{RUNS}/[^/]+/\.[^/]+|{_PLACE}/\.{PLAN})\.[a-z0-9_]{{8}}\.tmp"
)
_UPLOAD = re.compile(rf"(model-[0-9a-f]{{8}}|{CHECKPOINTS})/")  # of a large file in a folder of ours
_KILLED = "a temporary file of a process that was killed"
_FOREIGN = "not ScaleQuest's"
_LEFTOVERS = (
    (re.compile(rf"{REJECTED}/"), "rejected rows that no part counts, of an attempt that was cut off"),
    (PART_NAME, "a part that the manifest does not name"),
    (re.compile(rf"({LEASES}|tries)/"), "leases of attempts; the folder is finished"),  # tries/: of older versions
    (re.compile(rf"{GATHERED}/"), "copies of ledgers; the folder is finished"),
    (re.compile(rf"{CHECKPOINTS}/"), "a checkpoint of a training that is finished"),
    (re.compile(r"model-[0-9a-f]{8}/"), "a model that the manifest does not name, of an attempt that was cut off"),
)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One object of a workspace, what it is, and why."""

    object: StoredObject
    folder: str  # {step}/{fingerprint}; "" for what is in no folder of a step
    status: Status
    reason: str
    sources: frozenset[str] = frozenset()  # the folders of this workspace that its folder was made from

    @property
    def step(self) -> str:
        """The step whose folder it is in, "" for what is in none."""
        return self.folder.partition("/")[0]


@dataclass(kw_only=True)
class _Folder:
    name: str  # {step}/{fingerprint}
    objects: list[StoredObject] = field(default_factory=list)
    plan: Plan | None = None
    manifest: Manifest | None = None
    sources: set[str] = field(default_factory=set)  # the folders of this workspace that it was made from
    used: list[float] = field(default_factory=list)  # when runs left a mark that they use it

    @property
    def result(self) -> str:
        """What it is, if it is what people run pipelines for; "" for what stands on the way there."""
        return RESULTS.get(self.manifest.kind, "") if self.manifest else ""

    @cached_property
    def time(self) -> float:
        """When it was last written to, or used."""
        return max(*self.used, *(each.time for each in self.objects), 0.0)

    def is_leased(self, now: float) -> bool:
        """Tell whether a process may be at work on it, however old it has to be to count as garbage."""
        leases = [each.time for each in self.objects if each.name.startswith(f"{self.name}/{LEASES}/")]
        return self.manifest is None and now - max(leases, default=-math.inf) < lease_seconds()

    def inputs(self) -> Iterator[Input]:
        """Yield what plan and manifest say that it was made from; they differ where an input was made again."""
        for description in (self.plan, self.manifest):
            for entries in description.inputs.values() if description else ():
                yield from entries

    @cached_property
    def named(self) -> set[str]:
        """The names of the objects that belong to it, once it is finished."""
        assert self.manifest is not None
        parts = {name for part in self.manifest.parts for name in (part.name, part.rejects)}
        return {PLAN, MANIFEST, self.manifest.rejects, *parts, *self.manifest.files}


def survey(workspace: str, *, keep: Sequence[str] = (), min_age_hours: float = MIN_AGE_HOURS) -> list[Finding]:
    """Explain every object of a workspace; nothing is changed.

    ``keep`` names folders, here or in another workspace, that are needed as datasets are. What is younger than
    ``min_age_hours`` by the store's clock is never garbage: somebody may be writing it. Raises InputError if a
    plan or manifest cannot be read: nobody could tell what is needed.
    """
    objects = [*list_objects(workspace), *list_uploads(workspace)]
    if not objects:
        return []
    now = store_time(workspace)
    limit = now - min_age_hours * 3600
    folders = _read_folders(workspace, objects)
    for folder in folders.values():
        if folder.is_leased(now):
            folder.used.append(math.inf)
    _read_marks(workspace, [each for each in objects if each.time > limit], folders)
    needed = _needed(folders, _kept(workspace, keep, folders), limit)
    return [_judge(each, folders.get(_folder_of(each.name)), needed, limit) for each in objects]


def _read_folders(workspace: str, objects: Iterable[StoredObject]) -> dict[str, _Folder]:
    folders: dict[str, _Folder] = {}
    for each in objects:
        if name := _folder_of(each.name):
            folders.setdefault(name, _Folder(name=name)).objects.append(each)

    def read(folder: _Folder) -> None:
        uri, names = storage.join(workspace, folder.name), {each.name for each in folder.objects}
        if f"{folder.name}/{PLAN}" in names:
            folder.plan = read_plan_or_none(uri)
        if f"{folder.name}/{MANIFEST}" in names:
            folder.manifest = read_manifest_or_none(uri)

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(read, folders.values()))
    names = {name.partition("/")[2]: name for name in folders}
    for folder in folders.values():
        for entry in folder.inputs():
            folder.sources |= folders_in(entry.uri, folders)
            folder.sources |= {names[entry.fingerprint]} if entry.fingerprint in names else set()
    return folders


def _read_marks(workspace: str, objects: Iterable[StoredObject], folders: Mapping[str, _Folder]) -> None:
    marks = [each for each in objects if _MARK.fullmatch(each.name) and each.name.startswith(IN_USE)]
    with ThreadPoolExecutor(THREADS) as threads:
        used = threads.map(partial(read_mark, workspace), [each.name for each in marks])
        for mark, uris in zip(marks, used, strict=True):
            for name in {name for uri in uris for name in folders_in(uri, folders)}:
                folders[name].used.append(mark.time)


def _kept(workspace: str, keep: Sequence[str], folders: Mapping[str, _Folder]) -> dict[str, str]:
    """Return the folders that ``keep`` names and the reason; of one elsewhere, what it was made from here."""
    kept: dict[str, str] = {}
    for uri in keep:
        here = folders_in(uri, folders)
        if not here:
            here = {name for stage in stages_of(uri) for name in folders_in(stage.folder, folders)}
        if not here:
            raise InputError(f"--keep {uri}: neither it nor anything that it was made from is in {workspace}")
        kept |= dict.fromkeys(here, f"named by --keep {uri}")
    return kept


def _needed(folders: Mapping[str, _Folder], kept: Mapping[str, str], limit: float) -> dict[str, str]:
    """Return the folders that are needed and why: results first, then what is kept, then what is being written."""
    roots = {name: folder.result for name, folder in sorted(folders.items()) if folder.result} | dict(kept)
    needed: dict[str, str] = {}
    for name, reason in roots.items():
        _add_with_inputs(needed, folders, name, reason, f"{name} was made from it")
    for name, folder in sorted(folders.items()):
        if folder.time > limit and name not in needed:
            for source in folder.sources:
                _add_with_inputs(needed, folders, source, *[f"{name}, which is young, was made from it"] * 2)
    return needed


def _add_with_inputs(
    needed: dict[str, str], folders: Mapping[str, _Folder], name: str, reason: str, reason_for_inputs: str
) -> None:
    """Add a folder and, however long the chain, all that it was made from."""
    waiting = [(name, reason)]
    while waiting:
        name, reason = waiting.pop()
        if name not in needed:
            needed[name] = reason
            waiting += [(source, reason_for_inputs) for source in folders[name].sources]


def _judge(each: StoredObject, folder: _Folder | None, needed: Mapping[str, str], limit: float) -> Finding:
    name = folder.name if folder else ""
    status, reason = _status(each, folder, needed, limit)
    if status == "garbage" and each.time > limit:
        status, reason = "young", f"may be in use; if it is not: {reason}"
    sources = frozenset(folder.sources if folder else ())
    return Finding(object=each, folder=name, status=status, reason=reason, sources=sources)


def _status(each: StoredObject, folder: _Folder | None, needed: Mapping[str, str], limit: float) -> tuple[Status, str]:
    if mark := _MARK.fullmatch(each.name):
        return "garbage", _OURS[mark[1]]
    if _RUN.fullmatch(each.name):
        return "needed", "what is kept of a run"
    if _TAKEN.fullmatch(each.name):
        return "needed", "GPU-hours that were taken"
    if folder is None or (folder.plan is None and folder.manifest is None):
        return ("garbage", _KILLED) if _TEMPORARY_ELSEWHERE.fullmatch(each.name) else ("unknown", _FOREIGN)
    name = each.name.removeprefix(f"{folder.name}/")
    if each.upload:
        return ("garbage", "an upload that was cut off") if _UPLOAD.match(name) else ("unknown", _FOREIGN)
    if _TEMPORARY.fullmatch(name):
        return "garbage", _KILLED
    if folder.name in needed:
        return _status_in_needed(name, folder, needed[folder.name])
    if folder.time > limit:
        return "young", "its folder was written to, or used, lately"
    return (
        "garbage",
        "no dataset or table of solvers was made from it" if folder.manifest else "abandoned before it was finished",
    )


def _status_in_needed(name: str, folder: _Folder, reason: str) -> tuple[Status, str]:
    if folder.manifest is None or name in folder.named or name.startswith(f"{AUDITS}/"):
        return "needed", reason
    for pattern, leftover in _LEFTOVERS:
        if pattern.match(name):
            return "garbage", leftover
    return "unknown", _FOREIGN


def _folder_of(name: str) -> str:
    match = _FOLDER.match(name)
    return match[1] if match else ""
