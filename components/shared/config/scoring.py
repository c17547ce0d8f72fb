"""The options of the steps that score texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from components.shared.config import option
from components.shared.images import ImageName

SCORER_ENGINES = ("transformers", "vllm", "scripted")


@dataclass(frozen=True, kw_only=True)
class ScorerConfig:
    """The options of a step that scores texts; a mixin: ``class XConfig(ScorerConfig, PartsConfig)``."""

    IMAGE: ClassVar[ImageName] = "vllm"
    VERSION: ClassVar[int] = 2  # 1 read what looks like a control token in a row as one

    scorer_engine: str = option("transformers", help="what runs the scorer", choices=SCORER_ENGINES)
    max_tokens: int = option(
        0, help="maximum length of a text in tokens; longer ones are rejected; 0: the model's own limit", minimum=0
    )
    max_batch_tokens: int = option(
        16384, help="tokens per batch, including padding (engine transformers)", affects_output=False, minimum=1
    )
    tensor_parallel_size: int = option(
        1, help="number of GPUs that share one scorer (engine vllm)", affects_output=False, minimum=1
    )
    gpu_memory_fraction: float = option(
        0.9, help="share of the GPU's memory (engine vllm)", affects_output=False, minimum=0.1, maximum=1.0
    )

    @property
    def num_gpus(self) -> int:
        """How many GPUs one process of it uses where there are any."""
        return {"scripted": 0, "transformers": 1, "vllm": self.tensor_parallel_size}[self.scorer_engine]
