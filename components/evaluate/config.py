"""The options of evaluate."""

from __future__ import annotations

from dataclasses import dataclass

from components.shared.config import option
from components.shared.config.engines import SolverConfig


@dataclass(frozen=True, kw_only=True)
class EvaluateConfig(SolverConfig):
    """Let a solver answer questions with known answers and count how many it gets right."""

    questions: str = option(help="folder of Question rows with answers, or a JSON list of them", is_folder=True)
    num_samples: int = option(
        1, help="responses per question; several also give pass@k and the majority's accuracy", minimum=1
    )
    temperature: float = option(0.0, help="sampling temperature; 0, as in the paper: greedy", minimum=0)
    max_tokens: int = option(2048, help="new tokens per response; as in DART-Math, the paper's evaluation", minimum=1)
