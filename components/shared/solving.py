"""How questions are put to a solver: alike where its responses are kept and where they only show how often it fails."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from components.shared.config import ShardedConfig, option
from components.shared.engines import EngineConfig, Request, Sampling
from components.shared.errors import InputError
from components.shared.prompts import (
    MAX_SOLVE_EXAMPLES,
    SOLVE,
    SOLVE_EXAMPLES,
    fill_prompt,
    load_prompt,
    load_solve_examples,
)
from components.shared.records import Question
from components.shared.seeds import derive_seed


@dataclass(frozen=True, kw_only=True)
class SolverConfig(EngineConfig, ShardedConfig):
    """Let a solver answer every question several times."""

    PROMPTS: ClassVar = (SOLVE, SOLVE_EXAMPLES)

    questions: str = option(help="folder of Question rows, or a JSON list of them", is_folder=True)
    model: str = option(help="model URI of the solver; openai:NAME for a served one", is_folder=True)
    num_samples: int = option(5, help="responses a question; paper", minimum=1)
    temperature: float = option(0.7, help="sampling temperature; paper", minimum=0)
    top_p: float = option(0.95, help="nucleus of the sampling; paper", minimum=0.01, maximum=1)
    max_tokens: int = option(2048, help="new tokens a response; paper", minimum=1)
    num_examples: int = option(
        0,
        help="worked examples shown before a question, for a model that does not box its answers by itself",
        minimum=0,
        maximum=MAX_SOLVE_EXAMPLES,
    )
    seed: int = option(0, help="another seed gives other responses", minimum=0)
    rows_per_part: int = option(
        256, help="questions a part: what a lost pod has to do again", affects_output=False, minimum=1
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.temperature == 0 and self.num_samples > 1:
            raise InputError(
                f"--temperature 0 makes all --num-samples {self.num_samples} of a question the same; expected "
                "--num-samples 1, or a temperature above 0"
            )

    @property
    def sampling(self) -> Sampling:
        """How responses are drawn."""
        return Sampling(temperature=self.temperature, top_p=self.top_p, max_tokens=self.max_tokens)


class SolverPrompt:
    """Makes requests of questions; the prompt and its examples are read once."""

    def __init__(self, config: SolverConfig) -> None:
        self.config = config
        self.prompt = load_prompt(SOLVE)
        self.examples = load_solve_examples(self.prompt, config.num_examples)

    def request(self, key: Any, question: Question) -> Request:
        """Ask for all samples of a question at once, which reads it once; its seed is its own."""
        return Request(
            key=key,
            message=fill_prompt(self.prompt, question=question.question),
            seed=derive_seed(self.config.seed, self.config.step, question.id),
            num_samples=self.config.num_samples,
            examples=self.examples,
        )
