"""Let a solver answer every question several times."""

from __future__ import annotations

from collections.abc import Iterator

from components.generate_responses.config import GenerateResponsesConfig
from components.shared.engines import Completion, Request, Result, check_engine, open_engine
from components.shared.engines.solving import SolverPrompt
from components.shared.engines.stream import answer_parts
from components.shared.records import Question, Reject, Response
from components.shared.texts.math_answers import extract_final_answer
from components.shared.workspace import Workspace
from components.shared.workspace.output_folders import Part
from components.shared.workspace.rows import Rows


def run(config: GenerateResponsesConfig, workspace: Workspace) -> str:
    """Answer every question ``num_samples`` times; return the folder's address."""
    questions = workspace.read(config.questions, Question)
    if finished := workspace.find_finished(config):
        return finished
    check_engine(config, config.model)
    slices = questions.slices(config.rows_per_part)
    folder = workspace.create(config, Response, slices, units_per_row=config.num_samples)
    prompt = SolverPrompt(config)
    for result in answer_parts(
        folder,
        lambda: open_engine(config, config.model),
        lambda part: _requests(part, questions, prompt),
        prompt.sampling,
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


def _requests(part: Part, questions: Rows[Question], prompt: SolverPrompt) -> Iterator[Request]:
    for index, question in enumerate(questions.read(part.slice)):
        yield prompt.request((part, index, question), question)


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
