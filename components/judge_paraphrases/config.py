"""The options of judge_paraphrases."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from components.shared.config import option
from components.shared.config.artifacts import KEPT_QUESTIONS, artifacts
from components.shared.config.engines import EngineConfig
from components.shared.config.gates import OF_QUESTIONS, OF_REPLIES, OF_ROWS

PROMPT = Path(__file__).with_name("judge_paraphrases_prompt.txt")


@dataclass(frozen=True, kw_only=True)
class JudgeParaphrasesConfig(EngineConfig):
    """Reject questions that a judge takes for a benchmark's question in other words."""

    VERSION: ClassVar = 3  # 2 read fewer words as the same
    WATCHED: ClassVar = (*OF_ROWS, *OF_REPLIES, *OF_QUESTIONS)
    ARTIFACTS: ClassVar = artifacts(kept_questions=KEPT_QUESTIONS)
    PROMPTS: ClassVar = (PROMPT,)

    questions: str = option(help="folder of Question rows, or a JSON list of them", is_folder=True)
    benchmarks: str = option(
        help="folder of the benchmarks' Question rows, which import_questions made, or a JSON list of them",
        is_folder=True,
    )
    model: str = option(help="model URI of the judge; openai:NAME for a served one", is_folder=True)
    num_nearest: int = option(5, help="questions of the benchmarks that the judge sees beside each one", minimum=1)
    min_similarity: float = option(
        0.2, help="share of its words that a question has from the nearest one, for the judge to be asked", minimum=0.0
    )
    max_tokens: int = option(256, help="new tokens per reply", minimum=1)
    rows_per_part: int = option(
        256, help="questions per part: the most that a lost pod has to repeat", affects_output=False, minimum=1
    )
