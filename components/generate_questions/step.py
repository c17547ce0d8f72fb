"""Let a question generator write questions from the bare user prefix, without seed data."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from components.generate_questions.config import GenerateQuestionsConfig
from components.shared.engines import Engine, Request, Result, Sampling, check_engine, open_engine
from components.shared.engines.stream import answer_parts
from components.shared.records import Question, Reject
from components.shared.seeds import derive_seed
from components.shared.workspace import Workspace
from components.shared.workspace.output_folders import OutputFolder, Part
from components.shared.workspace.rows import Slice


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
