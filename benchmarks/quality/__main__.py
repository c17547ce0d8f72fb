"""Print the tables of the goals: ``python -m benchmarks.quality`` for all, or with the names of some."""

from __future__ import annotations

import argparse
import subprocess
import sys

# Modules beside this one; each prints its table by itself.
GOALS = (
    "language",
    "answers",
    "verdicts",
    "duplicates",
    "leaks",
    "imports",
    "preferences",
    "diversity",
    "audit",
    "tiers",
    "solvability",
)


def main() -> None:
    """Run the goals one after another, each in a process of its own: the time of one is not another's start."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("goals", nargs="*", metavar="goal", help=f"one of {', '.join(GOALS)}; all by default")
    goals = parser.parse_args().goals or GOALS
    if unknown := set(goals) - set(GOALS):
        parser.error(f"unknown goal {', '.join(sorted(unknown))}; expected {', '.join(GOALS)}")
    for goal in goals:
        sys.stdout.write(f"\n## {goal.capitalize()}\n\n")
        sys.stdout.flush()
        subprocess.run([sys.executable, "-m", f"benchmarks.quality.{goal}"], check=True)  # noqa: S603 -- our own modules


if __name__ == "__main__":
    main()
