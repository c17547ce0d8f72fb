"""Let a solver answer every question several times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from components.shared.config import ShardedConfig, option
from components.shared.engines import Completion, EngineConfig, Request, Result, Sampling, check_engine, open_engine
from components.shared.engines.stream import answer_parts
from components.shared.errors import InputError
from components.shared.math_answers import extract_final_answer
from components.shared.output_folders import Part
from components.shared.prompts import (
    MAX_SOLVE_EXAMPLES,
    SOLVE,
    SOLVE_EXAMPLES,
    fill_prompt,
    load_prompt,
    load_solve_examples,
)
from components.shared.records import Question, Reject, Response
from components.shared.rows import Rows
from components.shared.seeds import derive_seed
from components.shared.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class GenerateResponsesConfig(EngineConfig, ShardedConfig):
    """Sample several responses to every question."""

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


def run(config: GenerateResponsesConfig, workspace: Workspace) -> str:
    """Answer every question ``num_samples`` times; return the folder's address."""
    questions = workspace.read(config.questions, Question)
    if finished := workspace.find_finished(config):
        return finished
    check_engine(config, config.model)
    slices = questions.slices(config.rows_per_part)
    folder = workspace.create(config, Response, slices, units_per_row=config.num_samples)
    sampling = Sampling(temperature=config.temperature, top_p=config.top_p, max_tokens=config.max_tokens)
    for result in answer_parts(
        folder, lambda: open_engine(config, config.model), lambda part: _requests(part, questions, config), sampling
    ):
        _settle(result)
    return folder.finish()


def judge(response: Response) -> str:
    """Return why a response is rejected, "" if it is kept."""
    if response.finish_reason != "stop":
        return response.finish_reason or "no_finish_reason"
    if not response.response:
        return "empty"
    return "" if response.final_answer else "no_final_answer"


def _requests(part: Part, questions: Rows[Question], config: GenerateResponsesConfig) -> Iterator[Request]:
    prompt = load_prompt(SOLVE)
    examples = load_solve_examples(prompt, config.num_examples)
    for index, question in enumerate(questions.read(part.slice)):
        yield Request(
            key=(part, index, question),
            message=fill_prompt(prompt, question=question.question),
            seed=derive_seed(config.seed, "generate_responses", question.id),
            num_samples=config.num_samples,
            examples=examples,
        )


def _settle(result: Result) -> None:
    part, index, question = result.request.key
    responses = [_response(question, sample, completion) for sample, completion in enumerate(result.completions)]
    rejected = [
        Reject(row=response, reason=reason, detail=completion.detail or f"{response.num_tokens} tokens")
        for response, completion in zip(responses, result.completions, strict=True)
        if (reason := judge(response))
    ]
    part.settle(index, kept=[response for response in responses if not judge(response)], rejected=rejected)


def _response(question: Question, sample: int, completion: Completion) -> Response:
    text = completion.text.strip()
    return Response(
        id=f"{question.id}-{sample}",
        question_id=question.id,
        question=question.question,
        answer=question.answer,
        source=question.source,
        difficulty=question.difficulty,
        sample=sample,
        response=text,
        final_answer=extract_final_answer(text),
        finish_reason=completion.finish_reason,
        num_tokens=completion.num_tokens,
        history=question.history,
    )
