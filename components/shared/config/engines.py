"""The options of the steps that ask a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from components.shared.config import PartsConfig, option
from components.shared.config.gates import OF_REPLIES, OF_ROWS
from components.shared.errors import InputError
from components.shared.images import ImageName
from components.shared.templates.families import CHAT_TEMPLATES, OWN
from components.shared.texts.prompts import MAX_SOLVE_EXAMPLES, SOLVE, SOLVE_EXAMPLES


@dataclass(frozen=True, kw_only=True)
class EngineKind:
    """What is known of an engine before it is opened."""

    module: str  # its leaf file in components/shared/engines, with open_engine(config, model), check(config, model)
    package: str = ""  # that it needs and an environment may lack
    loads_weights: bool = False  # of a model URI
    continues_text: bool = True  # writes on where a prompt stops; a served model gets a message, and adds its own words


ENGINES: Mapping[str, EngineKind] = MappingProxyType(
    {
        "vllm": EngineKind(module="vllm_engine", package="vllm", loads_weights=True),
        "openai": EngineKind(module="openai_engine", continues_text=False),
        "scripted": EngineKind(module="scripted_engine"),
    }
)


@dataclass(frozen=True, kw_only=True)
class EngineConfig(PartsConfig):
    """The options of a step that asks a model."""

    IMAGE: ClassVar[ImageName] = "vllm"
    WATCHED: ClassVar[tuple[str, ...]] = (*OF_ROWS, *OF_REPLIES)
    VERSION: ClassVar[int] = 2  # 1 read what looks like a control token in a row as one

    engine: str = option("vllm", help="what runs the model", choices=tuple(ENGINES))
    chat_template: str = option(
        OWN,
        help="own: the model's own chat template; or a chat family; an endpoint uses its own",
        choices=CHAT_TEMPLATES,
    )
    max_model_len: int = option(
        0, help="maximum length of prompt plus response in tokens; 0: the model's own limit", minimum=0
    )
    tensor_parallel_size: int = option(1, help="number of GPUs that share one model", affects_output=False, minimum=1)
    gpu_memory_fraction: float = option(
        0.9, help="share of the GPU's memory for weights and cache", affects_output=False, minimum=0.1, maximum=1.0
    )
    endpoint: str = option("", help="base URL of an OpenAI-compatible server (…/v1), for --engine openai")
    api_key_env: str = option(
        "OPENAI_API_KEY", help="environment variable with the endpoint's key", affects_output=False
    )
    max_concurrency: int = option(
        32, help="number of requests that the endpoint processes at the same time", affects_output=False, minimum=1
    )

    @property
    def engine_kind(self) -> EngineKind:
        """What is known of the engine before it is opened."""
        return ENGINES[self.engine]

    @property
    def num_gpus(self) -> int:
        """How many GPUs one process of it uses where there are any."""
        return self.tensor_parallel_size if self.engine_kind.loads_weights else 0


@dataclass(frozen=True, kw_only=True)
class SolverConfig(EngineConfig):
    """Let a solver answer each question several times."""

    PROMPTS: ClassVar = (SOLVE, SOLVE_EXAMPLES)

    questions: str = option(help="folder of Question rows, or a JSON list of them", is_folder=True)
    model: str = option(help="model URI of the solver; openai:NAME for a served one", is_folder=True)
    num_samples: int = option(5, help="responses per question; paper", minimum=1)
    temperature: float = option(0.7, help="sampling temperature; paper", minimum=0)
    top_p: float = option(0.95, help="top-p of the sampling; paper", minimum=0.01, maximum=1)
    max_tokens: int = option(2048, help="new tokens per response; paper", minimum=1)
    num_examples: int = option(
        0,
        help="worked examples before a question, for a model that does not box its answers without them",
        minimum=0,
        maximum=MAX_SOLVE_EXAMPLES,
    )
    seed: int = option(0, help="change the seed for different responses", is_wired=True, minimum=0)
    rows_per_part: int = option(
        256, help="questions per part: the most that a lost pod has to repeat", affects_output=False, minimum=1
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.temperature == 0 and self.num_samples > 1:
            raise InputError(
                f"--temperature 0 makes all --num-samples {self.num_samples} of a question identical; expected "
                "--num-samples 1, or a temperature above 0"
            )
