"""The options of pair_questions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from components.shared.config import PartsConfig, option
from components.shared.config.artifacts import Artifact, artifacts
from components.shared.errors import InputError


@dataclass(frozen=True, kw_only=True)
class PairQuestionsConfig(PartsConfig):
    """Pair questions of a generator by their measured fail rates: those within a band are preferred."""

    VERSION: ClassVar = 4  # 3 took questions with a remark, a second one or a sentence repeated behind them
    ARTIFACTS: ClassVar = artifacts(
        preference_pairs=Artifact(
            kind="Dataset",
            title="Preference pairs",
            description="questions that a solver sometimes answers, and others",
        ),
    )

    fail_rates: str = option(
        help="folder of FailRate rows, as measure_fail_rate writes them, or a JSON list of them", is_folder=True
    )
    min_fail_rate: float = option(0.25, help="easier questions are not preferred", minimum=0.0, maximum=1.0)
    max_fail_rate: float = option(0.75, help="harder questions are not preferred", minimum=0.0, maximum=1.0)
    seed: int = option(0, help="change the seed for other pairs", is_wired=True, minimum=0)
    rows_per_part: int = option(1024, help="questions per part: pairs are made within a part", minimum=2)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.min_fail_rate > self.max_fail_rate:
            raise InputError(
                f"--min-fail-rate {self.min_fail_rate} is above --max-fail-rate {self.max_fail_rate}: no question "
                "would be preferred; expected a band such as 0.25 to 0.75"
            )
