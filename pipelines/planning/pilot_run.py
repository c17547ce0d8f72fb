"""A pilot: the same run with fewer questions, up to its dataset. The whole run takes its rows over."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.shared.errors import InputError
from pipelines.arguments import Run
from pipelines.workspace_folders import LAST_STEP

NUMBER = "generator_num_questions"
GENERATORS = ("generators", "trained_generators")  # of the whole method, of the right column alone


@dataclass(frozen=True, kw_only=True)
class Pilot:
    """A run with the first questions of another one."""

    run: Run
    num_whole: int  # questions of all generators in the whole run


def pilot_of(whole: Run, num_questions: int) -> Pilot:
    """Return the pilot of a run, with so many questions of all generators together; InputError where it can have none.

    Only their number differs, which is why their rows are the whole run's. It ends with the dataset: a solver that
    learns from it is none of the whole run's.
    """
    of_each, number = _questions_of(whole)
    fewer = math.ceil(num_questions / number)
    if fewer >= of_each:
        raise InputError(
            f"--pilot {num_questions} is the whole run: {NUMBER}={of_each}, and generators: {number}; expected at most "
            f"{(of_each - 1) * number}"
        )
    run = dataclasses.replace(whole, arguments=whole.arguments | {NUMBER: fewer}, last_step=LAST_STEP)
    return Pilot(run=run, num_whole=of_each * number)


def _questions_of(run: Run) -> tuple[int, int]:
    """Return how many questions each generator of a run writes, and how many generators there are."""
    arguments: Mapping[str, Any] = run.arguments
    if NUMBER not in arguments:
        raise InputError(
            f"--pilot: {run.pipeline.name} writes no questions of its own for a dataset; expected a run of scalequest "
            "or construct_dataset"
        )
    names = [name for name in GENERATORS if name in arguments]
    return int(arguments[NUMBER]), len(arguments[names[0]])
