"""Whether an audit of 200 rows tells how many rows are wrong: ``python -m benchmarks.quality.audit``.

A dataset of 5,000 rows is simulated: in each group, a tier of one generator, a known share is wrong. Many samples are
drawn as ``scalequest audit`` draws them; the table says how often the 95 % interval holds the share that is true, and
in how many samples each group is looked at, beside samples that are drawn without a look at the groups.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Mapping, Sequence

from benchmarks.quality.cases import row_of, share_of
from components.shared.publishing.audits import ErrorRate, Judged, stratified, tables_of
from components.shared.records import Example

NUM_ROWS, NUM_DRAWS, SEED = 200, 200, 15
# By generator and tier: how many rows, and which share of them is wrong.
GROUPS: Mapping[tuple[str, str], tuple[int, float]] = {
    ("first", "agreed 5 of 5"): (2000, 0.02),
    ("first", "agreed 2 of 5"): (1200, 0.25),
    ("first", "reward only"): (600, 0.6),
    ("second", "agreed 5 of 5"): (900, 0.05),
    ("second", "reward only"): (285, 0.7),
    ("third", "agreed 2 of 5"): (15, 0.4),
}
Draw = Callable[[Sequence[Example], int], Sequence[Example]]  # of the dataset, a seed


def main() -> None:
    """Draw the samples in two ways and print the table."""
    rows = simulated()
    ways: Mapping[str, Draw] = {
        "audit": lambda rows, seed: stratified(rows, NUM_ROWS, seed),
        "drawn from all rows": lambda rows, seed: random.Random(seed).sample(rows, NUM_ROWS),  # noqa: S311 -- no secret
    }
    names = ("way", "all rows: interval holds", "a tier: interval holds", "a generator: interval holds")
    lines = [row_of([*names, "rows of the rarest group"]), row_of(["---"] * 5)]
    lines += [row_of([name, *_figures(rows, draw)]) for name, draw in ways.items()]
    sys.stdout.write("\n".join(lines) + "\n")


def simulated() -> list[Example]:
    """Return the rows; a wrong one says so in its response."""
    return [
        Example(
            id=f"{source}-{tier}-{number}", question="", response="wrong" if number < share * size else "right",
            final_answer="", answer="", source=source, difficulty=None, reward=None, num_agreeing=None,
            num_candidates=None, num_tokens=0, tier=tier,
        )
        for (source, tier), (size, share) in GROUPS.items()
        for number in range(size)
    ]  # fmt: skip


def _figures(rows: Sequence[Example], draw: Draw) -> list[str]:
    truth = {table: {each.group: each.share for each in rates} for table, rates in _tables(rows).items()}
    held: dict[str, list[bool]] = {table: [] for table in truth}
    rarest = min(GROUPS, key=lambda group: GROUPS[group])
    looked_at: list[int] = []
    for seed in range(NUM_DRAWS):
        sample = draw(rows, seed)
        looked_at.append(sum((row.source, row.tier) == rarest for row in sample))
        for table, rates in _tables(sample).items():
            held[table] += [each.low <= truth[table][each.group] <= each.high for each in rates]
    mean, missed = sum(looked_at) / NUM_DRAWS, looked_at.count(0)
    return [*map(share_of, held.values()), f"{mean:.1f} on average, none in {missed} of {NUM_DRAWS}"]


def _tables(rows: Sequence[Example]) -> dict[str, list[ErrorRate]]:
    verdict = {"wrong": "wrong_response", "right": "good"}
    return tables_of(
        [Judged(tier=row.tier, source=row.source, verdicts=frozenset({verdict[row.response]})) for row in rows]
    )


if __name__ == "__main__":
    main()
