"""What an evaluation costs beside its model: ``python -m benchmarks.bench_evaluate`` prints a Markdown table.

The scripted engine answers 0, 5,000 and 20,000 questions; ``evaluate`` runs as a command, in a process of its own. The
step's time is the wall time without the start (the run on no questions) and without the comparison of answers.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bench_step_overhead import measure
from components.shared.config import PartsConfig, option
from components.shared.records import Question
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from components.shared.workspace.plans import Slice

NUM_QUESTIONS = (5_000, 20_000)
ROWS_PER_PART = 1024
SUBJECTS = ("Algebra", "Geometry", "Number Theory")


@dataclass(frozen=True, kw_only=True)
class SampleQuestionsConfig(PartsConfig):
    """Questions to measure with."""

    num_questions: int = option(help="how many")

    step = "sample_questions"


def main() -> None:
    """Measure and print the table."""
    lines = [
        "| questions | wall time | comparison of answers | the step itself | per question | peak memory |",
        "|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as place:
        start = measure(_command(place, 0))
        lines.append(f"| 0 | {start.seconds:.2f} s | | | | {start.peak_mib:.0f} MiB |")
        for number in NUM_QUESTIONS:
            done = measure(_command(place, number))
            compared = _comparison_seconds(place, number)
            own = done.seconds - start.seconds - compared
            lines.append(
                f"| {number:,} | {done.seconds:.2f} s | {compared:.2f} s | {own:.2f} s | {own / number * 1e3:.2f} ms "
                f"| {done.peak_mib:.0f} MiB |"
            )
    sys.stdout.write("\n".join(lines) + "\n")


def _command(place: str, number: int) -> Sequence[str]:
    questions = _write_questions(place, number)
    words = [sys.executable, "-m", "components.evaluate", "--workspace", f"{place}/{number}", "--questions", questions]
    return [*words, "--engine", "scripted", "--model", "scripted:solver"]


def _comparison_seconds(place: str, number: int) -> float:
    (folder,) = Path(place, str(number), "evaluate").iterdir()
    return read_manifest(str(folder)).metrics["comparison_seconds"]


def _write_questions(place: str, number: int) -> str:
    starts = range(0, number, ROWS_PER_PART) or (0,)
    slices = [Slice(start=start, stop=min(start + ROWS_PER_PART, number)) for start in starts]
    config = SampleQuestionsConfig(workspace=place, num_questions=number)
    folder = Workspace(place).open(config).begin_rows(Question, slices)
    for part in folder.missing_parts():
        for index in range(len(part)):
            part.settle(index, kept=[_question(part.slice.start + index)])
    return folder.finish()


def _question(number: int) -> Question:
    return Question(
        id=f"q{number}",
        question=f"What is the sum of {number} and {number + 1}?",
        answer=str(2 * number + 1),
        subject=SUBJECTS[number % 3],
        level=f"Level {number % 5 + 1}",
    )


if __name__ == "__main__":
    main()
