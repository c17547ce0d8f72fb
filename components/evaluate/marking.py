"""What a solver's replies to one question are worth: a verdict for each, and what the question adds to the figures."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from components.evaluate.groups import Groups
from components.evaluate.measures import majority_of, sums_of
from components.shared.engines import Completion, why_unanswered
from components.shared.engines.asking import Judgement
from components.shared.filters import KEEP
from components.shared.records import Evaluation, Question
from components.shared.texts.math_answers import AnswerChecker, are_within, extract_final_answer, unboxed_answer
from components.shared.workspace.output_folders import KILLED_THE_ENGINE

OF_RESULT = {True: "right", False: "wrong", None: "not_compared"}  # the verdict, by what a comparison gives
NO_ANSWER, CUT_OFF = "no_answer", "cut_off"
# The engine never put the question to the model: that says nothing of the model.
NEVER_ASKED = ("refused", KILLED_THE_ENGINE)


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
    if all(completion.finish_reason in NEVER_ASKED for completion in completions):
        return Judgement(rows=[(evaluation(question, completions, finals, verdicts), why_unanswered(completions[0]))])
    compared = [sample for sample, verdict in enumerate(verdicts) if not verdict]
    started, failures = time.perf_counter(), checker.failures.total()
    results = _results(question, [finals[sample] for sample in compared], checker)
    for sample, result in zip(compared, results, strict=True):
        verdicts[sample] = OF_RESULT[result]
    row = evaluation(
        question,
        completions,
        finals,
        verdicts,
        right_unboxed=_right_unboxed(question, completions, verdicts, checker),
        majority=_majority(finals, verdicts, compared, checker),
    )
    metrics = sums_of(row)
    metrics |= groups.sums(question, metrics["num_correct"])
    metrics["comparison_seconds"] = time.perf_counter() - started
    metrics["comparisons_failed"] = checker.failures.total() - failures
    return Judgement(rows=[(row, KEEP)], metrics=metrics)


def evaluation(
    question: Question,
    completions: Sequence[Completion] = (),
    finals: Sequence[str] = (),
    verdicts: Sequence[str] = (),
    *,
    right_unboxed: Sequence[bool] = (),
    majority: float | None = None,
) -> Evaluation:
    """Return the row of a question; without replies, that of one that was not asked."""
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
        correct=tuple(verdict == OF_RESULT[True] for verdict in verdicts),
        verdicts=tuple(verdicts),
        thoughts=tuple(completion.thought for completion in completions),
        right_unboxed=tuple(right_unboxed),
        majority=majority,
    )


def _results(question: Question, answers: Sequence[str], checker: AnswerChecker) -> Iterator[bool | None]:
    """Yield whether each answer is right, by value or within the question's tolerance; None where that is not known."""
    for answer, result in zip(answers, checker.results((question.answer, answer) for answer in answers), strict=True):
        is_near = question.tolerance is not None and are_within(question.tolerance, question.answer, answer)
        yield True if is_near else result


def _right_unboxed(
    question: Question, completions: Sequence[Completion], verdicts: Sequence[str], checker: AnswerChecker
) -> list[bool]:
    """Tell of each sample whether it has no box, but would be right by what it says last."""
    unboxed = [sample for sample, verdict in enumerate(verdicts) if verdict == NO_ANSWER]
    said = [unboxed_answer(completions[sample].text) for sample in unboxed]
    right = {sample for sample, same in zip(unboxed, _results(question, said, checker), strict=True) if same}
    return [sample in right for sample in range(len(verdicts))]


def _majority(
    finals: Sequence[str], verdicts: Sequence[str], compared: Sequence[int], checker: AnswerChecker
) -> float | None:
    """Return whether the most frequent answer of several samples is right; None for one sample."""
    if len(verdicts) == 1:
        return None
    groups = checker.group_by_value([finals[sample] for sample in compared])
    return majority_of(
        [(group, verdicts[sample] == OF_RESULT[True]) for group, sample in zip(groups, compared, strict=True)]
    )
