"""The stages that a pilot's questions came through, question by question: what each was given, kept, and took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from components.shared.stores import storage
from components.shared.workspace.costs import READ, WRITTEN
from components.shared.workspace.earlier_rows import taken_over
from components.shared.workspace.ledgers import REJECTED
from components.shared.workspace.lineage import Stage, rows_stages_of
from components.shared.workspace.manifests import Manifest, read_manifest_or_none
from components.shared.workspace.row_sources import open_source

FIRST, DISTINCT = "generate_questions", "deduplicate"
COSTS: Mapping[str, Sequence[str]] = {  # the metrics of folders that are summed up
    "tokens read": READ,
    "tokens written": WRITTEN,
    "GPU-hours": ("accelerator_seconds",),
}
_QUESTION_OF = {"question": "id", "response": "question_id", "example": "id"}  # the column, by the kind of row
_TEXTS = ("question", "solvability_reply", "solvability_thought", "response", "thought")


@dataclass(kw_only=True)
class PilotStage:
    """One step on the way of the pilot's rows, over all of its folders; by the id of a question."""

    step: str
    given: Counter[str] = field(default_factory=Counter)  # rows
    kept: Counter[str] = field(default_factory=Counter)
    characters: Counter[str] = field(default_factory=Counter)  # of the rows' texts
    repeats: Counter[str] = field(default_factory=Counter)  # of a distinct question: how many duplicates it has
    took: dict[str, float] = field(default_factory=dict)  # by the names of COSTS

    def costs(self, name: str) -> Mapping[str, float]:
        """Return what each question took, by its share of the texts: only the parts' sums are known."""
        total = sum(self.characters.values())
        return {each: self.took[name] * number / total for each, number in self.characters.items()} if total else {}


def pilot_stages(stages: Sequence[Stage]) -> list[PilotStage]:
    """Return the stages of a pilot's dataset (its ``stages_of``), in the order of the rows, from the generators on."""
    found: dict[str, PilotStage] = {}
    for stage in rows_stages_of(stages):
        if stage.step == FIRST or FIRST in found:
            _add(found.setdefault(stage.step, PilotStage(step=stage.step)), stage)
    return list(found.values())


def _add(sums: PilotStage, stage: Stage) -> None:
    """Add a folder's rows and costs."""
    column = _QUESTION_OF[stage.manifest.kind]
    for table, is_kept in _tables(stage.folder):
        ids = table[column].to_pylist()
        if stage.manifest.kind == "example":
            ids = [each.rpartition("-")[0] for each in ids]
        sums.given.update(ids)
        sums.kept.update(ids if is_kept else ())
        for name in {*_TEXTS} & {*table.column_names}:
            for each, text in zip(ids, table[name].to_pylist(), strict=True):
                sums.characters[each] += len(text)
        if stage.step == DISTINCT and not is_kept:
            sums.repeats.update(table["detail"].to_pylist())
    for name, metrics in COSTS.items():
        rate = _rate(stage, metrics) / (3600 if name == "GPU-hours" else 1)
        sums.took[name] = sums.took.get(name, 0.0) + rate * stage.manifest.rows_in


def _tables(folder: str) -> Iterator[tuple[pa.Table, bool]]:
    """Yield the rows that a folder kept, then those that it rejected, and which of these they are."""
    for uri, is_kept in ((folder, True), (storage.join(folder, REJECTED), False)):
        source = open_source(uri)
        for entry in source.parts():
            yield source.read(entry), is_kept


def _rate(stage: Stage, metrics: Sequence[str]) -> float:
    """Return what a row took where it was made: here, or in the folders that it was taken over from."""
    sources = [stage.manifest, *_taken_from(stage)]
    made = sum(each.rows_in - sum(taken_over(each.metrics).values()) for each in sources)
    return sum(each.metrics.get(name, 0.0) for each in sources for name in metrics) / made if made else 0.0


def _taken_from(stage: Stage) -> Iterator[Manifest]:
    workspace = stage.folder.rsplit("/", 2)[0]
    for name in taken_over(stage.manifest.metrics):
        if manifest := read_manifest_or_none(storage.join(workspace, name)):
            yield manifest
