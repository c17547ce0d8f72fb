"""A run on this machine: what is checked of it before its first step, in the process of the command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from components.shared.errors import InputError
from components.shared.jobs.pod_numbers import read_pod_numbers
from components.shared.stores.retries import limit_seconds
from pipelines.arguments import Run, prepare_run
from pipelines.run_checks.checked_page import CheckedRun
from pipelines.run_checks.hardware_outputs import hardware_here
from pipelines.run_checks.looking import Looked
from pipelines.run_checks.own_account import own_account
from pipelines.run_checks.step_checks import impatient
from pipelines.run_checks.writable import check_workspace, check_writable
from pipelines.webhook import webhook_url


def prepare_here(preset: str, settings: Sequence[str], workspace: str, pipeline: str = "") -> Run:
    """Return the run with its parameters; InputError for what cannot be on this machine. Nothing is written."""
    run = prepare_run(preset, settings, workspace, pipeline, {"profile": ""})
    hardware_here(run.arguments)
    with impatient():
        check_writable(workspace)
    _check_processes(run.arguments)
    webhook_url()
    limit_seconds()  # a step would take it for its own
    return run


def checked_here(run: Run, steps: Sequence[Looked]) -> CheckedRun:
    """Return what the first task of a run would find, whose steps were looked at before.

    InputError or UnavailableError where its store would not do; there an object is written, and deleted again.
    """
    workspace = str(run.arguments["workspace"])
    with impatient():
        findings = check_workspace(workspace)
    return CheckedRun(
        pipeline=run.pipeline.name,
        preset=run.preset,
        workspace=workspace,
        account=own_account(),
        advice="",  # here it has the account of whoever started it
        hardware=hardware_here(run.arguments),
        findings=findings,
        steps=steps,
    )


def _check_processes(arguments: Mapping[str, Any]) -> None:
    """Raise InputError where the processes that share a step may be fewer than asked for, which only pods can be."""
    if read_pod_numbers(arguments["pods"]).is_range:
        raise InputError(f"pods {arguments['pods']!r} is a range, which only a Job takes; here, give a number")
