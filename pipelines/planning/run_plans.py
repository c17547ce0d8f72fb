"""Puts the plan of a run together: each step's state and why, rows, costs, and their sums."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from components.shared.config import StepConfig, flag_of
from pipelines.arguments import Run, config_of_step, with_parameters
from pipelines.hardware_profiles import Profile
from pipelines.planning.budgets import PlannedBudget, planned_budget
from pipelines.planning.course import CourseStep, course_of
from pipelines.planning.expected_costs import NO_COSTS, ExpectedCosts, expected_costs
from pipelines.planning.expected_rows import ExpectedRows, Known, expected_rows
from pipelines.planning.figures import Figure, Total, total_of
from pipelines.planning.measured import SIZES, Measured, MeasuredWork, measured
from pipelines.planning.planned_hardware import PlannedHardware, PlannedPods, planned_hardware
from pipelines.planning.stated import Stated
from pipelines.run_checks.looking import Looked, State


@dataclass(frozen=True, kw_only=True)
class PlannedWork:
    """One step of the plan."""

    number: int  # from 1
    step: str
    item: str  # what there is one of it for, such as the generator
    state: State
    why: str  # it is not reused
    folder: str  # as far as it is known
    is_model: bool
    rows: ExpectedRows
    costs: ExpectedCosts  # of what is left

    @property
    def name(self) -> str:
        """What people call it."""
        return f"{self.number} {self.step}"


@dataclass(frozen=True, kw_only=True)
class Totals:
    """What is left of all steps."""

    tokens_read: Total
    tokens_written: Total
    gpu_hours: Total
    money: Total | None  # US dollars; None without a price
    seconds: Total  # from the first step to the last
    num_bytes: Total


@dataclass(frozen=True, kw_only=True)
class RunPlan:
    """What a run will do and take."""

    preset: str
    pipeline: str
    workspace: str
    profile: str  # "" for this machine
    price_per_gpu_hour: Figure | None
    steps: Sequence[PlannedWork]
    totals: Totals
    pods: Sequence[PlannedPods]
    budget: PlannedBudget | None = None  # None: no limit, or nothing is left to do
    queue: str = ""  # that the profile names
    images: Mapping[str, str] = field(default_factory=dict)  # by ours; of a run on this machine none

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do."""
        return all(each.state == "reused" for each in self.steps)

    @property
    def counts(self) -> dict[str, int]:
        """How many steps are in which state, most done first."""
        states = [each.state for each in self.steps]
        return {state: states.count(state) for state in ("reused", "continued", "new", "not known") if state in states}


def plan_of(
    run: Run,
    looked: Sequence[Looked],
    profile: Profile | None = None,
    asked: Mapping[str, Any] = MappingProxyType({}),
) -> RunPlan:
    """Return the plan of a run whose steps were looked at by ``check_steps``.

    ``profile``: None for this machine. ``asked``: in place of the profile's own, as ``asked_hardware`` returns it.
    """
    course = course_of(run)
    hardware = planned_hardware(run.arguments, profile, asked)
    workspace = str(run.arguments["workspace"])
    is_readable = any(each.state != "not known" for each in looked)
    works = _Works(run.expected, hardware, MeasuredWork(workspace, is_readable=is_readable))
    for each, found in zip(course, looked, strict=True):
        works.add(each, found)
    configs = [config for config, work in zip(works.configs, works.steps, strict=True) if work.state != "reused"]
    totals, price = _totals(works.steps, course, hardware), hardware.price.value if hardware.price else 0.0
    budget = planned_budget(run.arguments, price, totals.gpu_hours, is_readable=is_readable) if configs else None
    return RunPlan(
        preset=run.preset,
        pipeline=run.pipeline.name,
        workspace=workspace,
        profile=profile.name if profile else "",
        price_per_gpu_hour=hardware.price,
        steps=works.steps,
        totals=totals,
        pods=hardware.planned_pods(configs),
        budget=budget,
    )


class _Works:
    """The steps of a plan, each made after those that it reads."""

    def __init__(self, stated: Mapping[str, Stated], hardware: PlannedHardware, measured: MeasuredWork) -> None:
        self.steps: list[PlannedWork] = []
        self.configs: list[StepConfig] = []
        self._stated = stated
        self._hardware = hardware
        self._measured = measured

    def add(self, each: CourseStep, looked: Looked) -> None:
        """Plan the next step."""
        assert each.step.place == looked.step.place
        config = config_of_step(looked.step)
        is_reused = looked.state == "reused"
        own = measured(looked.folder, looked.described)
        stands, nearest = own if is_reused else None, own or self._measured.nearest(config.step, config)
        known = Known(config=config, measured=nearest, stated=self._stated.get(each.step.name), stands=stands)
        rows = expected_rows(each, [work.rows for work in self.steps], known)
        left, why = 1 - own.share if own else 1.0, "" if is_reused else self._why(each, looked, nearest)
        self.configs.append(config)
        self.steps.append(
            PlannedWork(
                number=each.number + 1,
                step=each.step.name,
                item=each.step.item,
                state=looked.state,
                why="" if is_reused else f"{why}{_taken_over(rows, nearest)}{_noted(looked)}",
                folder=looked.folder,
                is_model=each.step.name.startswith(("train_", "import_model")),
                rows=rows,
                costs=NO_COSTS if is_reused else expected_costs(rows, known, self._hardware, left),
            )
        )

    def _why(self, each: CourseStep, looked: Looked, nearest: Measured | None) -> str:
        """Return why a step has work to do: what it reads, and what was set otherwise."""
        if looked.folder or looked.state == "not known":
            return with_parameters(looked.step, looked.why) if looked.state == "new" else looked.why
        made = dict.fromkeys(number for numbers in each.reads.values() for number in numbers)
        changed = [self.steps[number] for number in made if self.steps[number].state != "reused"]
        reads = f"reads {', '.join(work.name for work in changed)}"
        names = {} if nearest is None else nearest.described.options
        other = {
            flag_of(name): values
            for name, values in (nearest.differences if nearest else {}).items()
            if name in names and name not in SIZES
        }
        told = [f"{flag} {then!r}, now {now!r}" for flag, (then, now) in other.items()]
        if not told or nearest is None:
            return reads
        return f"{reads}; {nearest.name} also differs in {with_parameters(looked.step, '; '.join(told))}"


def _taken_over(rows: ExpectedRows, nearest: Measured | None) -> str:
    """Return how many rows a new folder need not work on."""
    if not rows.taken_over or rows.rows_in is None or nearest is None:
        return ""
    return f"; takes over {rows.rows_in.value * rows.taken_over:,.0f} of its rows from {nearest.name}"


def _noted(looked: Looked) -> str:
    return f"; {looked.note}" if looked.note else ""


def _totals(steps: Sequence[PlannedWork], course: Sequence[CourseStep], hardware: PlannedHardware) -> Totals:
    def of(name: str) -> Total:
        return total_of((work.step, getattr(work.costs, name)) for work in steps)

    gpu_hours, price = of("gpu_hours"), hardware.price
    money = dataclasses.replace(gpu_hours, value=gpu_hours.value * price.value) if price else None
    return Totals(
        tokens_read=of("tokens_read"),
        tokens_written=of("tokens_written"),
        gpu_hours=gpu_hours,
        money=money,
        seconds=of("seconds") if hardware.profile is None else _longest_way(steps, course),
        num_bytes=of("num_bytes"),
    )


def _longest_way(steps: Sequence[PlannedWork], course: Sequence[CourseStep]) -> Total:
    """Return how long it takes where steps wait only for those that they read, and there are nodes for all."""
    ends: list[float] = []
    for each, work in zip(course, steps, strict=True):
        begins = max((ends[number] for numbers in each.reads.values() for number in numbers), default=0.0)
        ends.append(begins + (work.costs.seconds.value if work.costs.seconds else 0.0))
    every = total_of((work.step, work.costs.seconds) for work in steps)
    return Total(value=max(ends, default=0.0), unknown=every.unknown, at_most=every.at_most)
