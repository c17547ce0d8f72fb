"""`scalequest plan`: checks everything that a run will use, and prints what it will do and take; nothing is written."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rich.console import Console

from components.shared.errors import ExitCode
from pipelines.arguments import Run, prepare_run
from pipelines.cluster.finished_run import look_from_here
from pipelines.cluster.hardware import profile_of
from pipelines.json_output import print_json
from pipelines.planning.asked_run import AskedRun
from pipelines.planning.budgets import check_not_spent
from pipelines.planning.pilot_forecast import PilotForecast, forecast
from pipelines.planning.pilot_report import print_forecast
from pipelines.planning.pilot_run import Pilot, pilot_of
from pipelines.planning.planned_profile import PlannedProfile, images_of, read_planned_profile
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
    profile = read_planned_profile(asked.profile) if asked.profile else None
    hardware, settings = _asked_of(profile, asked.settings) if profile else ({}, list(asked.settings))
    whole = _prepared(asked, settings, profile, hardware)
    pilot = pilot_of(whole, asked.pilot) if asked.pilot else None
    run = pilot.run if pilot else whole
    looked = look_from_here(run, asked.workspace, has_keys=False) if profile else check_steps(run, LAPTOP)
    made = plan_of(run, looked, profile.hardware if profile else None, hardware)
    if profile:
        made = replace(made, queue=profile.of_jobs.queue, images=images_of(run, profile))
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


def _asked_of(profile: PlannedProfile, settings: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """Return what a run asks for and the other settings; what is set goes before what the profile says."""
    own = {name: getattr(profile.of_jobs, name) for name in ("training_nodes", "accelerator")}
    return asked_hardware(profile.hardware, [*(f"{name}={value}" for name, value in own.items()), *settings])


def _prepared(
    asked: PlanAsked, settings: Sequence[str], profile: PlannedProfile | None, hardware: Mapping[str, Any]
) -> Run:
    """Return the whole run; InputError for what ``run`` would refuse, or on a profile ``submit``."""
    if profile is None:
        return prepare_here(asked.preset, settings, asked.workspace, asked.pipeline)
    run = prepare_run(asked.preset, settings, asked.workspace, asked.pipeline, {"profile": _of_run(profile, hardware)})
    check_hardware(profile.hardware, hardware, run)
    return run


def _forecast(pilot: Pilot, made: RunPlan) -> PilotForecast:
    """Return what a pilot that has ended says of the whole run."""
    return forecast(made.steps[-1].folder, pilot.num_whole, pilot.run.price_per_gpu_hour)


def _of_run(profile: PlannedProfile, hardware: Mapping[str, Any]) -> str:
    """Return the parameter ``profile`` of a run; a released one names no queue, nor how many nodes there are."""
    said = profile.of_jobs
    return profile_of(
        profile.hardware,
        hardware,
        queue=said.queue,
        priority_class=said.priority_class,
        account=said.service_account,
        parallel_trainings=said.parallel_trainings or not profile.is_own,
    )


def as_data(made: RunPlan, seen: PilotForecast | None) -> dict[str, object]:
    """Return a plan, and what a pilot that has ended says of the whole run, as the fields of one JSON document."""
    return {**vars(made), "nothing_to_do": made.is_done, "counts": made.counts, "forecast": seen}
