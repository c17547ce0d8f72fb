"""What the written parts of a folder in the making took, by the ledgers of some of them, evenly spread."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from components.shared.evenly import evenly
from components.shared.stores import storage
from components.shared.workspace.ledgers import read_ledgers, sum_ledgers
from components.shared.workspace.plans import Plan, part_name

SAMPLE = 16  # parts that are looked at, at most


@dataclass(frozen=True, kw_only=True)
class WrittenParts:
    """The parts that stand, as far as a sample tells."""

    rows: int  # of the input, that they account for
    share: float  # of all rows of the input
    rows_in: float  # units: kept and rejected
    rows_out: float
    metrics: Mapping[str, float]


def written_parts(folder: str, plan: Plan, names: Collection[str]) -> WrittenParts | None:
    """Return what the parts took that are among the names of a folder's objects; None where they have no row."""
    sizes = {part_name(number): len(cut) for number, cut in enumerate(plan.slices)}
    present = set(names)
    done = [name for name, size in sizes.items() if size and name in present]
    if not done:
        return None
    sample = evenly(done, SAMPLE)
    found = sum_ledgers(read_ledgers([storage.join(folder, name) for name in sample]))
    rows = sum(sizes[name] for name in done)
    times = rows / sum(sizes[name] for name in sample)
    return WrittenParts(
        rows=rows,
        share=rows / sum(sizes.values()),
        rows_in=found.rows_in * times,
        rows_out=found.rows_out * times,
        metrics={name: value * times for name, value in found.metrics.items()},
    )
