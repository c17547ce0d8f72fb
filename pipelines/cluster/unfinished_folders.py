"""The progress of the unfinished folders of a workspace: from their parts, and from the store's clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from components.shared.workspace.listing import Descriptions, ListedFolder, WorkspaceListing
from components.shared.workspace.plans import Plan, part_name


@dataclass(frozen=True, kw_only=True)
class Progress:
    """One folder in the making."""

    folder: str  # step/fingerprint
    parts_done: int
    parts: int  # 0 for a model
    rows_done: int  # of the input, in parts that stand
    rows: int
    rows_per_second: float  # between the first and the last part that stand; 0 where there are fewer than two
    seconds_left: float  # at that rate; 0 where it is not known

    @property
    def is_model(self) -> bool:
        """Whether a model is being made, which has no parts."""
        return self.parts == 0

    @property
    def sentence(self) -> str:
        """How many of its rows are done, how fast and for how long still; "" for a model."""
        if self.is_model:
            return ""
        rate = f", {self.rows_per_second:.1f} rows/s" if self.rows_per_second else ""
        left = f", {duration_of(self.seconds_left)} left" if self.seconds_left else ""
        return f"{self.rows_done} of {self.rows} rows{rate}{left}"


def duration_of(seconds: float) -> str:
    """Return a time as hours, minutes and seconds."""
    return str(timedelta(seconds=round(seconds)))


def folders_in_the_making(listing: WorkspaceListing, known: Descriptions) -> list[Progress]:
    """Return every folder of a workspace that is planned and not finished."""
    return [_progress(folder, plan) for folder in listing.unfinished if (plan := known.plan(folder)) is not None]


def _progress(folder: ListedFolder, plan: Plan) -> Progress:
    sizes = {part_name(number): len(cut) for number, cut in enumerate(plan.slices)}
    done = sorted((each for each in folder.objects if each.name in sizes), key=lambda each: each.time)
    rows_done = sum(sizes[each.name] for each in done)
    seconds = done[-1].time - done[0].time if done else 0.0
    # The first part took an unknown time: its rows do not count for the rate.
    rate = (rows_done - sizes[done[0].name]) / seconds if seconds > 0 else 0.0
    rows = sum(sizes.values())
    return Progress(
        folder=folder.name,
        parts_done=len(done),
        parts=len(sizes),
        rows_done=rows_done,
        rows=rows,
        rows_per_second=rate,
        seconds_left=(rows - rows_done) / rate if rate else 0.0,
    )
