"""Asks before a run takes more GPU-hours than a limit; where nobody can answer, it refuses."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from components.shared.errors import InputError
from pipelines.planning.limits import GPU_HOURS
from pipelines.planning.run_plans import RunPlan


@dataclass(frozen=True, kw_only=True)
class Spending:
    """How much a run may take without a question."""

    ask_above: float = GPU_HOURS  # GPU-hours
    yes: bool = False  # do not ask


UNASKED = Spending(yes=True)


def confirm(plan: RunPlan, spending: Spending) -> None:
    """Ask whether to go on where the plan is above the limit, or may be on nodes: hours of this machine are paid for.

    InputError if a person says no, and without a terminal: nobody would answer.
    """
    hours = plan.totals.gpu_hours
    if spending.yes or (hours.value <= spending.ask_above and (hours.is_known or not plan.profile)):
        return
    known = f"{'at most ' if hours.at_most else ''}{hours.value:,.1f} GPU-hours"
    more = "" if hours.is_known else f"; of {', '.join(hours.unknown)} it is unknown how many"
    money = f" (${plan.totals.money.value:,.2f})" if plan.totals.money else ""
    told = f"the run is expected to take {known}{money}{more}: more than --ask-above {spending.ask_above:g} allows"
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise InputError(f"{told} without a question, and there is no terminal to ask at; add --yes, or raise it")
    sys.stderr.write(f"{told} without a question.\nGo on? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise InputError("not started: nobody said yes")
