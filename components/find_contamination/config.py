"""The options of find_contamination."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from components.shared.config import StepConfig, option
from components.shared.config.artifacts import Artifact, artifacts


@dataclass(frozen=True, kw_only=True)
class FindContaminationConfig(StepConfig):
    """Find which benchmark questions occur in the rows that a model is trained on."""

    VERSION: ClassVar = 5  # 4 missed operations, places and conditions in other words
    ARTIFACTS: ClassVar = artifacts(
        contamination=Artifact(
            kind="Dataset",
            title="Contamination",
            description="what of each benchmark question stands in the training rows",
        ),
    )

    questions: str = option(help="folder of a benchmark's Question rows, or a JSON list of them", is_folder=True)
    training: str = option(
        help="folder of the rows that a model is trained on (Question, Response or Example), or a JSON list of them",
        is_folder=True,
    )
