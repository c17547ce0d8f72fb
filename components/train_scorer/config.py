"""The options of train_scorer."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from components.shared.config import option
from components.shared.config.artifacts import Artifact, artifacts
from components.shared.config.training import TrainingConfig
from components.shared.templates.families import CHAT_TEMPLATES, OWN

TARGETS = ("difficulty", "reward")


@dataclass(frozen=True, kw_only=True)
class TrainScorerConfig(TrainingConfig):
    """Train a scorer on measured fail rates: of a question's difficulty, or of a response's correctness."""

    CALLED_BY = ("target", MappingProxyType({target: f"{target}_scorer" for target in TARGETS}))
    ARTIFACTS: ClassVar = artifacts(
        trained_scorer=Artifact(
            kind="Model", title="Trained scorer", description="a model that gives each text one number"
        ),
    )

    examples: str = option(help="folder of FailRate rows, or a JSON list of them", is_folder=True)
    target: str = option(
        "difficulty",
        help="difficulty: predicts a question's fail rate; reward: predicts whether a response is right (1) or not (0)",
        choices=TARGETS,
        is_wired=True,
    )
    chat_template: str = option(
        OWN,
        help="for --target reward: own, the start model's own chat template; or a chat family",
        choices=CHAT_TEMPLATES,
    )
    learning_rate: float = option(
        1e-5, help="peak learning rate, after 3 % of the steps, then cosine decay to 0", minimum=0
    )
    batch_size: int = option(
        32, help="examples per training step, over all processes and accumulated micro-batches", minimum=1
    )
    max_tokens: int = option(2048, help="maximum length of an example; longer ones are rejected, not cut", minimum=2)
    max_examples: int = option(
        0, help="maximum number of examples, including held-out ones, drawn by the seed; 0: all", minimum=0
    )
    held_out_fraction: float = option(
        0.1, help="share of the questions that are held out to measure the scorer", minimum=0.0, maximum=0.9
    )
    seed: int = option(
        0, help="seed for the order, the head's initial weights and the held-out questions", is_wired=True
    )
