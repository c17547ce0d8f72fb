"""Planted leaks, found or not: ``python -m benchmarks.quality.leaks [--unleaked FILE.jsonl]``.

Of 50 questions, each as a copy in another spelling and in other words, how many each way finds: the rules of
decontaminate, the published way, runs of words in the text as it stands, and datatrove. With a file of questions of
which no one leaked (such as GSM8K's training set), also how many of these each way removes; the planted questions, and
the file's first 1,319 of them, are the benchmark.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.quality.cases import row_of, share_of
from benchmarks.quality.duplicates import stories_of
from benchmarks.quality.peers import shares_run
from components.shared.texts.leaks import NEAR_DUPLICATE, Rules, planted_leaks
from components.shared.texts.ngrams import NgramIndex

NUM_HELD = 1319  # as many as GSM8K's test set has
Way = Callable[[Sequence[str]], Callable[[str], bool]]  # a benchmark's questions to whether a text gives one away


def main() -> None:
    """Plant, look and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--unleaked", type=Path, help="JSON lines with a question each, of which none leaked")
    file: Path | None = parser.parse_args().unleaked
    unleaked = stories_of(file) if file else []
    planted = planted_leaks()
    texts: dict[str, Sequence[str]] = {kind: [line[kind] for line in planted] for kind in ("copy", "rewording")}
    if file:
        texts[f"others ({file.stem})"] = unleaked[NUM_HELD:]
    benchmark = [line["question"] for line in planted] + unleaked[:NUM_HELD]
    print_table({name: way(benchmark) for name, way in WAYS.items()}, texts)


def print_table(ways: Mapping[str, Callable[[str], bool]], texts: Mapping[str, Sequence[str]]) -> None:
    """Print by way how many texts of each kind it finds, with a 95 % interval."""
    lines = [row_of(["way", *texts]), row_of(["---"] * (len(texts) + 1))]
    for name, finds in ways.items():
        lines.append(row_of([name, *(share_of([finds(text) for text in rows]) for rows in texts.values())]))
    sys.stdout.write("\n".join(lines) + "\n")


def by_rules(*applied: str) -> Way:
    """Return the way of decontaminate, with some of its rules."""

    def way(benchmark: Sequence[str]) -> Callable[[str], bool]:
        rules = Rules(applied)
        for question in benchmark:
            rules.add(question)
        return lambda text: bool(rules.find(text))

    return way


def by_plain_runs(size: int) -> Way:
    """Return the published way: so many words in a row, in lower case and without punctuation, as they are written."""

    def way(benchmark: Sequence[str]) -> Callable[[str], bool]:
        index = NgramIndex(size, max_documents=len(benchmark))
        for question in benchmark:
            words = _words(question)
            index.add(words if len(words) >= size else ())
        return lambda text: len(_words(text)) >= size and bool(index.find(_words(text)))

    return way


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


WAYS: Mapping[str, Way] = {
    "decontaminate": by_rules("ngram_8", NEAR_DUPLICATE),
    "decontaminate, copies only": by_rules("ngram_8"),
    "13 words as written (GPT-3, the paper)": by_plain_runs(13),
    "8 words as written": by_plain_runs(8),
    "12 words (datatrove)": shares_run,
}


if __name__ == "__main__":
    main()
