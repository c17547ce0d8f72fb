"""`scalequest plan`: checks everything that a run will use, and prints what it will do and take; nothing is written."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from components.shared.errors import ExitCode
from pipelines.arguments import prepare_run
from pipelines.cluster.finished_run import look_from_here
from pipelines.cluster.hardware import find_profile, profile_of
from pipelines.hardware_profiles import Profile
from pipelines.json_output import print_json
from pipelines.planning.pilot_forecast import PilotForecast, forecast
from pipelines.planning.pilot_report import print_forecast
from pipelines.planning.pilot_run import Pilot, pilot_of
from pipelines.planning.planned_hardware import planned_hardware
from pipelines.planning.run_plans import Planned, RunPlan, plan_of
from pipelines.planning.table import print_plan
from pipelines.preset_files import placed_preset
from pipelines.reporting import exit_code_of
from pipelines.run_checks.hardware_outputs import asked_hardware, check_hardware, hardware_here
from pipelines.run_checks.step_checks import check_steps
from pipelines.run_checks.vantage import LAPTOP


@dataclass(frozen=True, kw_only=True)
class PlanAsked:
    """What is to be planned."""

    preset: str
    settings: Sequence[str] = ()
    workspace: str
    pipeline: str = ""
    profile: str = ""  # "" for this machine
    pilot: int = 0  # how many questions its pilot has; 0: the whole run is planned


def plan(asked: PlanAsked, *, as_json: bool) -> int:
    """Print the plan of a run; return the exit code: 2 where a parameter is wrong, by which it could not work."""
    return exit_code_of("plan", lambda: _plan(asked, as_json))


def _plan(asked: PlanAsked, as_json: bool) -> int:
    profile = find_profile(asked.profile) if asked.profile else None
    hardware, settings = asked_hardware(profile, asked.settings) if profile else ({}, list(asked.settings))
    of_run = _of_run(profile, hardware) if profile else ""
    whole = prepare_run(asked.preset, settings, asked.workspace, asked.pipeline, {"profile": of_run})
    pilot = pilot_of(whole, asked.pilot) if asked.pilot else None
    run = pilot.run if pilot else whole
    if profile:
        check_hardware(profile, hardware, run)
        looked = look_from_here(run, asked.workspace, has_keys=False)
    else:
        hardware_here(run.arguments)
        looked = check_steps(run, LAPTOP)
    made = plan_of(
        Planned(
            preset=asked.preset,
            run=run,
            looked=looked,
            hardware=planned_hardware(run.arguments, profile, hardware),
            stated=placed_preset(asked.preset).expected,
        )
    )
    seen = _forecast(pilot, made) if pilot and made.is_done else None
    if as_json:
        print_json(as_data(made, seen))
        return ExitCode.DONE
    console = Console(file=sys.stdout)
    print_plan(console, made)
    if seen:
        console.print()
        print_forecast(console, seen, "the command of the pilot, without --pilot")
    return ExitCode.DONE


def _forecast(pilot: Pilot, made: RunPlan) -> PilotForecast:
    """Return what a pilot that has ended says of the whole run."""
    return forecast(made.steps[-1].folder, pilot.num_whole, float(pilot.run.arguments["price_per_gpu_hour"]))


def _of_run(profile: Profile, hardware: Mapping[str, Any]) -> str:
    """Return the parameter ``profile`` of a run that waits in no queue; there may be nodes for all its trainings."""
    return profile_of(profile, hardware, queue="", priority_class="", account="", parallel_trainings=True)


def as_data(made: RunPlan, seen: PilotForecast | None) -> dict[str, object]:
    """Return a plan, and what a pilot that has ended says of the whole run, as the fields of one JSON document."""
    return {**vars(made), "nothing_to_do": made.is_done, "counts": made.counts, "forecast": seen}
