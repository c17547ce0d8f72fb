"""What stages took, summed over their manifests: time, GPU-hours, tokens."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from components.shared.speaking import duration
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

    @property
    def sentence(self) -> str:
        """All of it in words; what there was none of is left out."""
        parts = {
            f"{duration(self.seconds)} of work": self.seconds,
            f"{self.gpu_hours:,.2f} GPU-hours": self.gpu_hours,
            f"{self.tokens_read:,} tokens read": self.tokens_read,
            f"{self.tokens_written:,} tokens written": self.tokens_written,
        }
        return ", ".join(words for words, number in parts.items() if number)

    def sentence_for_each(self, num_rows: int) -> str:
        """Return the part of one of so many rows, in words; "" without any."""
        if not num_rows:
            return ""
        parts = {
            f"{self.seconds / num_rows:,.1f} s of work": self.seconds,
            f"{self.gpu_hours * 3600 / num_rows:,.1f} GPU-seconds": self.gpu_hours,
            f"{self.tokens_read / num_rows:,.0f} tokens read": self.tokens_read,
            f"{self.tokens_written / num_rows:,.0f} tokens written": self.tokens_written,
        }
        return ", ".join(words for words, number in parts.items() if number)


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
