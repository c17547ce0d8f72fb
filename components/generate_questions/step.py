"""Let a question generator write questions from the bare user prefix, without seed data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from components.shared.config import ShardedConfig, option
from components.shared.engines import Engine, EngineConfig, Request, Result, Sampling, check_engine, open_engine
from components.shared.engines.stream import answer_parts
from components.shared.errors import InputError
from components.shared.output_folders import OutputFolder, Part
from components.shared.records import Question, Reject
from components.shared.rows import Slice
from components.shared.seeds import derive_seed
from components.shared.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class GenerateQuestionsConfig(EngineConfig, ShardedConfig):
    """Sample questions from the bare user prefix of a question generator."""

    model: str = option(help="model URI of the generator, trained by train_sft or train_dpo", is_folder=True)
    generator: str = option(help="the generator's name: the source of its questions (qwen2-math)")
    num_questions: int = option(help="questions to sample, before any is rejected; paper: 1,000,000", minimum=1)
    temperature: float = option(1.0, help="sampling temperature; paper", minimum=0)
    top_p: float = option(0.99, help="nucleus of the sampling; paper", minimum=0.01, maximum=1)
    max_tokens: int = option(512, help="new tokens a question; paper", minimum=1)
    seed: int = option(0, help="another seed gives other questions", minimum=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.generator:
            raise InputError("--generator must be given: a name such as qwen2-math")
        if self.engine == "openai":
            raise InputError(
                "--engine openai cannot write questions from the bare user prefix: a chat endpoint adds a message of "
                "its own; expected vllm or scripted"
            )


def run(config: GenerateQuestionsConfig, workspace: Workspace) -> str:
    """Sample the questions; return the folder's address."""
    if finished := workspace.find_finished(config):
        return finished
    check_engine(config, config.model)
    folder = plan_folder(config, workspace)
    sample_into(folder, config, lambda: open_engine(config, config.model))
    return folder.finish()


def plan_folder(config: GenerateQuestionsConfig, workspace: Workspace) -> OutputFolder:
    """Plan the folder, a row a requested sample."""
    starts = range(0, config.num_questions, config.rows_per_part)
    slices = [Slice(start=start, stop=min(start + config.rows_per_part, config.num_questions)) for start in starts]
    return workspace.create(config, Question, slices)


def sample_into(folder: OutputFolder, config: GenerateQuestionsConfig, open_model: Callable[[], Engine]) -> None:
    """Sample the rows of all missing parts; the engine is opened only where one is missing."""
    sampling = Sampling(temperature=config.temperature, top_p=config.top_p, max_tokens=config.max_tokens)
    for result in answer_parts(
        folder, open_model, lambda part: _requests(part, config.seed, config.generator), sampling
    ):
        _settle(result, folder, config.generator)


def _requests(part: Part, seed: int, generator: str) -> Iterator[Request]:
    """One request a row, with a seed of its own: the same row in any part, shard or order of work.

    Two generators do not share their random numbers: tuned on the same questions, they would write the same ones.

    vLLM's per-request seeds cost 2 to 3 %, less than two runs differ by: benchmarks/README.md, "Generation".
    """
    for row in range(part.slice.start, part.slice.stop):
        yield Request(
            key=(part, row - part.slice.start, row),
            message="",
            seed=derive_seed(seed, "generate_questions", generator, row),
        )


def _settle(result: Result, folder: OutputFolder, generator: str) -> None:
    part, index, row = result.request.key
    (completion,) = result.completions
    question = Question(
        id=folder.row_id(row),
        question=completion.text.strip(),
        source=generator,
        finish_reason=completion.finish_reason,
        num_tokens=completion.num_tokens,
    )
    if completion.finish_reason != "stop":
        detail = completion.detail or f"{completion.num_tokens} tokens"
        part.settle(index, rejected=[Reject(row=question, reason=completion.finish_reason, detail=detail)])
    elif not question.question:
        part.settle(index, rejected=[Reject(row=question, reason="empty")])
    else:
        part.settle(index, kept=[question])
