"""What the figures of diversity say of a generator that collapses: ``python -m benchmarks.quality.diversity``.

Of 200 questions, a growing share is one question with other names and numbers; the others are GSM8K's. Beside the two
figures, what is usually counted: different texts, and different pairs of words among all (distinct-2; Li et al. 2016).
"""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Sequence
from itertools import pairwise

from benchmarks.quality.cases import gsm8k_questions, row_of
from components.package_dataset.diversity import diversity_of

SEED = 15
SHARES = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)
NAMES = ("Omar", "Greta", "Viktor", "Ines", "Hugo", "Lena")


def main() -> None:
    """Print the table, a line for each share."""
    names = ("collapsed", "Vendi score", "largest cluster", "different texts", "distinct-2")
    lines = [row_of(names), row_of(["---:"] * len(names)), *map(figures_of, SHARES)]
    sys.stdout.write("\n".join(lines) + "\n")


def figures_of(share: float) -> str:
    """Return the line of one share."""
    questions = written(share)
    found = diversity_of(questions)
    different = len({*questions}) / len(questions)
    cells = (found.vendi_score, f"{found.largest_cluster:.1%}", f"{different:.1%}", f"{distinct_2(questions):.1%}")
    return row_of([f"{share:.0%}", *cells])


def written(share: float) -> list[str]:
    """Return the questions of a generator of which a share has collapsed."""
    draws, questions = random.Random(SEED), gsm8k_questions()  # noqa: S311 -- no secret
    number = round(share * len(questions))
    collapsed = [
        f"{draws.choice(NAMES)} has {draws.randrange(5, 999)} pears and eats {draws.randrange(2, 99)} of them. How "
        f"many pears does {draws.choice(('he', 'she'))} have left?"
        for _ in range(number)
    ]
    return collapsed + questions[number:]


def distinct_2(questions: Sequence[str]) -> float:
    """Return how many pairs of neighbouring words are different, as a share of all."""
    pairs = [pair for question in questions for pair in pairwise(re.findall(r"\w+", question.lower()))]
    return len({*pairs}) / len(pairs)


if __name__ == "__main__":
    main()
