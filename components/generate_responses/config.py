"""The options of generate_responses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from components.shared.config.artifacts import Artifact, artifacts
from components.shared.config.engines import SolverConfig


@dataclass(frozen=True, kw_only=True)
class GenerateResponsesConfig(SolverConfig):
    """Sample several responses to each question."""

    VERSION: ClassVar = 7  # 6 missed answers in two boxes that make one value, and took a box with "N/A" for an answer
    ARTIFACTS: ClassVar = artifacts(
        answers=Artifact(
            kind="Dataset", title="Answers", description="several responses of the solver to each question"
        ),
    )
