"""The options of measure_fail_rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from components.shared.config import option
from components.shared.config.artifacts import Artifact, artifacts, distribution_of
from components.shared.config.engines import SolverConfig


@dataclass(frozen=True, kw_only=True)
class MeasureFailRateConfig(SolverConfig):
    """Let a solver answer questions several times and count how often it is wrong."""

    VERSION: ClassVar = 8  # 7 took y=2x for y=2x+2 and 3个以上 for 3, and A=P(1+R) for another value than A=P+PR
    ARTIFACTS: ClassVar = artifacts(
        fail_rates=Artifact(
            kind="Dataset",
            title="Fail rates",
            description="how often a solver is wrong, or differs from its own majority",
        ),
        distribution=distribution_of("fail rates"),
    )

    questions: str = option(help="folder of Question rows, or a JSON list of them", is_folder=True)
    compare_with: str = option(
        "known_answer",
        help="what is right: known_answer, which came with the question; majority, the final answer that most of its "
        "responses have, for questions whose answers are not known",
        choices=("known_answer", "majority"),
    )
    num_samples: int = option(16, help="responses per question; our choice: the rate has steps of 1/16", minimum=1)
    temperature: float = option(1.6, help="sampling temperature; as in DART-Math for such labels", minimum=0)
    top_p: float = option(0.95, help="top-p of the sampling; as in DART-Math", minimum=0.01, maximum=1)
    max_tokens: int = option(2048, help="new tokens per response; our choice: as in generate_responses", minimum=1)
