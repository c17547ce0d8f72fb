"""The options of build_preferences."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from components.shared.config import option
from components.shared.config.artifacts import Artifact, artifacts
from components.shared.config.engines import EngineConfig

DIRECTIONS = ("solvability", "difficulty")
PROMPT_FILES = {name: Path(__file__).with_name(f"{name}_prompt.txt") for name in DIRECTIONS}
EXAMPLE_FILES = {name: Path(__file__).with_name(f"{name}_examples.yaml") for name in DIRECTIONS}


@dataclass(frozen=True, kw_only=True)
class BuildPreferencesConfig(EngineConfig):
    """Rewrite each question in one direction, drawn from the seed; pair the rewrite with the original."""

    VERSION: ClassVar = 7  # 6 preferred questions with a remark, a second one or a sentence repeated behind them
    ARTIFACTS: ClassVar = artifacts(
        preference_pairs=Artifact(
            kind="Dataset", title="Preference pairs", description="questions with their rewrites"
        ),
    )

    PROMPTS: ClassVar = (*PROMPT_FILES.values(), *EXAMPLE_FILES.values())

    questions: str = option(help="folder of Question rows, or a JSON list of them", is_folder=True)
    model: str = option(help="model URI of the rewriter; openai:NAME for a served one", is_folder=True)
    max_tokens: int = option(4096, help="new tokens per rewrite; paper", minimum=1)
    seed: int = option(0, help="change the seed for different directions", is_wired=True, minimum=0)
    rows_per_part: int = option(
        256, help="questions per part: the most that a lost pod has to repeat", affects_output=False, minimum=1
    )
