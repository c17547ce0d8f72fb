"""The options of filter_solvability."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from components.shared.config import option
from components.shared.config.artifacts import KEPT_QUESTIONS, artifacts
from components.shared.config.engines import EngineConfig

PROMPT = Path(__file__).with_name("solvability_prompt.txt")


@dataclass(frozen=True, kw_only=True)
class FilterSolvabilityConfig(EngineConfig):
    """Keep the questions that a judge model, after some reasoning, calls solvable."""

    VERSION: ClassVar = 3  # 2 read verdicts of one form only
    ARTIFACTS: ClassVar = artifacts(kept_questions=KEPT_QUESTIONS)

    PROMPTS: ClassVar = (PROMPT,)

    questions: str = option(help="folder of Question rows, or a JSON list of them", is_folder=True)
    model: str = option(help="model URI of the judge; openai:NAME for a served one", is_folder=True)
    max_tokens: int = option(1024, help="new tokens per judgement", minimum=1)
    rows_per_part: int = option(
        256, help="questions per part: the most that a lost pod has to repeat", affects_output=False, minimum=1
    )
