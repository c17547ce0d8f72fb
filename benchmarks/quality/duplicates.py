"""Duplicates that were planted, dropped or not, and other questions, kept or not: a table by kind, beside datatrove.

    python -m benchmarks.quality.duplicates [--questions FILE.jsonl] [--per-kind 200]

Without a file of questions (a JSON object a line, with ``question``), stories come from reasoning-gym's gsm_symbolic.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.quality.cases import row_of, share_of
from benchmarks.quality.peers import shares_bucket
from benchmarks.quality.planting import Planted, planted
from components.deduplicate.config import DeduplicateConfig
from components.deduplicate.index import Index
from components.import_questions.config import ImportQuestionsConfig
from components.import_questions.step import open_source

SEED = 15


def main() -> None:
    """Plant versions, look for them, print what was found and what was taken for one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=Path, help="JSON lines with a question each, such as GSM8K's training set")
    parser.add_argument("--per-kind", type=int, default=200, help="versions of each kind")
    parser.add_argument("--show", action="store_true", help="print the pairs that deduplicate judges wrong")
    arguments = parser.parse_args()
    stories = stories_of(arguments.questions) if arguments.questions else generated_stories(6 * arguments.per_kind)
    pairs = list(planted(stories, seed=SEED, per_kind=arguments.per_kind))
    print_table(WAYS, pairs)
    if arguments.show:
        print_mistakes(is_found, pairs)


def stories_of(file: Path) -> list[str]:
    """Return the questions of a file."""
    return [json.loads(line)["question"] for line in file.read_text(encoding="utf-8").splitlines()]


def generated_stories(number: int) -> list[str]:
    """Return word problems of reasoning-gym's gsm_symbolic."""
    config = ImportQuestionsConfig(
        workspace="unused", source="reasoning-gym:gsm_symbolic", num_questions=number, seed=SEED
    )
    return [row.question for row in open_source(config, config.workspace).rows()]


def is_found(question: str, version: str) -> bool:
    """Tell whether deduplicate drops the version of a question that it has kept."""
    index = Index(2, DeduplicateConfig.min_similarity)
    index.add("question", question)
    return index.find_or_add("version", version) is not None


def print_table(ways: Mapping[str, Judge], pairs: Sequence[Planted]) -> None:
    """Print by kind how many versions each way drops, then recall and precision over all, with 95 % intervals."""
    dropped = [[way(pair.question, pair.version) for pair in pairs] for way in ways.values()]
    kinds: defaultdict[str, list[int]] = defaultdict(list)
    for place, pair in enumerate(pairs):
        kinds[f"{'to drop' if pair.is_same else 'to keep'}: {pair.kind}"].append(place)
        kinds["recall" if pair.is_same else "wrongly dropped"].append(place)
    lines = [row_of(["dropped, of", *ways]), row_of(["---", *["---:"] * len(ways)])]
    for kind, places in sorted(kinds.items(), reverse=True):
        found = ([each[place] for place in places] for each in dropped)
        lines.append(row_of([f"{kind}, {len(places)}", *map(sum if ":" in kind else share_of, found)]))
    sys.stdout.write("\n".join(lines) + "\n")


def print_mistakes(judge: Judge, pairs: Sequence[Planted]) -> None:
    """Print the pairs that are judged wrong."""
    for pair in pairs:
        if judge(pair.question, pair.version) != pair.is_same:
            sys.stdout.write(f"{pair.kind}\n  {pair.question}\n  {pair.version}\n")


Judge = Callable[[str, str], bool]  # a question that is kept, and another: whether that is dropped
WAYS: Mapping[str, Judge] = {
    "deduplicate": is_found,
    "the same text": lambda question, version: question == version,
    "datatrove, as it comes": shares_bucket(),
    "datatrove, finer": shares_bucket(n_grams=3, num_buckets=28, hashes_per_bucket=4),
}


if __name__ == "__main__":
    main()
