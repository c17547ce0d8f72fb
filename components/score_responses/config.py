"""The options of score_responses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from components.shared.config import SharedConfig, option
from components.shared.config.artifacts import Artifact, artifacts, distribution_of
from components.shared.config.scoring import ScorerConfig
from components.shared.templates.families import CHAT_TEMPLATES, OWN


@dataclass(frozen=True, kw_only=True)
class ScoreResponsesConfig(ScorerConfig, SharedConfig):
    """Give each response the score of a reward model; all responses to a question stay in one part."""

    ARTIFACTS: ClassVar = artifacts(
        rewards=Artifact(kind="Dataset", title="Rewards", description="responses with the reward model's scores"),
        distribution=distribution_of("rewards"),
    )

    responses: str = option(help="folder of Response rows, or a JSON list of them", is_folder=True)
    reward_model: str = option(
        "", help="reward model: train_scorer with --target reward, or a published one", is_folder=True
    )
    chat_template: str = option(
        OWN,
        help="own: the reward model's own chat template; or a chat family",
        choices=CHAT_TEMPLATES,
    )
