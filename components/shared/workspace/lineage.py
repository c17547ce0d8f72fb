"""What a folder was made from, back to its sources: the stages, in the order in which rows passed through them."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.shared.workspace._descriptions import Input
from components.shared.workspace._descriptions import within as within
from components.shared.workspace.manifests import Manifest, read_manifest, read_manifest_or_none
from components.shared.workspace.row_sources import folder_of

COMPARED_WITH = "benchmarks"  # the option of steps whose rows are looked at, and go no further

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One finished folder on the way, and the other stages that it read (their rows, or those that they rejected)."""

    folder: str
    manifest: Manifest
    reads: tuple[str, ...]  # the folders of the stages that it read, in the order of its options

    @property
    def step(self) -> str:
        """The step that made the folder."""
        return self.manifest.step

    @property
    def name(self) -> str:
        """The folder's address within a workspace."""
        return f"{self.manifest.step}/{self.manifest.fingerprint}"

    @property
    def seconds(self) -> float:
        """How long its processes worked, in total."""
        return self.manifest.metrics.get("seconds", 0.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class UsedModel:
    """A model that rows were made with, or that such a model was made from."""

    uri: str
    fingerprint: str
    step: str  # that made it; "" for what was brought in from outside, or is deleted
    options: Mapping[str, Any]  # of that step


def stages_of(folder: str, known: Iterable[Stage] = ()) -> list[Stage]:
    """Return the stages that led to a finished folder, each once and after all that it read; the folder is the last.

    Its rejected rows (``{folder}/rejected``) have the same stages. Inputs that are not folders of a workspace (a hub's
    model, an imported file) are not stages: ``sources_of`` has them. A branch ends at a folder that has been deleted,
    which is logged. ``known``: stages of another folder, which are not read again.
    """
    return stages_of_all([folder], known)


def stages_of_all(folders: Iterable[str], known: Iterable[Stage] = ()) -> list[Stage]:
    """Return the stages that led to any of several folders, each read once, and none that is ``known``."""
    manifests = {stage.folder: stage.manifest for stage in known}
    stages: dict[str, Stage] = {}
    for folder in map(folder_of, folders):
        if folder not in stages:
            _visit(folder, manifests.get(folder) or read_manifest(folder), stages, manifests)
    return list(stages.values())


def rows_stages_of(stages: Sequence[Stage], ends: Collection[str] = ()) -> list[Stage]:
    """Return those of a folder's ``stages_of`` that its rows came through: no model stands between.

    ``ends``: the folders, where the stages are those of several.
    """
    wanted = set(map(folder_of, ends)) or {stages[-1].folder}
    for stage in reversed(stages):
        if stage.folder in wanted:
            inputs = {option: entries for option, entries in stage.manifest.inputs.items() if option != COMPARED_WITH}
            rows = (entry for entries in inputs.values() for entry in entries if entry.is_rows)
            wanted |= {folder_of(entry.uri) for entry in rows}
    return [stage for stage in stages if stage.folder in wanted]


def model_stages_of(stages: Sequence[Stage], rows_stages: Sequence[Stage]) -> list[Stage]:
    """Return the stages that rows did not come through: those that made models, or what these were trained on."""
    on_the_way = {stage.folder for stage in rows_stages}
    return [stage for stage in stages if stage.folder not in on_the_way]


def rows_brought_in(rows_stages: Sequence[Stage]) -> int:
    """Return how many rows the first stages that rows came through generated or imported."""
    on_the_way = {stage.folder for stage in rows_stages}
    return sum(stage.manifest.rows_in for stage in rows_stages if on_the_way.isdisjoint(stage.reads))


def sources_of(stages: Sequence[Stage]) -> list[str]:
    """Return the addresses outside of the workspace that the stages read (models, files, generators), sorted."""
    return sorted({entry.uri for stage in stages for entry in _inputs(stage.manifest) if not entry.is_folder})


def models_of(manifest: Manifest) -> list[UsedModel]:
    """Return the model that a folder's rows were made with, what that was trained from, and so on to its source.

    Where several models lead on, the branch ends.
    """
    found: list[UsedModel] = []
    entries = manifest.inputs.get("model", ())
    while len(entries) == 1:
        (entry,) = entries
        maker = read_manifest_or_none(entry.uri) if entry.is_folder else None
        step, options = (maker.step, maker.options) if maker else ("", {})
        found.append(UsedModel(uri=entry.uri, fingerprint=entry.fingerprint, step=step, options=options))
        entries = (maker.inputs.get("model") or maker.inputs.get("source", ())) if maker else ()
    return found


def _visit(folder: str, manifest: Manifest, stages: dict[str, Stage], manifests: Mapping[str, Manifest]) -> None:
    reads = []
    for entry in _inputs(manifest):
        if not entry.is_folder:
            continue
        uri = folder_of(entry.uri)
        if uri not in stages:
            source = manifests.get(uri) or read_manifest_or_none(uri)
            if source is None:
                logger.warning("%s was made from %s, which no longer exists", folder, uri)
                continue
            _visit(uri, source, stages, manifests)
        reads.append(uri)
    stages[folder] = Stage(folder=folder, manifest=manifest, reads=tuple(dict.fromkeys(reads)))


def _inputs(manifest: Manifest) -> Iterator[Input]:
    for entries in manifest.inputs.values():
        yield from entries
