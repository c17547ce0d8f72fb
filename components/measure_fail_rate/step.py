"""Measure how often a solver fails on questions whose answers are known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from components.measure_fail_rate.config import MeasureFailRateConfig
from components.shared.engines import UNANSWERED, Completion, Request, Result, check_engine, open_engine
from components.shared.engines.solving import SolverPrompt
from components.shared.engines.stream import answer_parts
from components.shared.records import FailRate, Question, Reject
from components.shared.texts.math_answers import AnswerChecker, extract_final_answer
from components.shared.workspace import Workspace
from components.shared.workspace.output_folders import Part
from components.shared.workspace.rows import Rows


def judge(answer: str, completions: Sequence[Completion], checker: AnswerChecker) -> list[bool]:
    """Tell of each response whether its final answer equals the known one; cut off or without an answer is wrong."""
    finals = [extract_final_answer(c.text) if c.finish_reason == "stop" else "" for c in completions]
    return list(checker.equal((answer, final) for final in finals))


def run(config: MeasureFailRateConfig, workspace: Workspace) -> str:
    """Answer every question ``num_samples`` times and compare; return the folder's address."""
    questions = workspace.read(config.questions, Question)
    if finished := workspace.find_finished(config):
        return finished
    check_engine(config, config.model)
    folder = workspace.create(config, FailRate, questions.slices(config.rows_per_part))
    prompt = SolverPrompt(config)
    with AnswerChecker() as checker:
        for result in answer_parts(
            folder,
            lambda: open_engine(config, config.model),
            lambda part: _requests(part, questions, prompt),
            prompt.sampling,
        ):
            settle(result, checker)
    return folder.finish()


def _requests(part: Part, questions: Rows[Question], prompt: SolverPrompt) -> Iterator[Request]:
    for index, question in enumerate(questions.read(part.slice)):
        if question.answer.strip():
            yield prompt.request((part, index, question), question)
        else:
            part.settle(index, rejected=[Reject(row=_fail_rate(question, (), ()), reason="no_answer")])


def settle(result: Result, checker: AnswerChecker) -> None:
    """Compare a question's responses and settle its row."""
    part, index, question = result.request.key
    first = result.completions[0]
    if first.finish_reason in UNANSWERED:
        reject = Reject(row=_fail_rate(question, (), ()), reason=first.finish_reason, detail=first.detail)
        part.settle(index, rejected=[reject])
        return
    failures = checker.failures.total()
    correct = judge(question.answer, result.completions, checker)
    part.add_to_metric("comparisons_failed", checker.failures.total() - failures)
    part.settle(index, kept=[_fail_rate(question, [c.text.strip() for c in result.completions], correct)])


def _fail_rate(question: Question, responses: Sequence[str], correct: Sequence[bool]) -> FailRate:
    """Return the row of a question; one that was not measured has no responses and the rate 0."""
    return FailRate(
        id=question.id,
        question=question.question,
        answer=question.answer,
        source=question.source,
        fail_rate=1 - sum(correct) / len(correct) if correct else 0.0,
        responses=tuple(responses),
        correct=tuple(correct),
    )
