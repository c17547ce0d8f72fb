"""The options of find_contamination."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from components.shared.config import StepConfig, option
from components.shared.config.artifacts import Artifact, artifacts

# Words of a run: the paper's 13 (GPT-3's, and most reports' since), and fewer, which also find phrases by chance.
SIZES = {"ngram_13": 13, "ngram_8": 8}
NEAR_DUPLICATE = "near_duplicate"
RULES = (*SIZES, NEAR_DUPLICATE)


@dataclass(frozen=True, kw_only=True)
class FindContaminationConfig(StepConfig):
    """Find which benchmark questions occur in the rows that a model is trained on."""

    VERSION: ClassVar = 2  # 1 knew fewer spellings of row breaks and of units in formulas
    ARTIFACTS: ClassVar = artifacts(
        contamination=Artifact(
            kind="Dataset",
            title="Contamination",
            description="what of each benchmark question stands in the training rows",
        ),
    )

    questions: str = option(help="folder of a benchmark's Question rows, or a JSON list of them", is_folder=True)
    training: str = option(
        help="folder of the rows that a model is trained on (Question, Response or Example), or a JSON list of them",
        is_folder=True,
    )
