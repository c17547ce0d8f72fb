"""The options of generate_questions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from components.shared.config import option
from components.shared.config.artifacts import Artifact, artifacts
from components.shared.config.engines import ENGINES, EngineConfig
from components.shared.config.gates import OF_QUESTIONS, OF_REPLIES, OF_ROWS
from components.shared.errors import InputError


@dataclass(frozen=True, kw_only=True)
class GenerateQuestionsConfig(EngineConfig):
    """Sample questions from the bare user prefix of a question generator."""

    VERSION: ClassVar = 3  # 2 gave a question another id where another number of them was asked for
    WATCHED: ClassVar = (*OF_ROWS, *OF_REPLIES, *OF_QUESTIONS)
    ARTIFACTS: ClassVar = artifacts(
        questions=Artifact(kind="Dataset", title="Questions", description="what a question generator wrote"),
    )

    model: str = option(help="model URI of the generator, trained by train_sft or train_dpo", is_folder=True)
    generator: str = option(
        help="the generator's name, which becomes the source of its questions (qwen2-math)", is_wired=True
    )
    num_questions: int = option(help="questions to sample, before filtering; paper: 1,000,000", minimum=1)
    temperature: float = option(1.0, help="sampling temperature; paper", minimum=0)
    top_p: float = option(0.99, help="top-p of the sampling; paper", minimum=0.01, maximum=1)
    max_tokens: int = option(512, help="new tokens per question; paper", minimum=1)
    seed: int = option(0, help="change the seed for different questions", is_wired=True, minimum=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.generator:
            raise InputError("--generator is required: a name such as qwen2-math")
        if not self.engine_kind.continues_text:
            able = " or ".join(name for name, kind in ENGINES.items() if kind.continues_text)
            raise InputError(
                f"--engine {self.engine} cannot write questions from the bare user prefix: a chat endpoint adds "
                "its own "
                f"message; expected {able}"
            )
