"""The options of train_dpo."""

from __future__ import annotations

from dataclasses import dataclass

from components.shared.config import option
from components.shared.config.training import TrainingConfig


@dataclass(frozen=True, kw_only=True)
class TrainDpoConfig(TrainingConfig):
    """Optimise a question generator on pairs of questions by DPO; the model given is the reference, too."""

    pairs: str = option(help="folder of PreferencePair rows", is_folder=True)
    learning_rate: float = option(5e-7, help="peak; cosine to 0; paper", minimum=0)
    batch_size: int = option(
        128, help="pairs a step, over all processes and accumulated micro-batches; paper", minimum=1
    )
    max_tokens: int = option(
        1024,
        help="longest sequence, end token included; longer pairs are rejected; the paper's code (which cuts them)",
        minimum=2,
    )
    micro_batch_size: int = option(2, help="pairs that one process works on at once", affects_output=False, minimum=1)
    beta: float = option(0.1, help="how strongly the policy is held to the reference; the paper's code", minimum=0)
    warmup_steps: int = option(20, help="steps until the peak; the paper's code", minimum=0)
    max_warmup_fraction: float = option(
        0.3,
        help="largest share of the steps that the warm-up may take, for short trainings; 20 of the paper's 79 fit",
        minimum=0,
        maximum=1,
    )
