"""What a step costs beside its own work: ``python -m benchmarks.bench_step_overhead`` prints a Markdown table.

A step that keeps every question is run as a command, in a process of its own, over more and more rows, and started
again on finished work. The table has its wall time, rate and peak memory.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass

from components.shared.config import PartsConfig, option
from components.shared.filters import KEEP, FilterConfig, filter_questions
from components.shared.records import Question
from components.shared.workspace import Workspace
from components.shared.workspace.plans import Slice

NUM_ROWS = (10_000, 30_000, 100_000)
ROWS_PER_PART = 1024
QUESTION = "A train travels {n} km in 45 minutes, and {n} km more in an hour. What is its mean speed in km/h? " * 2


@dataclass(frozen=True, kw_only=True)
class KeepAllConfig(FilterConfig):
    """Keep every question: what is left is the cost of being a step."""


@dataclass(frozen=True, kw_only=True)
class SampleRowsConfig(PartsConfig):
    """Rows to measure with."""

    num_rows: int = option(help="how many")

    step = "sample_rows"


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One run of a process."""

    seconds: float
    peak_mib: float


def run(config: KeepAllConfig, workspace: Workspace) -> str:
    """Keep every question; return the folder's address."""
    return filter_questions(config, workspace, lambda row: KEEP)


def main() -> None:
    """Measure and print the table."""
    lines = ["| rows | first run | rows/s without start | peak memory | again, all reused |", "|---|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as place:
        nothing = measure(_command(place, 0))
        lines.append(f"| 0 | {nothing.seconds:.2f} s | | {nothing.peak_mib:.0f} MiB | |")
        for num_rows in NUM_ROWS:
            first, again = (measure(_command(place, num_rows)) for _ in range(2))
            rate = f"{num_rows / (first.seconds - nothing.seconds):,.0f}"
            lines.append(
                f"| {num_rows:,} | {first.seconds:.2f} s | {rate} | {first.peak_mib:.0f} MiB | {again.seconds:.2f} s |"
            )
    sys.stdout.write("\n".join(lines) + "\n")


def _command(place: str, num_rows: int) -> Sequence[str]:
    code = (
        "from benchmarks.bench_step_overhead import KeepAllConfig, run\n"
        "from components.shared.command.step_command import run_step\n"
        "run_step(KeepAllConfig, run)"
    )
    return [sys.executable, "-c", code, "--workspace", place, "--questions", _write_rows(place, num_rows)]


def measure(command: Sequence[str]) -> Measurement:
    """Run a command; return its time and its memory."""
    start = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command[3:])} ended with exit code {process.returncode}")
    return Measurement(seconds=seconds, peak_mib=usage.ru_maxrss / 1024)


def _write_rows(place: str, num_rows: int) -> str:
    workspace = Workspace(place)
    starts = range(0, num_rows, ROWS_PER_PART)
    slices = [Slice(start=start, stop=min(start + ROWS_PER_PART, num_rows)) for start in starts]
    folder = workspace.open(SampleRowsConfig(workspace=place, num_rows=num_rows)).begin_rows(Question, slices)
    for part in folder.missing_parts():
        for index in range(len(part)):
            number = part.slice.start + index
            part.settle(index, kept=[Question(id=folder.row_id(number), question=QUESTION.format(n=number))])
    return folder.finish()


if __name__ == "__main__":
    main()
