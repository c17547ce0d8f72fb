"""The options of filter_solvability."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from components.shared.config import option
from components.shared.config.artifacts import KEPT_QUESTIONS, artifacts
from components.shared.config.engines import EngineConfig
from components.shared.config.gates import OF_QUESTIONS, OF_REPLIES, OF_ROWS
from components.shared.errors import InputError

SOLVABILITY_PROMPT = Path(__file__).with_name("solvability_prompt.txt")
STAGE_PROMPT = Path(__file__).with_name("stage_prompt.txt")
STAGES = Path(__file__).with_name("stages.yaml")


@dataclass(frozen=True, kw_only=True)
class FilterSolvabilityConfig(EngineConfig):
    """Keep the questions of which a judge model says that they can be solved."""

    VERSION: ClassVar = 7  # 6 read verdicts that the reply takes back beside them
    WATCHED: ClassVar = (*OF_ROWS, *OF_REPLIES, *OF_QUESTIONS)
    ARTIFACTS: ClassVar = artifacts(kept_questions=KEPT_QUESTIONS)

    PROMPTS: ClassVar = (STAGES, STAGE_PROMPT, SOLVABILITY_PROMPT)

    questions: str = option(help="folder of Question rows, or a JSON list of them", is_folder=True)
    model: str = option(help="model URI of the judge; openai:NAME for a served one", is_folder=True)
    judging: str = option(
        "stages",
        help="stages: true or false, four times, each about one thing that has to hold; one_reply: a reason and a "
        "verdict, in words, as in the paper",
        choices=("stages", "one_reply"),
    )
    num_judgements: int = option(1, help="judgements of each stage at most; several need a temperature", minimum=1)
    threshold: float = option(
        0.5, help="share of the judgements that have to say that a stage holds", minimum=0.0, maximum=1.0
    )
    temperature: float = option(0.0, help="sampling temperature; 0 is greedy", minimum=0)
    max_tokens: int = option(1024, help="new tokens per judgement", minimum=1)
    rows_per_part: int = option(
        256, help="questions per part: the most that a lost pod has to repeat", affects_output=False, minimum=1
    )

    @property
    def prompts(self) -> tuple[Path, ...]:
        """The prompt files of the way in which it judges."""
        return (STAGES, STAGE_PROMPT) if self.judging == "stages" else (SOLVABILITY_PROMPT,)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.temperature == 0 and self.num_judgements > 1:
            raise InputError(
                f"--temperature 0 makes all --num-judgements {self.num_judgements} of a stage identical; expected "
                "--num-judgements 1, or a temperature above 0"
            )
