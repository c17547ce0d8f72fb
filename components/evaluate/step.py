"""Let a solver answer questions whose answers are known, and count how many it gets right."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence

from components.evaluate.config import EvaluateConfig
from components.evaluate.groups import Groups, groups_of
from components.evaluate.measures import figures_of, majority_of, pass_at_k, sizes_of_pass
from components.evaluate.prompt import prompt_of
from components.shared.engines import Completion, Request, why_unanswered
from components.shared.engines.asking import Asking, Judgement, ask_about
from components.shared.engines.solving import SolverPrompt
from components.shared.errors import InputError
from components.shared.filters import KEEP, Verdict
from components.shared.records import Evaluation, Question
from components.shared.texts.math_answers import AnswerChecker, extract_final_answer
from components.shared.workspace import Workspace
from components.shared.workspace.output_folders import KILLED_THE_ENGINE
from components.shared.workspace.rows import Rows

RIGHT, WRONG, NO_ANSWER, CUT_OFF = "right", "wrong", "no_answer", "cut_off"
# The engine never put the question to the model: that says nothing of the model.
NEVER_ASKED = ("refused", KILLED_THE_ENGINE)


def run(config: EvaluateConfig, workspace: Workspace) -> str:
    """Answer each question and compare with its known answer; return the folder's address."""
    questions = workspace.read(config.questions, Question)
    with AnswerChecker() as checker:
        return ask_about(questions, config, config.model, workspace, lambda: _asking(config, questions, checker))


def judge(completion: Completion, final_answer: str) -> str:
    """Return why a sample is wrong whatever the known answer is; "" where the two answers have to be compared."""
    if (verdict := why_unanswered(completion, cut=CUT_OFF)) != KEEP:
        return verdict.reason
    return "" if final_answer else NO_ANSWER


def evaluated(
    question: Question, completions: Sequence[Completion], checker: AnswerChecker, groups: Groups
) -> Judgement:
    """Compare every sample with the known answer; a question that was never put to the model is rejected."""
    finals = [extract_final_answer(completion.text) for completion in completions]
    verdicts = [judge(completion, final) for completion, final in zip(completions, finals, strict=True)]
    compared = [sample for sample, verdict in enumerate(verdicts) if not verdict]
    started, failures = time.perf_counter(), checker.failures.total()
    equal = checker.equal((question.answer, finals[sample]) for sample in compared)
    for sample, same in zip(compared, equal, strict=True):
        verdicts[sample] = RIGHT if same else WRONG
    row = _evaluation(question, completions, finals, verdicts)
    if all(completion.finish_reason in NEVER_ASKED for completion in completions):
        return Judgement(rows=[(row, why_unanswered(completions[0]))])
    metrics = _counts(verdicts) | _figures_of_several(row, compared, checker)
    metrics["num_ran_on"] = sum(completion.finish_reason == "ran_on" for completion in completions)
    metrics |= groups.sums(question, metrics["num_correct"])
    metrics["comparison_seconds"] = time.perf_counter() - started
    metrics["comparisons_failed"] = checker.failures.total() - failures
    return Judgement(rows=[(row, KEEP)], metrics=metrics)


def _asking(config: EvaluateConfig, questions: Rows[Question], checker: AnswerChecker) -> Asking[Question]:
    _refuse_without_answers(config, questions)
    groups = groups_of(question for question in questions if question.answer.strip())
    prompt = SolverPrompt(config, prompt_of(config))

    def request(question: Question) -> Request[None] | Judgement:
        if question.answer.strip():
            return prompt.request(question)
        return Judgement(rows=[(_evaluation(question, (), (), ()), Verdict("no_known_answer"))])

    return Asking(
        record=Evaluation,
        request=request,
        judge=lambda question, completions: evaluated(question, completions, checker, groups),
        # A base that was never trained to end a reply answers, and then writes questions of its own.
        sampling=dataclasses.replace(prompt.sampling, stop_at_next_turn=True),
        num_samples=config.num_samples,
        figures=lambda sums: figures_of(sums, config.num_samples) | groups.figures(sums),
    )


def _refuse_without_answers(config: EvaluateConfig, questions: Rows[Question]) -> None:
    """Raise InputError where no question can be evaluated; the first one that can ends the search."""
    if len(questions) and not any(question.answer.strip() for question in questions):
        raise InputError(
            f"no question of {config.questions} has a known answer; expected questions with answers: import them "
            "with import_questions and name the column of the answers (--answer-column)"
        )


def _counts(verdicts: Sequence[str]) -> dict[str, float]:
    """Return what a question adds to the sums; of several samples, it is right by the share of them."""
    named = {CUT_OFF: verdicts.count(CUT_OFF), NO_ANSWER: verdicts.count(NO_ANSWER)}
    others = len(verdicts) - verdicts.count(RIGHT) - verdicts.count(WRONG) - sum(named.values())
    return {
        "num_questions": 1,
        "num_correct": verdicts.count(RIGHT) / len(verdicts),
        **{f"num_{name}": number for name, number in named.items()},
        "num_unanswered": others,
    }


def _figures_of_several(row: Evaluation, compared: Sequence[int], checker: AnswerChecker) -> dict[str, float]:
    """Return pass@k and the majority's verdict of one question; nothing for one sample."""
    num_samples = len(row.correct)
    if num_samples == 1:
        return {}
    groups = checker.group_by_value([row.final_answers[sample] for sample in compared])
    votes = [(group, row.correct[sample]) for group, sample in zip(groups, compared, strict=True)]
    num_right = row.correct.count(True)
    passes = {f"pass_at_{k}": pass_at_k(num_samples, num_right, k) for k in sizes_of_pass(num_samples)}
    return {**passes, "majority": majority_of(votes)}


def _evaluation(
    question: Question, completions: Sequence[Completion], finals: Sequence[str], verdicts: Sequence[str]
) -> Evaluation:
    return Evaluation(
        id=question.id,
        question=question.question,
        answer=question.answer,
        source=question.source,
        subject=question.subject,
        level=question.level,
        responses=tuple(completion.text.strip() for completion in completions),
        final_answers=tuple(finals),
        finish_reasons=tuple(completion.finish_reason for completion in completions),
        num_tokens=tuple(completion.num_tokens for completion in completions),
        correct=tuple(verdict == RIGHT for verdict in verdicts),
        verdicts=tuple(verdicts),
        thoughts=tuple(completion.thought for completion in completions),
    )
