"""The rows of the table: each model on each benchmark, on groups of its questions, and on all benchmarks together."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

import numpy as np

from components.compare_solvers import paper
from components.compare_solvers.columns import Answer, Column, Key, Result, labels_of
from components.compare_solvers.contamination import Findings, contaminated_groups
from components.compare_solvers.differences import (
    FEW_CHANGES,
    Difference,
    difference,
    exact_mcnemar,
    holm,
    interval_of,
)
from components.compare_solvers.page import PAPER, RUN
from components.compare_solvers.pairs import check_same_questions, pair_columns, settings_that_differ
from components.shared.errors import InputError
from components.shared.intervals import interval_of_mean, wilson_interval
from components.shared.records import Score

SIGNIFICANT = 0.05
MAX_GROUPS = 50  # of one kind; more are no groups but names of single questions
OTHER_MEANS = ("accuracy_lenient", "pass_at_k", "majority")  # figures beside the accuracy, of which a mean is one, too
Group = tuple[str, str]  # of which kind, which one
ALL: Group = ("", "")


def scores_of(after: Sequence[Column], before: Sequence[Column], findings: Findings) -> list[Score]:
    """Return all rows, benchmark by benchmark, the models before the training first; ids are left to the caller."""
    pairs = pair_columns(after, before)
    columns = [*before, *after]
    labels = labels_of(columns)
    benchmarks = list(dict.fromkeys(name for column in columns for name in column.results))
    if findings and not {*benchmarks} & {*findings}:
        names = ", ".join(benchmarks)
        raise InputError(f"--contamination is of {', '.join(findings)}; expected one of the benchmarks here: {names}")
    scores: list[Score] = []
    for benchmark in sorted(benchmarks, key=_place_in_paper):
        for column in columns:
            if benchmark in column.results:
                groups = _groups(benchmark, column.results[benchmark], findings)
                scores += _on_benchmark(benchmark, column, pairs.get(column.key), labels, groups)
        scores += _of_paper(benchmark)
    if before and not any(score.before for score in scores):
        raise InputError(
            "--before has none of the benchmarks that --evaluations has; expected evaluations of the same questions"
        )
    if len(benchmarks) > 1:
        complete = [column for column in columns if {*benchmarks} == {*column.results}]
        scores += [_mean(column, pairs.get(column.key), benchmarks, labels) for column in complete]
        scores += _means_of_paper(benchmarks)
    return _judged(scores)


def _on_benchmark(
    benchmark: str,
    column: Column,
    before: Column | None,
    labels: Mapping[Key, str],
    groups: Mapping[Group, Sequence[str]],
) -> Iterator[Score]:
    result, earlier = column.results[benchmark], before.results.get(benchmark) if before else None
    paired: dict[str, Any] = {}
    if before and earlier:
        check_same_questions(benchmark, result, earlier)
        paired = {"before": labels[before.key], "settings": settings_that_differ(result, earlier)}
    for group, ids in groups.items():
        score = _score([result.answers[id_] for id_ in ids], column.key.num_samples)
        score = dataclasses.replace(
            score,
            benchmark=benchmark,
            model=labels[column.key],
            group_by=group[0],
            group=group[1],
            evaluation=result.source.folder,
        )
        if earlier and any(id_ in earlier.answers for id_ in ids):
            found = _difference(result, earlier, ids, benchmark, labels[column.key], *group)
            p_value = _p_value(found, of_verdicts=column.key.num_samples == 1) if group == ALL else None
            score = dataclasses.replace(score, **paired, **_shown(found, p_value))
        yield score


def _groups(benchmark: str, result: Result, findings: Findings) -> dict[Group, Sequence[str]]:
    """Return the ids of all questions, of each subject and level, and of what the training rows give away."""
    own: dict[Group, list[str]] = {}
    for id_, answer in result.answers.items():
        for group in answer.groups:
            own.setdefault(group, []).append(id_)
    own = {group: own[group] for group in sorted(own, key=lambda group: (group[0] != "subject", group)) if group[1]}
    few = {group: ids for group, ids in own.items() if sum(each[0] == group[0] for each in own) <= MAX_GROUPS}
    return {ALL: list(result.answers), **few, **contaminated_groups(benchmark, result, findings)}


def _score(answers: Sequence[Answer], num_samples: int) -> Score:
    number = len(answers)
    num_right = math.fsum(answer.right for answer in answers)
    low, high = wilson_interval(num_right, number)
    majorities = [answer.majority for answer in answers if answer.majority is not None]
    return Score(
        id="",
        benchmark="",
        model="",
        origin=RUN,
        num_questions=number,
        num_samples=num_samples,
        accuracy=num_right / number,
        accuracy_low=low,
        accuracy_high=high,
        share_cut_off=sum(answer.cut_off for answer in answers) / (number * num_samples),
        share_no_answer=sum(answer.no_answer for answer in answers) / (number * num_samples),
        share_unanswered=sum(answer.unanswered for answer in answers) / (number * num_samples),
        share_not_compared=sum(answer.not_compared for answer in answers) / (number * num_samples),
        accuracy_lenient=(num_right + sum(answer.unboxed for answer in answers) / num_samples) / number,
        pass_at_k=sum(answer.right > 0 for answer in answers) / number if num_samples > 1 else None,
        majority=fmean(majorities) if len(majorities) == number else None,
    )


def _difference(result: Result, earlier: Result, ids: Sequence[str], *names: str) -> Difference:
    pairs = [
        (result.answers[id_].text, earlier.answers[id_].right, result.answers[id_].right)
        for id_ in ids
        if id_ in earlier.answers
    ]
    return difference(pairs, *names)


def _p_value(found: Difference, *, of_verdicts: bool) -> float | None:
    """Return what the exact test says of verdicts that changed: those of a whole benchmark, with one sample.

    Otherwise the draws say how sure a difference is; but where all questions changed by the same, no draw differs from
    another, and the sign test counts the questions.
    """
    if of_verdicts:
        return exact_mcnemar(round(found.num_gained), round(found.num_lost))
    return exact_mcnemar(found.num_up, found.num_down) if found.estimate and not found.error else None


def _shown(found: Difference, p_value: float | None) -> dict[str, Any]:
    """Return the columns of a difference."""
    shown: dict[str, Any] = {
        "num_paired": found.num_questions,
        "num_gained": found.num_gained,
        "num_lost": found.num_lost,
        "difference": found.estimate,
        "p_value": p_value,
    }
    if found.error:  # where all questions changed by the same, or none did, there is no interval to give
        low, high = found.interval
        shown |= {"difference_error": found.error, "difference_low": low, "difference_high": high}
        if p_value is None or found.num_gained + found.num_lost < FEW_CHANGES:
            low, high = interval_of(found.draws)
            shown |= {"draws_low": low, "draws_high": high}
    return shown


def _mean(column: Column, before: Column | None, benchmarks: Sequence[str], labels: Mapping[Key, str]) -> Score:
    """Return the plain mean over the benchmarks, as the paper has it."""
    results = [column.results[benchmark] for benchmark in benchmarks]
    parts = [_score(list(result.answers.values()), column.key.num_samples) for result in results]
    label = labels[column.key]
    figures = {name: [getattr(part, name) for part in parts] for name in OTHER_MEANS}
    others: dict[str, Any] = {name: fmean(values) for name, values in figures.items() if None not in values}
    low, high = interval_of_mean([(part.accuracy * part.num_questions, part.num_questions) for part in parts])
    mean = Score(
        id="",
        benchmark="",
        model=label,
        origin=RUN,
        num_questions=sum(part.num_questions for part in parts),
        num_samples=column.key.num_samples,
        accuracy=fmean(part.accuracy for part in parts),
        accuracy_low=low,
        accuracy_high=high,
        **others,
    )
    if before is None or not {*benchmarks} <= {*before.results}:
        return mean
    pairs = [(result, before.results[name], name) for result, name in zip(results, benchmarks, strict=True)]
    if not all(after.answers.keys() & earlier.answers.keys() for after, earlier, _ in pairs):
        return mean
    differences = [_difference(after, earlier, list(after.answers), name, label) for after, earlier, name in pairs]
    found = _mean_of(differences)
    shown = _shown(found, _p_value(found, of_verdicts=False))
    return dataclasses.replace(mean, before=labels[before.key], **shown)


def _mean_of(found: Sequence[Difference]) -> Difference:
    return Difference(
        num_questions=sum(each.num_questions for each in found),
        num_gained=math.fsum(each.num_gained for each in found),
        num_lost=math.fsum(each.num_lost for each in found),
        num_up=sum(each.num_up for each in found),
        num_down=sum(each.num_down for each in found),
        estimate=fmean(each.estimate for each in found),
        error=math.sqrt(math.fsum(each.error**2 for each in found)) / len(found),
        draws=np.mean([each.draws for each in found], axis=0),
    )


def _of_paper(benchmark: str) -> Iterator[Score]:
    if found := paper.published(benchmark):
        for model, percent in zip(paper.MODELS, found.percent_right, strict=True):
            yield _published(benchmark, model, found.num_questions, percent)


def _means_of_paper(benchmarks: Sequence[str]) -> Iterator[Score]:
    """Yield the paper's plain means, if the benchmarks are its four."""
    found = [paper.published(benchmark) for benchmark in benchmarks]
    if len(benchmarks) == len(paper.BENCHMARKS) and all(found):
        for place, model in enumerate(paper.MODELS):
            figures = [each for each in found if each]
            number = sum(each.num_questions for each in figures)
            yield _published("", model, number, round(fmean(each.percent_right[place] for each in figures), 1))


def _published(benchmark: str, model: str, number: int, percent: float) -> Score:
    return Score(
        id="",
        benchmark=benchmark,
        model=model,
        origin=PAPER,
        num_questions=number,
        num_samples=1,
        accuracy=percent / 100,
    )


def _place_in_paper(benchmark: str) -> int:
    figures = paper.published(benchmark)
    return list(paper.BENCHMARKS.values()).index(figures) if figures else len(paper.BENCHMARKS)


def _judged(scores: Sequence[Score]) -> list[Score]:
    """Return the scores with p-values corrected for all tests among them, and with verdicts."""
    tested = [place for place, score in enumerate(scores) if score.p_value is not None]
    corrected = dict(zip(tested, holm([scores[place].p_value or 0.0 for place in tested]), strict=True))
    scores = [dataclasses.replace(score, p_value_holm=corrected.get(place)) for place, score in enumerate(scores)]
    return [dataclasses.replace(score, verdict=_verdict(score)) for score in scores]


def _verdict(score: Score) -> str:
    """Return what an exact test says of a difference; without one (means, several samples), the draws of questions."""
    if score.difference is None or score.group_by:
        return ""
    if score.p_value_holm is not None:
        sure = score.p_value_holm < SIGNIFICANT
    else:
        sure = score.draws_low is not None and score.draws_high is not None and score.draws_low * score.draws_high > 0
    return ("better" if score.difference > 0 else "worse") if sure else "may be luck"
