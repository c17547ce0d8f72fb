"""What a finished pilot says of the whole run: rows, tokens, GPU-hours and quality."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from components.shared.records import Example
from components.shared.workspace.costs import Costs, account_of, costs_of
from components.shared.workspace.lineage import rows_stages_of, stages_of
from components.shared.workspace.rows import Rows
from pipelines.planning.pilot_estimates import (
    Estimate,
    Sample,
    fewer_distinct,
    mean_of,
    share_of,
    total_of,
)
from pipelines.planning.pilot_stages import COSTS, DISTINCT, PilotStage, pilot_stages

CERTAIN = Estimate(value=1.0, low=1.0, high=1.0)
LEFT = ""  # stands for a step behind the last one


@dataclass(frozen=True, kw_only=True)
class StageForecast:
    """One step: what the pilot was given and kept, and what the whole run will be."""

    step: str
    rows_in: int
    rows_out: int
    kept: Estimate  # the share
    whole: Estimate  # rows in


@dataclass(frozen=True, kw_only=True)
class PilotForecast:
    """The whole run, as a pilot sees it; each figure with its 90 % interval."""

    sample: Sample
    stages: Sequence[StageForecast]
    rows: Estimate  # of the dataset
    costs: Mapping[str, Estimate]  # by the names of COSTS: of the stages that grow with the questions
    quality: Mapping[str, Estimate]  # shares and means over the dataset; duplicates over all questions
    once: Costs  # of what is done once, whatever the number of questions: trainings, fail rates
    price_per_gpu_hour: float  # US dollars; 0: not known


def forecast(dataset: str, num_whole: int, price_per_gpu_hour: float = 0.0) -> PilotForecast:
    """Return what the dataset of a pilot says of the run with ``num_whole`` questions of all generators together.

    ``price_per_gpu_hour``: 0 for the one that the pilot knew, if any.
    """
    stages = stages_of(dataset)
    account = account_of(stages, price_per_gpu_hour)
    found = pilot_stages(stages)
    sample = Sample(num_pilot=sum(found[0].given.values()), num_whole=num_whole)
    fewer = _fewer(found, sample)
    on_the_way = {each.folder for each in rows_stages_of(stages)}
    grown = {each.step for each in found}
    once = [each for each in stages if each.folder not in on_the_way or each.step not in grown]
    forecasts = [_stage(each, sample, fewer) for each in found]
    return PilotForecast(
        sample=sample,
        stages=forecasts,
        rows=total_of(list(found[-1].kept.values()), sample, fewer[LEFT]),
        costs={name: _costs(found, name, sample, fewer) for name in COSTS},
        quality=dict(_quality(forecasts, dataset, sample)),
        once=costs_of(once, account),
        price_per_gpu_hour=account.price_per_gpu_hour,
    )


def _fewer(found: Sequence[PilotStage], sample: Sample) -> Mapping[str, Estimate]:
    """Return by step how much fewer rows of each question it is given in the whole run; at LEFT, how many are left."""
    steps = [*(each.step for each in found), LEFT]
    place = steps.index(DISTINCT) if DISTINCT in steps[:-1] else len(steps)
    if place == len(steps) or not found[place].kept:
        return dict.fromkeys(steps, CERTAIN)
    distinct = found[place]
    fewer = fewer_distinct([1 + distinct.repeats[question] for question in distinct.kept], sample.factor)
    return {step: CERTAIN if number <= place else fewer for number, step in enumerate(steps)}


def _stage(stage: PilotStage, sample: Sample, fewer: Mapping[str, Estimate]) -> StageForecast:
    given = list(stage.given.values())
    kept = share_of([float(stage.kept[each]) for each in stage.given], given, sample) if given else CERTAIN
    return StageForecast(
        step=stage.step,
        rows_in=sum(given),
        rows_out=sum(stage.kept.values()),
        kept=kept.product(fewer[LEFT]) if stage.step == DISTINCT else kept,
        whole=total_of(given, sample, fewer[stage.step]),
    )


def _costs(found: Sequence[PilotStage], name: str, sample: Sample, fewer: Mapping[str, Estimate]) -> Estimate:
    """Return a cost of the whole run: of what does not depend on duplicates, and of what does."""
    sums: dict[Estimate, dict[str, float]] = {}
    for stage in found:
        of_questions = sums.setdefault(fewer[stage.step], {})
        for question, cost in stage.costs(name).items():
            of_questions[question] = of_questions.get(question, 0.0) + cost
    totals = [total_of(list(costs.values()), sample, each) for each, costs in sums.items()]
    return Estimate(
        value=sum(each.value for each in totals),
        low=sum(each.low for each in totals),
        high=sum(each.high for each in totals),
    )


def _quality(stages: Sequence[StageForecast], dataset: str, sample: Sample) -> Iterator[tuple[str, Estimate]]:
    for kept in (each.kept for each in stages if each.step == DISTINCT):
        yield "duplicates", Estimate(value=1 - kept.value, low=1 - kept.high, high=1 - kept.low)
    rows = list(Rows([dataset], Example))
    if compared := [row for row in rows if row.num_candidates]:
        agreeing = [float(row.num_agreeing or 0) for row in compared]
        yield "agreement", share_of(agreeing, [float(row.num_candidates or 0) for row in compared], sample)
    if rewards := [row.reward for row in rows if row.reward is not None]:
        yield "reward", mean_of(rewards, sample)
