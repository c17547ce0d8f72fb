"""What the workspace of a run may take, what it has taken, and whether what is left of the run fits in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from components.shared.errors import BudgetSpentError, ExitCode
from components.shared.workspace.spending import spent_in
from pipelines.planning.figures import Total
from pipelines.run_checks.hardware_outputs import budget_in, gpu_hours_limits

Verdict = Literal["enough", "may not be enough", "too little", "spent", "not known"]


@dataclass(frozen=True, kw_only=True)
class PlannedBudget:
    """What a workspace may take, in GPU-hours; all runs in it are counted, as steps count them."""

    may_take: float  # of max_gpu_hours and max_cost the lower
    parameter: str  # which of them that is
    given: float  # its value
    taken: float | None  # by finished work and lost attempts; None: the workspace cannot be read from here
    planned: Total  # what is left of the run
    raise_to: Mapping[str, int]  # parameters that end the run too early, and with which values they do not
    verdict: Verdict


def planned_budget(
    arguments: Mapping[str, Any], price: float, planned: Total, *, is_readable: bool
) -> PlannedBudget | None:
    """Return the budget of a run that has work to do; None where it has none. ``price``: of a GPU-hour; 0: unknown."""
    limits = gpu_hours_limits(budget_in(arguments), price)
    if not limits:
        return None
    parameter = min(limits, key=lambda name: limits[name])
    may_take = limits[parameter]
    taken = sum(spent_in(str(arguments["workspace"])).values()) / 3600 if is_readable else None
    return PlannedBudget(
        may_take=may_take,
        parameter=parameter,
        given=float(arguments[parameter]),
        taken=taken,
        planned=planned,
        raise_to=_too_low(arguments, limits, taken or 0.0, planned.value),
        verdict=_verdict(may_take, taken, planned),
    )


def check_not_spent(budget: PlannedBudget | None) -> None:
    """Raise BudgetSpentError where the first step with work to do would: it would be told so after its start alone."""
    if budget is None or budget.verdict != "spent" or budget.taken is None:
        return
    raise BudgetSpentError(
        f"the workspace has taken {in_hours(budget.taken)} of the {in_hours(budget.may_take)} GPU-hours that it may "
        f"take ({_given(budget)}), and the rest of the run is expected to take {_planned(budget.planned)}; all that is "
        f"finished stays: raise {_raised(budget)}, and the same command goes on"
    )


def budget_sentence(budget: PlannedBudget) -> str:
    """Return what is left of a budget, and what the run is expected to need of it."""
    taken = "not known from here how many are" if budget.taken is None else f"{in_hours(budget.taken)} are"
    hours = f"{in_hours(budget.may_take)} GPU-hours ({_given(budget)})"
    told = f"{hours}: {taken} taken in this workspace, {_planned(budget.planned)} planned: {budget.verdict}"
    if budget.verdict in ("too little", "may not be enough"):
        ends = "ends" if budget.verdict == "too little" else "may end"
        code = ExitCode.BUDGET_SPENT
        return f"{told}; the run {ends} there with exit code {code:d}, unless you raise {_raised(budget)}"
    return told


def in_hours(hours: float) -> str:
    """Return a number of hours in words; where it is below one, with three digits."""
    return f"{hours:,.1f}" if hours >= 1 or not hours else f"{hours:.3g}"


def _verdict(may_take: float, taken: float | None, planned: Total) -> Verdict:
    if taken is not None and taken >= may_take:
        return "spent"
    if (taken or 0.0) + planned.value > may_take:
        return "may not be enough" if planned.at_most else "too little"
    return "enough" if planned.is_known and taken is not None else "not known"


def _too_low(arguments: Mapping[str, Any], limits: Mapping[str, float], taken: float, planned: float) -> dict[str, int]:
    """Return the limits, in GPU-hours, that end the run too early, as the values that the parameters would need."""
    needed, values = taken + planned, {name: float(arguments[name]) for name in limits}
    return {
        name: max(math.ceil(needed * values[name] / limit), math.floor(values[name]) + 1)
        for name, limit in limits.items()
        if limit < needed or limit <= taken
    }


def _given(budget: PlannedBudget) -> str:
    if budget.parameter == "max_gpu_hours":
        return "max_gpu_hours"
    return f"max_cost {budget.given:g} at ${budget.given / budget.may_take:,.2f} each"


def _planned(planned: Total) -> str:
    if not planned.value and not planned.is_known:
        return "an unknown number"
    return f"{'at most ' if planned.at_most else ''}{in_hours(planned.value)}{'' if planned.is_known else ' + unknown'}"


def _raised(budget: PlannedBudget) -> str:
    if not budget.planned.value:
        return " and ".join(budget.raise_to)
    more = "" if budget.planned.is_known else " or more"
    return " and ".join(f"{name} to {value}{more}" for name, value in budget.raise_to.items())
