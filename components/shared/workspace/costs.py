"""What stages took, summed over their manifests: time, GPU-hours, tokens, money.

GPU-hours are those that processes held, from their start to their end, where they have written that down
(``spending``): models that were loaded and attempts that were killed are in it. Elsewhere, and for tokens, only what
finished parts took is known. ``Costs.note`` says which.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from components.shared.speaking import duration
from components.shared.workspace.lineage import Stage
from components.shared.workspace.spending import spent_in

READ = ("prompt_tokens", "tokens")  # by engines; by scorers and trainings
WRITTEN = ("output_tokens",)
PRICE = "price_per_gpu_hour"  # the metric of a dataset, in US dollars


@dataclass(frozen=True, kw_only=True)
class Account:
    """What is known of costs beside manifests."""

    held: Mapping[str, float] = field(default_factory=dict)  # GPU-hours by the address of a folder
    price_per_gpu_hour: float = 0.0  # US dollars; 0: not known


NO_ACCOUNT = Account()


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What finished folders took, each counted once, whichever run made it."""

    seconds: float  # of processes on finished parts, added up
    gpu_hours: float
    tokens_read: int
    tokens_written: int
    gpu_hours_lost: float = 0.0  # of them, for what is in no part
    price_per_gpu_hour: float = 0.0  # US dollars; 0: not known
    is_whole: bool = False  # whether the GPU-hours of attempts that were killed are in it

    @property
    def money(self) -> float:
        """The price of the GPU-hours in US dollars; 0 if it is not known."""
        return self.gpu_hours * self.price_per_gpu_hour

    @property
    def sentence(self) -> str:
        """All of it in words; what there was none of is left out."""
        lost = f" ({self.gpu_hours_lost:,.2f} of them in no part)" if self.gpu_hours_lost >= 0.005 else ""
        parts = {
            f"{duration(self.seconds)} of work": self.seconds,
            f"{self.gpu_hours:,.2f} GPU-hours{lost}": self.gpu_hours,
            dollars(self.money): self.money,
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
            dollars(self.money / num_rows): self.money,
            f"{self.tokens_read / num_rows:,.0f} tokens read": self.tokens_read,
            f"{self.tokens_written / num_rows:,.0f} tokens written": self.tokens_written,
        }
        return ", ".join(words for words, number in parts.items() if number)

    @property
    def note(self) -> str:
        """What is not counted, in words."""
        what = "the tokens" if self.is_whole else "the work"
        return f"{what} of attempts that were killed"


def dollars(money: float) -> str:
    """Return an amount of money in words, also one of less than a cent."""
    return f"${money:,.2f}" if money >= 1 or not money else f"${money:.2g}"


def account_of(stages: Sequence[Stage], price_per_gpu_hour: float = 0.0) -> Account:
    """Return what the workspaces of stages know; the price, unless it is given, is that of their newest dataset."""
    held: dict[str, float] = {}
    for workspace in {posixpath.dirname(posixpath.dirname(stage.folder)) for stage in stages}:
        held |= {f"{workspace}/{folder}": seconds / 3600 for folder, seconds in spent_in(workspace).items()}
    prices = [stage.manifest.metrics[PRICE] for stage in stages if PRICE in stage.manifest.metrics]
    return Account(held=held, price_per_gpu_hour=price_per_gpu_hour or (prices[-1] if prices else 0.0))


def costs_of(stages: Iterable[Stage], account: Account = NO_ACCOUNT) -> Costs:
    """Return what stages took together."""
    stages = list(stages)
    metrics = [stage.manifest.metrics for stage in stages]

    def total(*names: str) -> float:
        return sum(each.get(name, 0) for each in metrics for name in names)

    lost = [max(account.held.get(stage.folder, 0.0) - stage.gpu_hours, 0.0) for stage in stages]
    with_gpus = [stage for stage in stages if stage.gpu_hours]
    return Costs(
        seconds=total("seconds"),
        gpu_hours=sum(stage.gpu_hours for stage in stages) + sum(lost),
        tokens_read=int(total(*READ)),
        tokens_written=int(total(*WRITTEN)),
        gpu_hours_lost=sum(lost),
        price_per_gpu_hour=account.price_per_gpu_hour,
        is_whole=bool(with_gpus) and all(stage.folder in account.held for stage in with_gpus),
    )
