"""How two folders were made, compared stage by stage: what each option was, which models, how the rows add up."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.shared.workspace.costs import Account, costs_of
from components.shared.workspace.lineage import Stage, rows_stages_of
from components.shared.workspace.manifests import Manifest


@dataclass(frozen=True, kw_only=True)
class Change:
    """Something that is not the same: an option, a prompt, a version, a figure; None where one of them lacks it."""

    name: str
    a: Any
    b: Any


@dataclass(frozen=True, kw_only=True)
class StagePair:
    """A stage of both ways, or of one of them."""

    a: Stage | None
    b: Stage | None

    @property
    def step(self) -> str:
        """The step that made it."""
        stage = self.a or self.b
        assert stage is not None
        return stage.step

    @property
    def is_same(self) -> bool:
        """Whether both are one folder's work: same step, options and inputs."""
        return bool(self.a and self.b and self.a.manifest.fingerprint == self.b.manifest.fingerprint)

    @property
    def changes(self) -> list[Change]:
        """What a person has changed here; what follows from an earlier stage is left out."""
        return _changes(self.a.manifest, self.b.manifest) if self.a and self.b else []


def pairs_of(a: Sequence[Stage], b: Sequence[Stage]) -> list[StagePair]:
    """Return the stages of both, each with its like: the same work, else the step's most similar one.

    In the order of ``a``; what only ``b`` has stands behind the stage that it follows there.
    """
    like = _matched(a, b)
    pairs = [StagePair(a=stage, b=like.get(stage.folder)) for stage in a]
    taken = {stage.folder for stage in like.values()}
    before: str = ""
    for stage in b:
        if stage.folder not in taken:
            places = [number for number, pair in enumerate(pairs) if pair.b and pair.b.folder == before]
            pairs.insert(places[0] + 1 if places else 0, StagePair(a=None, b=stage))
        before = stage.folder
    return pairs


def of_rows(pairs: Sequence[StagePair], a: Sequence[Stage], b: Sequence[Stage]) -> list[StagePair]:
    """Return those pairs that rows came through, in either."""
    folders = {stage.folder for stages in (a, b) for stage in rows_stages_of(stages)}
    return [pair for pair in pairs if folders & {stage.folder for stage in (pair.a, pair.b) if stage}]


def figures_of(stages: Sequence[Stage], account: Account) -> dict[str, float]:
    """Return what can be compared in numbers: the rows, the folder's own figures, what all stages took."""
    last = stages[-1].manifest
    own = {name: value for name, value in last.metrics.items() if name not in ("seconds", "accelerator_seconds")}
    costs = costs_of(stages, account)
    names = ("seconds", "gpu_hours", "tokens_read", "tokens_written")
    taken = {f"all stages: {name}": getattr(costs, name) for name in names}
    return {"rows": float(last.rows_out), **own, **taken}


def changed(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[Change]:
    """Return the entries that are not the same in both."""
    names = dict.fromkeys([*a, *b])
    return [Change(name=name, a=a.get(name), b=b.get(name)) for name in names if a.get(name) != b.get(name)]


def _matched(a: Sequence[Stage], b: Sequence[Stage]) -> dict[str, Stage]:
    """Return which stage of ``b`` each of ``a`` is compared with, by folder; each of them once."""
    free = list(b)
    found: dict[str, Stage] = {}
    for exactly in (True, False):
        for stage in a:
            if stage.folder in found:
                continue
            alike = [
                each
                for each in free
                if each.step == stage.step and (not exactly or each.manifest.fingerprint == stage.manifest.fingerprint)
            ]
            if alike:
                nearest = min(alike, key=lambda each: len(_changes(stage.manifest, each.manifest)))
                found[stage.folder] = nearest
                free.remove(nearest)
    return found


def _changes(a: Manifest, b: Manifest) -> list[Change]:
    versions = changed({"version of the step": a.version}, {"version of the step": b.version})
    prompts = [dataclasses.replace(each, name=f"prompt {each.name}") for each in changed(a.prompts, b.prompts)]
    return [*versions, *changed(a.options, b.options), *changed(_outside(a), _outside(b)), *prompts]


def _outside(manifest: Manifest) -> dict[str, list[str]]:
    """Return the inputs that are no folder of a workspace, by option: files, models, generators."""
    entries = {name: [each.uri for each in entries if not each.is_folder] for name, entries in manifest.inputs.items()}
    return {name: uris for name, uris in entries.items() if uris}
