"""The course of a run: its steps in their order, and which of them each reads."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.arguments import Run
from pipelines.compiled_pipeline import Outputs, PlannedStep

ROW_INPUTS = ("questions", "responses", "examples", "pairs", "evaluations")  # options: each row read is accounted for
_MADE = re.compile(r"made-by-step-(\d+)")


@dataclass(frozen=True, kw_only=True)
class CourseStep:
    """One step of a run."""

    number: int  # from 0, as ``look_at_steps`` returns them
    step: PlannedStep
    reads: Mapping[str, tuple[int, ...]]  # the numbers of the steps whose folders it reads, by option

    @property
    def rows_from(self) -> tuple[int, ...]:
        """The steps whose rows go through it."""
        return tuple(number for option in ROW_INPUTS for number in self.reads.get(option, ()))

    @property
    def name(self) -> str:
        """The step's name, and what of it there is one for each, such as the generator."""
        return f"{self.step.name} {self.step.item}".strip()


def course_of(run: Run) -> list[CourseStep]:
    """Return the steps of a run that do work, each behind those that it reads."""
    course: list[CourseStep] = []

    def note(step: PlannedStep) -> Outputs:
        if step.passes_on:
            return {}
        reads = {name: tuple(dict.fromkeys(_made_by(value))) for name, value in step.options.items()}
        number = len(course)
        course.append(CourseStep(number=number, step=step, reads={name: made for name, made in reads.items() if made}))
        return {"folder": f"made-by-step-{number}"}

    run.walk(note)
    return course


def _made_by(value: Any) -> Iterator[int]:
    if isinstance(value, str):
        yield from map(int, _MADE.findall(value))
    elif isinstance(value, list):
        for each in value:
            yield from _made_by(each)
