"""What a preset says to expect of steps, until finished work in the workspace says more: its section ``expected``.

::

    expected:
      filter_language: {kept: 0.799, source: "the paper: 20.1 % leave"}
      generate_responses: {gpu_seconds_per_row: 0.181, source: "the paper: 251.0 hours of an A100 for 5M responses"}
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.shared.config.values import nearest
from components.shared.errors import InputError
from components.steps import step_names


@dataclass(frozen=True, kw_only=True)
class Stated:
    """What is expected of a step, for each row that goes in; None where the preset does not say."""

    source: str
    kept: float | None = None  # the share of rows that come out
    gpu_seconds_per_row: float | None = None
    tokens_read_per_row: float | None = None
    tokens_written_per_row: float | None = None


def read_stated(section: Any) -> dict[str, Stated]:
    """Return what a preset states, by step; InputError for what is none."""
    if not isinstance(section, Mapping):
        raise InputError(f"expected: {section!r} is not accepted; expected a mapping of steps")
    return {str(step): _stated(str(step), given) for step, given in section.items()}


def _stated(step: str, given: Any) -> Stated:
    name = f"expected: {step}"
    if step not in step_names():
        raise InputError(f"{name}: unknown step; {nearest(step, step_names())}")
    known = [field.name for field in dataclasses.fields(Stated)]
    if not isinstance(given, Mapping) or not set(given) <= set(known) or not given.get("source"):
        raise InputError(f"{name}: {given!r} is not accepted; expected source, and any of {', '.join(known[1:])}")
    if not isinstance(given["source"], str):
        raise InputError(
            f"{name}.source: {given['source']!r} is not accepted; expected text: where the numbers are from"
        )
    for key, value in given.items():
        is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if key != "source" and not (is_number and 0 <= value <= (1 if key == "kept" else value)):
            accepted = "a number, 0 to 1" if key == "kept" else "a finite number, at least 0"
            raise InputError(f"{name}.{key}: {value!r} is not accepted; expected {accepted}")
    return Stated(**given)
