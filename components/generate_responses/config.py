"""The options of generate_responses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from components.shared.config.artifacts import Artifact, artifacts
from components.shared.config.engines import SolverConfig


@dataclass(frozen=True, kw_only=True)
class GenerateResponsesConfig(SolverConfig):
    """Sample several responses to each question."""

    VERSION: ClassVar = 8  # 7 dropped earlier boxes before two that make one value
    ARTIFACTS: ClassVar = artifacts(
        answers=Artifact(
            kind="Dataset", title="Answers", description="several responses of the solver to each question"
        ),
    )
