"""Duplicates that were planted, found or not, and other questions, kept or not: a table by kind.

    python -m benchmarks.quality.duplicates [--questions FILE.jsonl] [--per-kind 200]

Without a file of questions (a JSON object a line, with ``question``), stories come from reasoning-gym's gsm_symbolic.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path

from rich.console import Console

from benchmarks.quality.planting import Planted, planted
from components.deduplicate.config import DeduplicateConfig
from components.deduplicate.index import Index
from components.import_questions.config import ImportQuestionsConfig
from components.import_questions.step import open_source
from components.shared.intervals import wilson_interval

SEED = 15


def main() -> None:
    """Plant versions, look for them, print what was found and what was taken for one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=Path, help="JSON lines with a question each, such as GSM8K's training set")
    parser.add_argument("--per-kind", type=int, default=200, help="versions of each kind")
    parser.add_argument("--show", action="store_true", help="print the pairs that were judged wrong")
    arguments = parser.parse_args()
    stories = stories_of(arguments.questions) if arguments.questions else generated_stories(6 * arguments.per_kind)
    pairs = planted(stories, seed=SEED, per_kind=arguments.per_kind)
    print_table([(pair, is_found(pair)) for pair in pairs], show=arguments.show)


def stories_of(file: Path) -> list[str]:
    """Return the questions of a file."""
    return [json.loads(line)["question"] for line in file.read_text(encoding="utf-8").splitlines()]


def generated_stories(number: int) -> list[str]:
    """Return word problems of reasoning-gym's gsm_symbolic."""
    config = ImportQuestionsConfig(
        workspace="unused", source="reasoning-gym:gsm_symbolic", num_questions=number, seed=SEED
    )
    return [row.question for row in open_source(config, config.workspace).rows()]


def is_found(pair: Planted) -> bool:
    """Tell whether deduplicate drops the version of a question that it has kept."""
    index = Index(2, DeduplicateConfig.min_similarity)
    index.add("question", pair.question)
    return index.find_or_add("version", pair.version) is not None


def print_table(judged: list[tuple[Planted, bool]], *, show: bool) -> None:
    """Print recall by kind, and precision over all."""
    total, found = Counter[tuple[bool, str]](), Counter[tuple[bool, str]]()
    console = Console(soft_wrap=True, highlight=False, markup=False)
    for pair, is_dropped in judged:
        total[pair.is_same, pair.kind] += 1
        found[pair.is_same, pair.kind] += is_dropped
        if show and is_dropped != pair.is_same:
            console.print(f"{pair.kind}\n  {pair.question}\n  {pair.version}")
    for (is_same, kind), number in total.items():
        console.print(
            f"{'to drop' if is_same else 'to keep'}  {kind:28} {found[is_same, kind]:5} of {number:5} dropped"
        )
    for is_same, name in ((True, "recall"), (False, "wrongly dropped")):
        number = sum(count for (same, _), count in total.items() if same is is_same)
        dropped = sum(count for (same, _), count in found.items() if same is is_same)
        low, high = wilson_interval(dropped, number)
        share = f"{100 * dropped / number:.1f} % ({100 * low:.1f} to {100 * high:.1f})"
        console.print(f"{name}: {dropped} of {number}, {share}")


if __name__ == "__main__":
    main()
