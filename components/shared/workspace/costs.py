"""What stages took, summed over their manifests: time, GPU-hours, tokens, money.

GPU-hours are those that processes held, from their start to their end, where they have written that down
(``spending``): models that were loaded and attempts that were killed are in it. Elsewhere, and for tokens, only what
finished parts took is known. ``Costs.note`` says which.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from components.shared.speaking import duration
from components.shared.stores import storage
from components.shared.stores.inventory import below
from components.shared.workspace.lineage import Stage
from components.shared.workspace.listing import Descriptions, ListedFolder, WorkspaceListing
from components.shared.workspace.plans import Plan
from components.shared.workspace.sampled_parts import written_parts
from components.shared.workspace.spending import SPENT, spent_by, spent_in

READ = ("prompt_tokens", "tokens")  # by engines; by scorers and trainings
WRITTEN = ("output_tokens",)
THREADS = 16
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
        work = f"{duration(self.seconds)} of work" if self.seconds else ""
        return ", ".join(filter(None, [work, self.taken]))

    @property
    def taken(self) -> str:
        """GPU-hours, money and tokens in words; what there was none of is left out."""
        lost = f" ({self.gpu_hours_lost:,.2f} of them in no part)" if self.gpu_hours_lost >= 0.005 else ""
        parts = {
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

    def plus(self, other: Costs) -> Costs:
        """Return what this and another took together, at one price."""
        names = ("seconds", "gpu_hours", "tokens_read", "tokens_written", "gpu_hours_lost")
        return replace(self, **{name: getattr(self, name) + getattr(other, name) for name in names})

    def times(self, factor: float) -> Costs:
        """Return the costs of so many times the work, of which nothing is lost."""
        return replace(
            self,
            seconds=self.seconds * factor,
            gpu_hours=self.gpu_hours * factor,
            tokens_read=round(self.tokens_read * factor),
            tokens_written=round(self.tokens_written * factor),
            gpu_hours_lost=0.0,
        )

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
    return _together([(stage.folder, stage.manifest.metrics) for stage in stages], account)


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """What a workspace has taken so far, and what the rest of its folders in the making will take, at their rates."""

    so_far: Costs
    to_come: Costs
    num_without_rate: int  # folders in the making of which no part stands yet; not in the forecast

    @property
    def sentence(self) -> str:
        """All of it in words; "" where nothing is known."""
        more = f"about {self.to_come.taken} more for the folders in the making" if self.to_come.taken else ""
        left_out = (
            f"{self.num_without_rate} of them have no part yet and are not in it" if self.num_without_rate else ""
        )
        so_far = f"so far in this workspace {self.so_far.taken}" if self.so_far.taken else ""
        return "; ".join(filter(None, [so_far, more, left_out if more else ""]))


def outlook_of(listing: WorkspaceListing, known: Descriptions, price_per_gpu_hour: float = 0.0) -> Outlook:
    """Return what a workspace has taken and will take; of a folder in the making, by a sample of its parts."""
    spent = spent_by(below(listing.objects, SPENT))
    held = {storage.join(listing.uri, folder): seconds / 3600 for folder, seconds in spent.items()}
    account = Account(held=held, price_per_gpu_hour=price_per_gpu_hour)
    with ThreadPoolExecutor(THREADS) as threads:
        done = [folder.uri for folder in listing.finished]
        made = list(threads.map(known.metrics, listing.finished))
        making = list(threads.map(lambda folder: _making(folder, known.plan(folder), account), listing.unfinished))
    so_far = _together([(uri, each) for uri, each in zip(done, made, strict=True) if each is not None], account)
    to_come = replace(so_far.times(0), is_whole=False)
    for costs, share in making:
        so_far = so_far.plus(costs)
        to_come = to_come.plus(costs.times((1 - share) / share if share else 0.0))
    return Outlook(so_far=so_far, to_come=to_come, num_without_rate=sum(not share for _, share in making))


def _making(folder: ListedFolder, plan: Plan | None, account: Account) -> tuple[Costs, float]:
    """Return what a folder in the making has taken, and which share of its rows that is."""
    parts = written_parts(folder.uri, plan, [each.name for each in folder.objects]) if plan else None
    return _together([(folder.uri, parts.metrics if parts else {})], account), parts.share if parts else 0.0


def _together(taken: Sequence[tuple[str, Mapping[str, float]]], account: Account) -> Costs:
    """Return what folders took together, each with its metrics."""

    def total(*names: str) -> float:
        return sum(metrics.get(name, 0) for _, metrics in taken for name in names)

    hours = {folder: metrics.get("accelerator_seconds", 0.0) / 3600 for folder, metrics in taken}
    lost = sum(max(account.held.get(folder, 0.0) - its, 0.0) for folder, its in hours.items())
    with_gpus = [folder for folder, its in hours.items() if its or account.held.get(folder)]
    return Costs(
        seconds=total("seconds"),
        gpu_hours=sum(hours.values()) + lost,
        tokens_read=int(total(*READ)),
        tokens_written=int(total(*WRITTEN)),
        gpu_hours_lost=lost,
        price_per_gpu_hour=account.price_per_gpu_hour,
        is_whole=bool(with_gpus) and all(folder in account.held for folder in with_gpus),
    )
