"""The options of train_dpo."""

from __future__ import annotations

from dataclasses import dataclass

from components.shared.config import option
from components.shared.config.training import TrainingConfig


@dataclass(frozen=True, kw_only=True)
class TrainDpoConfig(TrainingConfig):
    """Optimise a question generator on pairs of questions with DPO; the given model is also the reference."""

    pairs: str = option(help="folder of PreferencePair rows", is_folder=True)
    learning_rate: float = option(5e-7, help="peak learning rate, then cosine decay to 0; paper", minimum=0)
    batch_size: int = option(
        128, help="pairs per training step, over all processes and accumulated micro-batches; paper", minimum=1
    )
    max_tokens: int = option(
        1024,
        help="maximum length of a sequence, including the end token; longer pairs are rejected (the paper's "
        "code cuts them)",
        minimum=2,
    )
    micro_batch_size: int = option(2, help="pairs per process in one micro-batch", affects_output=False, minimum=1)
    beta: float = option(0.1, help="how strongly the policy is kept near the reference; the paper's code", minimum=0)
    warmup_steps: int = option(20, help="warm-up: steps until the peak learning rate; the paper's code", minimum=0)
    max_warmup_fraction: float = option(
        0.3,
        help="maximum share of the training steps for the warm-up, which limits it in short trainings",
        minimum=0,
        maximum=1,
    )
