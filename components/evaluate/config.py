"""The options of evaluate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

from components.shared.config import option
from components.shared.config.artifacts import Artifact, artifacts
from components.shared.config.engines import SolverConfig
from components.shared.errors import InputError
from components.shared.texts.prompts import SOLVE, SOLVE_EXAMPLES

NAMED = "prompt:"  # how the name of a prompt that comes with the step begins
OLYMPIADBENCH = Path(__file__).with_name("olympiadbench_prompt.txt")
# By name: the prompt of each benchmark, and "" of all others.
PROMPTS: Mapping[str, Mapping[str, Path]] = MappingProxyType(
    {
        "solve": {"": SOLVE},
        "olympiadbench": {"": OLYMPIADBENCH},
        "benchmarks": {"": SOLVE, "olympiadbench": OLYMPIADBENCH},
    }
)


@dataclass(frozen=True, kw_only=True)
class EvaluateConfig(SolverConfig):
    """Let a solver answer questions with known answers and count how many it gets right."""

    VERSION: ClassVar = 10  # 9 took y=2x for y=2x+2 and 3个以上 for 3, and A=P(1+R) for another value than A=P+PR
    ARTIFACTS: ClassVar = artifacts(
        evaluations=Artifact(
            kind="Dataset", title="Evaluations", description="a solver's replies to questions, marked"
        ),
    )

    questions: str = option(help="folder of Question rows with answers, or a JSON list of them", is_folder=True)
    prompt_file: str = option(
        "prompt:solve",
        help="prompt:solve, the one of generate_responses; prompt:olympiadbench; prompt:benchmarks, each benchmark's "
        "own, otherwise solve; or a text file that contains {question}, or a folder with one file per benchmark "
        "(gsm8k.txt), at gs://…, s3://… or a path",
        is_folder=True,
        is_wired=False,
    )
    num_samples: int = option(
        1, help="responses per question; several also give pass@k and the majority's accuracy", minimum=1
    )
    temperature: float = option(0.0, help="sampling temperature; 0, as in the paper: greedy", minimum=0)
    max_tokens: int = option(2048, help="new tokens per response; as in DART-Math, the paper's evaluation", minimum=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        name = self.prompt_file.removeprefix(NAMED)
        if not self.has_own_prompt and name not in PROMPTS:
            raise InputError(
                f"--prompt-file {self.prompt_file!r}: there is no prompt {name!r}; expected one of "
                f"{', '.join(NAMED + known for known in PROMPTS)}, or the address of a text file"
            )

    @property
    def has_own_prompt(self) -> bool:
        """Whether the prompt is a file of the user's."""
        return not self.prompt_file.startswith(NAMED)

    @property
    def named_prompts(self) -> Mapping[str, Path]:
        """The prompts of this suite that it names, by benchmark; "" is all others."""
        return PROMPTS[self.prompt_file.removeprefix(NAMED)]

    @property
    def prompts(self) -> tuple[Path, ...]:
        """The prompt files of this suite that it fills; those of the user are an input, known by its content."""
        return (SOLVE_EXAMPLES,) if self.has_own_prompt else (*self.named_prompts.values(), SOLVE_EXAMPLES)
