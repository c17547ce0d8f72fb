"""Let a solver answer each question several times."""

from __future__ import annotations

from collections.abc import Sequence

from components.generate_responses.config import GenerateResponsesConfig
from components.shared.engines import Completion, why_unanswered
from components.shared.engines.asking import Asking, Judgement, ask_about
from components.shared.engines.solving import SolverPrompt, sampling_of
from components.shared.filters import KEEP, Verdict
from components.shared.records import Question, Response
from components.shared.texts.math_answers import extract_final_answer
from components.shared.workspace import Workspace


def run(config: GenerateResponsesConfig, workspace: Workspace) -> str:
    """Answer each question ``num_samples`` times; return the folder's address."""
    questions = workspace.read(config.questions, Question)
    return ask_about(questions, config, config.model, workspace, lambda: _asking(config))


def judge(response: Response, completion: Completion) -> Verdict:
    """Return KEEP, or the reason why a response is rejected."""
    if (verdict := why_unanswered(completion)) != KEEP:
        return verdict
    detail = f"{response.num_tokens} tokens"
    if not response.response:
        return Verdict("empty", detail)
    return KEEP if response.final_answer else Verdict("no_final_answer", detail)


def _asking(config: GenerateResponsesConfig) -> Asking[Question]:
    prompt = SolverPrompt(config)
    return Asking(
        record=Response,
        request=prompt.request,
        judge=_judgement,
        sampling=sampling_of(config),
        num_samples=config.num_samples,
        rows_per_row=config.num_samples,
        made_from="question_id",
    )


def _judgement(question: Question, completions: Sequence[Completion]) -> Judgement:
    responses = [_response(question, sample, completion) for sample, completion in enumerate(completions)]
    return Judgement(rows=[(row, judge(row, sample)) for row, sample in zip(responses, completions, strict=True)])


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
        thought=completion.thought,
        metadata=question.metadata,
        history=question.history,
    )
