"""What work in the workspace took: of finished folders by their manifests, of others by the parts that are written."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from components.shared.config import StepConfig, flag_of, info_of, options_of
from components.shared.errors import InputError, UnavailableError
from components.shared.passing_on import MODEL_OPTIONS
from components.shared.stores import storage
from components.shared.workspace.earlier_rows import taken_over
from components.shared.workspace.lineage import COMPARED_WITH
from components.shared.workspace.listing import newest_names
from components.shared.workspace.manifests import Manifest, read_manifest_or_none
from components.shared.workspace.plans import Plan, read_plan_or_none
from components.shared.workspace.sampled_parts import written_parts
from pipelines.arguments import NOT_YET_MADE
from pipelines.planning.course import ROW_INPUTS

FOLDERS = 20  # of a step that are looked at, at most: the newest
THREADS = 16
SIZES = ("num_questions", "max_examples", "seed")  # options that say how much or which, and leave rates as they are
ENGINES = ("engine", "scorer_engine")  # what another one took says nothing

Differences = Mapping[str, tuple[Any, Any]]  # by option: the value there, and that of now


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a folder took, or those of its parts that are written."""

    folder: str
    described: Manifest | Plan
    rows_read: int  # of the folders that it reads, those that it only compares with left out; 0 if it reads none
    rows_in: int
    rows_out: int
    metrics: Mapping[str, float]
    differences: Differences = field(default_factory=dict)  # of what is planned
    share: float = 1.0  # of the work that the written parts have

    @property
    def name(self) -> str:
        """Its address within the workspace: step/fingerprint."""
        return f"{self.described.step}/{self.described.fingerprint}"

    @cached_property
    def num_bytes(self) -> int:
        """What its files take; they are listed only if somebody asks."""
        return sum(storage.list_files(self.folder).values())

    @property
    def is_finished(self) -> bool:
        """Whether it is the whole folder."""
        return isinstance(self.described, Manifest)

    @property
    def source(self) -> str:
        """What it is as the source of a figure."""
        part = "" if self.is_finished else ", the parts that are written"
        differs = f", which differs in {', '.join(map(flag_of, self.differences))}" if self.differences else ""
        return f"{self.name} of this workspace{part}{differs}"

    @property
    def rows_worked_on(self) -> float:
        """The rows that went in, without those that were taken over from earlier folders, at no cost."""
        return self.rows_in - sum(taken_over(self.metrics).values())

    def is_same_work(self, config: StepConfig) -> bool:
        """Whether it is finished, and makes of a row what a step with these options makes of it."""
        is_open = any(getattr(config, name, "") == NOT_YET_MADE for name in MODEL_OPTIONS)
        same_seed = self.described.options.get("seed") == getattr(config, "seed", None)
        return self.is_finished and same_seed and not self.differences and not is_open

    def metric(self, *names: str) -> float:
        """Return the sum of metrics; one that the step does not have is 0."""
        return sum(self.metrics.get(name, 0.0) for name in names)


class MeasuredWork:
    """The work of a workspace, read once for each step."""

    def __init__(self, workspace: str, *, is_readable: bool = True) -> None:
        self._workspace = workspace
        self._is_readable = is_readable
        self._known: dict[str, list[Measured]] = {}

    def nearest(self, step: str, config: StepConfig) -> Measured | None:
        """Return the folder of a step whose options are most like these; of several the one with most rows.

        None where no folder of that step, made with the same engine, is there.
        """
        wanted = _options(config)
        found = [
            dataclasses.replace(each, differences=_differences(each.described, wanted, config))
            for each in self._of_step(step)
            if all(each.described.options.get(name) == wanted.get(name) for name in ENGINES)
        ]
        return min(found, key=lambda each: (len(each.differences), -each.rows_in, each.name), default=None)

    def _of_step(self, step: str) -> list[Measured]:
        if step not in self._known:
            place = storage.join(self._workspace, step)
            names = _names_in(place) if self._is_readable else []
            with ThreadPoolExecutor(THREADS) as threads:
                read = list(threads.map(lambda name: _measured_in(storage.join(place, name)), names))
            self._known[step] = [each for each in read if each is not None]
        return self._known[step]


def _names_in(place: str) -> list[str]:
    try:
        return newest_names(place, FOLDERS)
    except (InputError, UnavailableError):
        return []


def _measured_in(folder: str) -> Measured | None:
    """Return what a folder took; None where nothing was done in it, or it cannot be read."""
    try:
        return measured(folder, read_manifest_or_none(folder) or read_plan_or_none(folder))
    except (InputError, UnavailableError):
        return None  # of no use for a plan; the step that needs it says why


def measured(folder: str, described: Manifest | Plan | None) -> Measured | None:
    """Return what a folder took that is described so; None where no part of it is written, or these cannot be read."""
    if isinstance(described, Manifest):
        return _of_manifest(folder, described)
    try:
        return _of_parts(folder, described) if described else None
    except (InputError, UnavailableError, FileNotFoundError):
        return None


def _of_manifest(folder: str, manifest: Manifest) -> Measured:
    entries = [entry for name, of in manifest.inputs.items() if name != COMPARED_WITH for entry in of]
    return Measured(
        folder=folder,
        described=manifest,
        rows_read=sum(entry.rows for entry in entries if entry.kind not in ("", "model")),
        rows_in=manifest.rows_in,
        rows_out=manifest.rows_out,
        metrics=manifest.metrics,
    )


def _of_parts(folder: str, plan: Plan) -> Measured | None:
    """Return what the parts took that are written, by a sample of them."""
    parts = written_parts(folder, plan, storage.list_names(folder))
    if parts is None:
        return None
    return Measured(
        folder=folder,
        described=plan,
        rows_read=parts.rows,
        rows_in=round(parts.rows_in),
        rows_out=round(parts.rows_out),
        metrics=parts.metrics,
        share=parts.share,
    )


def _options(config: StepConfig) -> dict[str, Any]:
    """Return the options that matter for what comes out, as plans and manifests have them."""
    fields = [field for field in options_of(type(config)) if info_of(field).affects_output]
    return {field.name: getattr(config, field.name) for field in fields if not info_of(field).is_folder}


def _differences(described: Manifest | Plan, wanted: Mapping[str, Any], config: StepConfig) -> Differences:
    """Return in which options two works differ; of inputs those that bring no rows, and are there already."""
    there = described.options
    found = {name: (there.get(name), wanted.get(name)) for name in sorted({*there, *wanted} - {*SIZES})}
    for name, entries in described.inputs.items():
        now = getattr(config, name, "")
        if name not in (*ROW_INPUTS, COMPARED_WITH) and now != NOT_YET_MADE:
            found[name] = (", ".join(entry.uri for entry in entries), now)
    return {name: values for name, values in found.items() if values[0] != values[1]}
