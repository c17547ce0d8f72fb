"""The options of score_difficulty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from components.shared.config import PartsConfig, option
from components.shared.config.artifacts import Artifact, artifacts, distribution_of
from components.shared.config.gates import OF_QUESTIONS, OF_ROWS
from components.shared.config.scoring import ScorerConfig


@dataclass(frozen=True, kw_only=True)
class ScoreDifficultyConfig(ScorerConfig, PartsConfig):
    """Give each question the fail rate that a difficulty scorer predicts for it."""

    WATCHED: ClassVar = (*OF_ROWS, *OF_QUESTIONS)
    ARTIFACTS: ClassVar = artifacts(
        rated_questions=Artifact(
            kind="Dataset",
            title="Rated questions",
            description="questions with the fail rate that is predicted for them",
        ),
        distribution=distribution_of("predicted fail rates"),
    )

    questions: str = option(help="folder of Question rows, or a JSON list of them", is_folder=True)
    scorer: str = option(
        "", help="difficulty scorer: train_scorer with --target difficulty; not for engine scripted", is_folder=True
    )
