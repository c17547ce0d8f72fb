"""The options of find_contamination."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from components.shared.config import StepConfig, option
from components.shared.config.artifacts import Artifact, artifacts


@dataclass(frozen=True, kw_only=True)
class FindContaminationConfig(StepConfig):
    """Find which benchmark questions occur in the rows that a model is trained on."""

    VERSION: ClassVar = 6  # 5 missed conditions behind the question and ways to say a largest value
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
