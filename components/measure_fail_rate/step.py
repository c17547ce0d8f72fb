"""Measure how often a solver fails on questions: against known answers, or against what most of its responses say."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from types import MappingProxyType

from components.measure_fail_rate.config import MeasureFailRateConfig
from components.shared.command.kubeflow_artifacts import Views
from components.shared.engines import Completion, Request, why_unanswered
from components.shared.engines.asking import Asking, Judgement, ask_about
from components.shared.engines.solving import SolverPrompt, sampling_of
from components.shared.filters import KEEP, Verdict
from components.shared.publishing.distribution import distribution_page
from components.shared.records import FailRate, Question
from components.shared.texts.math_answers import AnswerChecker, extract_final_answer
from components.shared.workspace import Workspace


def run(config: MeasureFailRateConfig, workspace: Workspace) -> str:
    """Answer each question ``num_samples`` times and compare; return the folder's address."""
    questions = workspace.read(config.questions, Question)
    with AnswerChecker() as checker:
        return ask_about(questions, config, config.model, workspace, lambda: _asking(config, checker))


def judge(completion: Completion) -> Verdict:
    """Return KEEP for a response that can be compared, right or wrong; otherwise the reason why it measures nothing."""
    if (verdict := why_unanswered(completion)) != KEEP:
        return verdict
    return KEEP if completion.text.strip() else Verdict("empty", f"{completion.num_tokens} tokens")


def are_correct(answer: str, responses: Sequence[str], checker: AnswerChecker) -> list[bool]:
    """Tell of each response whether its final answer equals the known one; without an answer it is wrong."""
    return list(checker.equal((answer, extract_final_answer(response)) for response in responses))


def agreeing(responses: Sequence[str], checker: AnswerChecker) -> tuple[str, list[bool]]:
    """Return the final answer that most responses have by value, the first of equally many, and which have it.

    A response without a final answer agrees with none; "" where all are without.
    """
    answers = [extract_final_answer(response) for response in responses]
    given = [index for index, answer in enumerate(answers) if answer]
    groups = dict(zip(given, checker.group_by_value([answers[index] for index in given]), strict=True))
    largest = max(groups.values(), key=list(groups.values()).count, default=None)
    members = [groups.get(index, largest) == largest and index in groups for index in range(len(answers))]
    return answers[members.index(True)] if any(members) else "", members


def _asking(config: MeasureFailRateConfig, checker: AnswerChecker) -> Asking[Question]:
    prompt = SolverPrompt(config)
    by_majority = config.compare_with == "majority"

    def request(question: Question) -> Request[None] | Judgement:
        if question.answer.strip() or by_majority:
            return prompt.request(question)
        return Judgement(rows=[(_fail_rate(question, (), ()), Verdict("no_answer"))])

    return Asking(
        record=FailRate,
        request=request,
        judge=lambda question, completions: measured(question, completions, checker, by_majority=by_majority),
        sampling=sampling_of(config),
        num_samples=config.num_samples,
        made_from="id",
    )


def measured(
    question: Question, completions: Sequence[Completion], checker: AnswerChecker, *, by_majority: bool = False
) -> Judgement:
    """Compare the responses that ended by themselves with the known answer, or with what most of them say.

    Without any such response the question is rejected.
    """
    answered = [completion for completion in completions if judge(completion) == KEEP]
    failures = checker.failures.total()
    responses = [completion.text for completion in answered]
    if by_majority:
        answer, correct = agreeing(responses, checker)
        question = dataclasses.replace(question, answer=answer)
    else:
        correct = are_correct(question.answer, responses, checker)
    metrics = {
        "comparisons_failed": checker.failures.total() - failures,
        "samples_not_measured": len(completions) - len(answered),
    }
    verdict = KEEP if answered else judge(completions[0])
    return Judgement(rows=[(_fail_rate(question, answered, correct), verdict)], metrics=metrics)


def _fail_rate(question: Question, answered: Sequence[Completion], correct: Sequence[bool]) -> FailRate:
    """Return the row of a question; one that was not measured has no responses and the rate 0."""
    return FailRate(
        id=question.id,
        question=question.question,
        answer=question.answer,
        source=question.source,
        fail_rate=correct.count(False) / len(correct) if correct else 0.0,
        responses=tuple(completion.text.strip() for completion in answered),
        correct=tuple(correct),
        thoughts=tuple(completion.thought for completion in answered),
    )


def distribution(_: MeasureFailRateConfig, folder: str) -> bytes:
    """Return the page of a finished folder for Kubeflow."""
    return distribution_page(folder, "fail_rate", title="Fail rates of the solver", values="fail rates")


VIEWS: Views[MeasureFailRateConfig] = MappingProxyType({"distribution": distribution})
