"""The options of train_sft."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

from components.shared.config import option
from components.shared.config.training import TrainingConfig
from components.shared.texts.prompts import SOLVE


@dataclass(frozen=True, kw_only=True)
class TrainSftConfig(TrainingConfig):
    """Fine-tune a model: on questions alone, so that it writes questions (QFT), or on responses."""

    CALLED_BY = ("objective", MappingProxyType({"question": "qft", "response": "sft"}))
    VERSION: ClassVar[int] = 3  # 2 left a solver without its chat template and end token

    examples: str = option(
        help="folders of rows, by objective: Question; or Response or Example, such as a finished dataset",
        is_folder=True,
    )
    objective: str = option(
        "question",
        help="question: write a question after the bare user prefix; response: answer a question",
        choices=("question", "response"),
        is_wired=True,
    )
    learning_rate: float = option(2e-5, help="peak learning rate, then cosine decay to 0; the paper's code", minimum=0)
    batch_size: int = option(
        128,
        help="rows per training step, over all processes and accumulated micro-batches; the paper's code takes "
        "32 chunks of 256 "
        "tokens, which hold about as many questions",
        minimum=1,
    )
    warmup_fraction: float = option(
        0.03, help="warm-up: share of the steps until the peak learning rate; the paper's code", minimum=0, maximum=1
    )

    @property
    def prompts(self) -> tuple[Path, ...]:
        """A response stands behind the prompt that asks for it, a question behind none."""
        return (SOLVE,) if self.objective == "response" else ()
