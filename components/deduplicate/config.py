"""The options of deduplicate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from components.shared.config import StepConfig, option
from components.shared.config.artifacts import KEPT_QUESTIONS, artifacts
from components.shared.config.gates import OF_QUESTIONS, OF_ROWS


@dataclass(frozen=True, kw_only=True)
class DeduplicateConfig(StepConfig):
    """Keep the first of several questions that ask for the same in other words, with the same numbers."""

    VERSION: ClassVar = 5  # 4 took a condition behind the question for another question

    WATCHED: ClassVar = (*OF_ROWS, *OF_QUESTIONS)
    ARTIFACTS: ClassVar = artifacts(kept_questions=KEPT_QUESTIONS)

    questions: str = option(
        help="folder of Question rows, or a JSON list of them; of two equal ones the earlier is kept", is_folder=True
    )
    min_similarity: float = option(
        0.6,
        help="share of the words of two questions that must be the same; names and synonyms are, another thing "
        "that is counted and a typing error are not",
        minimum=0.5,
        maximum=1.0,
    )
    rows_per_part: int = option(
        8192, help="input rows per part: the most that a lost pod has to repeat", affects_output=False, minimum=1
    )
