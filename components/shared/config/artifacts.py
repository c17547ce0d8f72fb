"""What Kubeflow shows of a step's folder: each output is declared in the step's config, named for what it holds.

Names and words are for people who look at a run. No folder's address depends on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

ArtifactKind = Literal["Dataset", "Model", "HTML", "Markdown", "Metrics"]


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """One output of a step's task, beside the folder's address and the metrics that every step has."""

    kind: ArtifactKind
    title: str  # what Kubeflow's page calls it
    description: str


def artifacts(**declared: Artifact) -> Mapping[str, Artifact]:
    """Return a step's outputs by name: no two have one name, and none that of an option."""
    return MappingProxyType(declared)


KEPT_QUESTIONS = Artifact(
    kind="Dataset",
    title="Kept questions",
    description="the questions that the step kept; those that it rejected stand in the same folder, with the reasons",
)


def distribution_of(values: str) -> Artifact:
    """Return the declaration of a page that shows how values are distributed."""
    return Artifact(kind="HTML", title=f"Distribution of {values}", description=f"how many rows have which {values}")
