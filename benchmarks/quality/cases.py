"""The labelled rows that the tests carry, ways to judge them, and the table of how many each way judges right."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.shared.intervals import wilson_interval

TESTS = Path(__file__).parents[2] / "tests" / "components"
FOLDER = TESTS / "shared" / "texts" / "cases"
GSM8K = TESTS / "filter_language" / "gsm8k_questions.txt"  # 200 questions, MIT
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


def gsm8k_questions() -> list[str]:
    """Return the questions of GSM8K that the tests carry."""
    return [line for line in GSM8K.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]


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
            share_of([each for each, case in zip(right, cases, strict=True) if group_of(case) == group])
            for group in groups
        )
        lines.append(f"| {way} | {' | '.join(shares)} | {rate:,.0f} |")
    sys.stdout.write("\n".join(lines) + "\n\n")


def print_kinds(cases: Sequence[Case], ways: Mapping[str, Callable[[Any], Any]]) -> None:
    """Print by kind how many cases each way judges right, then the shares of all with 95 % intervals."""
    right = {way: [judge(case.given) == case.expected for case in cases] for way, judge in ways.items()}
    lines = [row_of(["right, of", *ways]), row_of(["---", *["---:"] * len(ways)])]
    for kind, number in Counter(case.kind for case in cases).items():
        counts = (
            sum(is_right for case, is_right in zip(cases, each, strict=True) if case.kind == kind)
            for each in right.values()
        )
        lines.append(row_of([f"{kind}, {number}", *counts]))
    lines.append(row_of(["all", *map(share_of, right.values())]))
    sys.stdout.write("\n".join(lines) + "\n\n")


def share_of(right: Sequence[bool]) -> str:
    """Return how many are true, of how many, with the 95 % interval of the share."""
    low, high = wilson_interval(sum(right), len(right))
    return f"{sum(right)} of {len(right)} ({low:.1%} to {high:.1%})"


def row_of(cells: Iterable[object]) -> str:
    """Return a row of a table in Markdown."""
    return f"| {' | '.join(map(str, cells))} |"
