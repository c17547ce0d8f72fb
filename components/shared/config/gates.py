"""Gates: bounds on what a step makes, beyond which it stops, or warns.

A gate is a text, and several are separated by ``;`` or stand on lines of their own::

    generate_questions duplicates <= 0.5 stop
    filter_solvability kept >= 0.05 stop
    generate_responses cut_off <= 0.3 warn
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from components.shared.errors import InputError

# What is watched: each a share, or a mean of values from 0 to 1.
FIGURES: Mapping[str, str] = MappingProxyType(
    {
        "kept": "of the rows, those that are kept",
        "cut_off": "of the model's replies, those that end for want of tokens",
        "refusals": "of the model's replies, those that refuse, or that an endpoint withholds",
        "duplicates": "of the questions that are kept, those that were written before",
        "diversity": "of the questions that are kept, those that are like none of the 256 before",
        "agreement": "the mean share of a question's responses that agree with the chosen one",
    }
)
# The figures of a step, by what it makes; its config says which it has.
OF_ROWS = ("kept",)
OF_REPLIES = ("cut_off", "refusals")
OF_QUESTIONS = ("duplicates", "diversity")
_GATE = re.compile(
    r"(?P<step>\w+)\s+(?P<figure>\w+)\s*(?P<sign><=|>=)\s*(?P<bound>\d*\.?\d+)\s*(?:\s(?P<action>\w+))?", re.ASCII
)


@dataclass(frozen=True, kw_only=True)
class Gate:
    """A bound on a figure of what one step makes."""

    step: str
    figure: str
    sign: Literal["<=", ">="]  # between the figure and its bound, while all is well
    bound: float
    action: Literal["stop", "warn"]

    @property
    def text(self) -> str:
        """The gate as it is written."""
        return f"{self.step} {self.figure} {self.sign} {self.bound:g} {self.action}"


def read_gates(text: str) -> tuple[Gate, ...]:
    """Read gates; InputError for a text that is none."""
    return tuple(_read_gate(line) for line in re.split(r"[;\n]", text) if line.strip())


def _read_gate(text: str) -> Gate:
    match = _GATE.fullmatch(text.strip())
    given = match.groupdict(default="stop") if match else {}
    bound = float(given["bound"]) if match else 0.0
    if given.get("figure") not in FIGURES or given["action"] not in ("stop", "warn") or not 0 < bound < 1:
        raise InputError(
            f"gates: {text.strip()!r} is no gate; expected STEP FIGURE <= BOUND, or >=, then stop or warn: FIGURE is "
            f"one of {', '.join(FIGURES)}, and BOUND is between 0 and 1; several are separated by ;"
        )
    return Gate(**{**given, "bound": bound})  # type: ignore[arg-type]
