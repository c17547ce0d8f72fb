"""The first task of a run: checks it, resolves its hardware, and tells both to Kubeflow."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from components.shared.command.pod_disk import refuse_pod_disk
from components.shared.command.step_command import run_task
from components.shared.errors import InputError, NotAllowedError, UnavailableError
from components.shared.jobs.job_profiles import CONFIG_MAP, JobProfile, is_name, profile_of_name
from components.shared.processes import KUBERNETES
from components.shared.workspace.spending import check_budget
from pipelines.arguments import Run, checked_run_of
from pipelines.cluster.findings import Finding
from pipelines.compiled_pipeline import CHECK_NAME
from pipelines.compiling import compiled_again
from pipelines.run_checks.checked_page import CheckedRun, report
from pipelines.run_checks.hardware_outputs import (
    AskedHardware,
    budget_in,
    check_steps_fit,
    read_job_profile,
    resolve_hardware,
)
from pipelines.run_checks.own_account import advice_on, own_account
from pipelines.run_checks.step_checks import check_steps, impatient
from pipelines.run_checks.told import Told, read_told
from pipelines.run_checks.vantage import FIRST_TASK, LAPTOP
from pipelines.run_checks.writable import check_workspace, said_of_workspace

ALLOWED_BY = "the Role scalequest-step of the Helm chart, or of manifests/base, allows it to the account of runs"
DEFAULT = "default.yaml"  # the entry of the ConfigMap where the chart says which account it made for runs

logger = logging.getLogger(__name__)


def main(argv: Sequence[str]) -> NoReturn:
    """Check a run, and say what stands of it; then exit: with 2, and one message, for what could not work."""
    run_task(CHECK_NAME, lambda: _tell(argv))


def _tell(argv: Sequence[str]) -> str:
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # the hub's client writes a line a request
    if len(argv) != 2 or argv[0] != "--executor-input":
        raise InputError("expected --executor-input {{$}}, as Kubeflow Pipelines passes it")
    told = read_told(argv[1])
    with contextlib.redirect_stdout(sys.stderr):
        checked = check(told)
    report(checked, told.outputs)
    return checked.sentence


def check(told: Told) -> CheckedRun:
    """Return what was found of a run, and its hardware; InputError or UnavailableError if it could not work.

    NotAllowedError says also how the run gets the account that was meant, if it has another.
    """
    asked, place = _asked(told), _Place()
    try:
        return _checked(told, asked, place)
    except NotAllowedError as error:
        advice = advice_on(own_account(), place.meant_as_far_as_known(asked))
        raise NotAllowedError("; ".join(filter(None, [str(error), advice]))) from error


def _checked(told: Told, asked: AskedHardware, place: _Place) -> CheckedRun:
    run = run_of(told)
    hardware = resolve_hardware(asked, place.profiles)
    check_steps_fit(asked, place.profiles, run)
    account = own_account()
    workspace = str(run.arguments["workspace"])
    with impatient():
        with said_of_workspace():
            refuse_pod_disk(workspace, of_kubeflow=True)
        findings = [*check_workspace(workspace), *place.check(asked, account)]
    steps = check_steps(run, FIRST_TASK if KUBERNETES in os.environ else LAPTOP)
    if any(each.state != "reused" for each in steps):
        check_budget(workspace, hardware.gpu_hours_limit)
    if advice := advice_on(account, place.meant(asked)):
        logger.warning("%s", advice)
    return CheckedRun(
        pipeline=told.pipeline,
        preset=told.preset,
        workspace=workspace,
        account=account,
        advice=advice,
        hardware=hardware,
        findings=findings,
        steps=steps,
    )


def run_of(told: Told) -> Run:
    """Return the run that the task was told of; its other inputs are what kfp adds for Kubernetes."""
    pipeline = compiled_again(told.pipeline, told.preset_values)
    declared = pipeline.parameters
    values = {name: _as_declared(value, declared[name]) for name, value in told.arguments.items() if name in declared}
    return dataclasses.replace(checked_run_of(pipeline, values), last_step=told.last_step)


def _as_declared(value: Any, declared: Mapping[str, Any]) -> Any:
    """Return a value as a command has it: Kubeflow's JSON knows one kind of number."""
    is_whole = declared["parameterType"] == "NUMBER_INTEGER" and isinstance(value, float) and value.is_integer()
    return int(value) if is_whole else value


def _asked(told: Told) -> AskedHardware:
    arguments = told.arguments
    return AskedHardware(
        profile=str(arguments.get("profile", "")),
        gpu_work=str(arguments.get("gpu_work", "job")),
        pods=str(arguments.get("pods", "1")),
        cpu_image=told.images["cpu_image"],
        vllm_image=told.images["vllm_image"],
        train_image=told.images["train_image"],
        budget=budget_in(arguments),
    )


class _Place:
    """The namespace that the run is in, asked only where a profile names an entry of its ConfigMap or in a pod."""

    def __init__(self) -> None:
        self._files: Mapping[str, str] | None = None

    def profiles(self) -> Mapping[str, str]:
        """Return the files of the namespace's profiles, read once."""
        if self._files is None:
            from components.shared.jobs.selected_jobs import SelectedJobs  # the Kubernetes client: not on a laptop
            from components.shared.kubernetes_api import connect

            namespace = connect(f"profile: it names an entry of the ConfigMap {CONFIG_MAP}")
            self._files = SelectedJobs(namespace, "", allowed_by=ALLOWED_BY).profiles()
        return self._files

    def profile(self, asked: AskedHardware) -> JobProfile | None:
        """Return the profile; None where no cluster is."""
        return read_job_profile(asked.profile, self.profiles) if asked.profile else None

    def meant(self, asked: AskedHardware) -> str:
        """Return the account that runs were meant to have, "" where neither the profile nor the default one says."""
        profile = self.profile(asked)
        if profile and not profile.service_account and is_name(asked.profile) and DEFAULT in self.profiles():
            profile = profile_of_name(DEFAULT.removesuffix(".yaml"), self.profiles())
        return profile.service_account if profile else ""

    def meant_as_far_as_known(self, asked: AskedHardware) -> str:
        """Return that account; "" also where the profile cannot be read."""
        with contextlib.suppress(InputError, UnavailableError):
            return self.meant(asked)
        return ""

    def check(self, asked: AskedHardware, account: str) -> list[Finding]:
        """Return what was found of the cluster."""
        profile = self.profile(asked)
        if profile is None or KUBERNETES not in os.environ:
            return []
        from components.shared.kubernetes_api import connect
        from pipelines.run_checks.cluster_checks import check_place

        namespace = connect("profile")
        return check_place(profile, gpu_work=asked.gpu_work, namespace=namespace, account=account)
