"""What stages took, summed over their manifests: time, GPU-hours, tokens."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from components.shared.workspace.lineage import Stage

READ = ("prompt_tokens", "tokens")  # by engines; by scorers and trainings
WRITTEN = ("output_tokens",)


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What finished folders took, each counted once, whichever run made it. Work that was lost is not in it."""

    seconds: float  # of processes, added up
    gpu_hours: float
    tokens_read: int
    tokens_written: int


def costs_of(stages: Iterable[Stage]) -> Costs:
    """Return what stages took together."""
    stages = list(stages)
    metrics = [stage.manifest.metrics for stage in stages]

    def total(*names: str) -> float:
        return sum(each.get(name, 0) for each in metrics for name in names)

    return Costs(
        seconds=total("seconds"),
        gpu_hours=sum(stage.gpu_hours for stage in stages),
        tokens_read=int(total(*READ)),
        tokens_written=int(total(*WRITTEN)),
    )
