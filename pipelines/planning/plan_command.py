"""`scalequest plan`: checks everything that a run will use, and prints what it will do and take; nothing is written."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from components.shared.errors import ExitCode
from pipelines.arguments import Run, prepare_run
from pipelines.cluster.finished_run import look_from_here
from pipelines.cluster.hardware import find_profile, profile_of
from pipelines.hardware_profiles import Profile
from pipelines.json_output import print_json
from pipelines.planning.asked_run import AskedRun
from pipelines.planning.budgets import check_not_spent
from pipelines.planning.pilot_forecast import PilotForecast, forecast
from pipelines.planning.pilot_report import print_forecast
from pipelines.planning.pilot_run import Pilot, pilot_of
from pipelines.planning.run_plans import RunPlan, plan_of
from pipelines.planning.table import print_plan
from pipelines.reporting import exit_code_of
from pipelines.run_checks.hardware_outputs import asked_hardware, check_hardware
from pipelines.run_checks.runs_here import prepare_here
from pipelines.run_checks.step_checks import check_steps
from pipelines.run_checks.vantage import LAPTOP


@dataclass(frozen=True, kw_only=True)
class PlanAsked(AskedRun):
    """What is to be planned."""

    profile: str = ""  # "" for this machine


def plan(asked: PlanAsked, *, as_json: bool) -> int:
    """Print the plan of a run; return the exit code: 2 where a parameter is wrong, by which it could not work."""
    return exit_code_of("plan", lambda: _plan(asked, as_json))


def _plan(asked: PlanAsked, as_json: bool) -> int:
    profile = find_profile(asked.profile) if asked.profile else None
    hardware, settings = asked_hardware(profile, asked.settings) if profile else ({}, list(asked.settings))
    whole = _prepared(asked, settings, profile, hardware)
    pilot = pilot_of(whole, asked.pilot) if asked.pilot else None
    run = pilot.run if pilot else whole
    looked = look_from_here(run, asked.workspace, has_keys=False) if profile else check_steps(run, LAPTOP)
    made = plan_of(run, looked, profile, hardware)
    seen = _forecast(pilot, made) if pilot and made.is_done else None
    if as_json:
        print_json(as_data(made, seen))
        check_not_spent(made.budget)
        return ExitCode.DONE
    console = Console(file=sys.stdout)
    print_plan(console, made)
    if seen:
        console.print()
        print_forecast(console, seen, "the command of the pilot, without --pilot")
    check_not_spent(made.budget)
    return ExitCode.DONE


def _prepared(asked: PlanAsked, settings: Sequence[str], profile: Profile | None, hardware: Mapping[str, Any]) -> Run:
    """Return the whole run; InputError for what ``run`` would refuse, or on a profile ``submit``."""
    if profile is None:
        return prepare_here(asked.preset, settings, asked.workspace, asked.pipeline)
    run = prepare_run(asked.preset, settings, asked.workspace, asked.pipeline, {"profile": _of_run(profile, hardware)})
    check_hardware(profile, hardware, run)
    return run


def _forecast(pilot: Pilot, made: RunPlan) -> PilotForecast:
    """Return what a pilot that has ended says of the whole run."""
    return forecast(made.steps[-1].folder, pilot.num_whole, pilot.run.price_per_gpu_hour)


def _of_run(profile: Profile, hardware: Mapping[str, Any]) -> str:
    """Return the parameter ``profile`` of a run that waits in no queue; there may be nodes for all its trainings."""
    return profile_of(profile, hardware, queue="", priority_class="", account="", parallel_trainings=True)


def as_data(made: RunPlan, seen: PilotForecast | None) -> dict[str, object]:
    """Return a plan, and what a pilot that has ended says of the whole run, as the fields of one JSON document."""
    return {**vars(made), "nothing_to_do": made.is_done, "counts": made.counts, "forecast": seen}
