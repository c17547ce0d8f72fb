"""The labelled rows that the tests carry, ways to judge them, and the table of how many each way judges right."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.shared.intervals import wilson_interval

FOLDER = Path(__file__).parents[2] / "tests" / "components" / "shared" / "texts" / "cases"
# The clock is for what other processes compute; it says less on a busy machine.
CLOCKS: Mapping[str, Callable[[], float]] = {"processor": time.process_time, "clock": time.perf_counter}


@dataclass(frozen=True, kw_only=True)
class Case:
    """What goes in, the right value, and the kind of fault that it is an instance of."""

    given: Any
    expected: Any
    kind: str


def cases_of(name: str) -> list[Case]:
    """Return the rows of a file of cases."""
    rows = (json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines())
    return [Case(given=row["input"], expected=row["expected"], kind=row.get("kind", "")) for row in rows]


def print_shares(
    cases: Sequence[Case],
    ways: Mapping[str, Callable[[Any], Any]],
    group_of: Callable[[Case], str],
    seconds_of: str = "processor",
) -> None:
    """Print by group how many cases each way judges right, with a 95 % interval, and how many it judges a second."""
    clock = CLOCKS[seconds_of]
    groups = sorted({group_of(case) for case in cases})
    lines = [f"| way | {' | '.join(groups)} | rows a second of the {seconds_of} |", "|---" * (len(groups) + 2) + "|"]
    for way, judge in ways.items():
        judge(cases[0].given)  # what is loaded once is no part of the rate
        start = clock()
        right = [judge(case.given) == case.expected for case in cases]
        rate = len(cases) / (clock() - start)
        shares = (
            _share([each for each, case in zip(right, cases, strict=True) if group_of(case) == group])
            for group in groups
        )
        lines.append(f"| {way} | {' | '.join(shares)} | {rate:,.0f} |")
    sys.stdout.write("\n".join(lines) + "\n\n")


def _share(right: Sequence[bool]) -> str:
    low, high = wilson_interval(sum(right), len(right))
    return f"{sum(right)} of {len(right)} ({low:.1%} to {high:.1%})"
