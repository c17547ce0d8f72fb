"""What is submitted, and where to; and whether a cluster would take it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from components.shared.errors import InputError
from pipelines.arguments import Run, prepare_run
from pipelines.cluster.bucket_checks import check_is_shared
from pipelines.cluster.hardware import check_placement, find_profile, processes_of_a_node, profile_of
from pipelines.cluster.options import Cluster
from pipelines.cluster.package import check_pinned, is_queued
from pipelines.compiled_secrets import find_tokens
from pipelines.hardware_profiles import Profile
from pipelines.planning.asked_run import AskedRun
from pipelines.planning.confirming import UNASKED, Spending
from pipelines.resources import QUEUE
from pipelines.run_checks.hardware_outputs import asked_hardware, check_hardware

MAX_PARAMETER_BYTES = 10_000  # of all arguments together; the API server's own default
# Kubeflow hands a task its values as words of a command, where Kubernetes reads $$ as a dollar and $(NAME) as a
# variable (kubeflow/pipelines, issue 10370): the task would make another folder than the one that was asked for.
_EXPANDED = re.compile(r"\$\$|\$\([\w.-]+\)")


@dataclass(frozen=True, kw_only=True)
class Submission(AskedRun):
    """What is to run, and where."""

    cluster: Cluster
    allow_parallel_trainings: bool = False  # on several nodes each, without a queue
    spending: Spending = UNASKED
    as_json: bool = False

    @cached_property
    def profile(self) -> Profile:
        """The hardware; InputError where there is no such profile."""
        return find_profile(self.cluster.profile)

    @property
    def queued(self) -> bool:
        """Whether GPU steps wait in the LocalQueue."""
        return is_queued(self.profile, queue=self.cluster.queue)

    @property
    def command(self) -> str:
        """The command that submits it, without secrets."""
        parallel = ["--allow-parallel-trainings"] if self.allow_parallel_trainings else []
        return self.command_of("submit", *self.cluster.words, *parallel, *(["--yes"] if self.spending.yes else []))

    @property
    def plan_command(self) -> str:
        """The command that plans it, which of a pilot that has ended prints what the whole run will come to."""
        of_tasks = [f"{name}={value}" for name, value in self.work_of_tasks.items()]
        planned = replace(self, settings=[*of_tasks, *self.settings])  # the person's own settings count
        return planned.command_of("plan", "--profile", self.cluster.profile)

    @property
    def work_of_tasks(self) -> dict[str, str]:
        """What a run is told whose tasks do the GPU work themselves, with all GPUs of a node; nothing of another."""
        if self.cluster.gpu_work != "task":
            return {}
        asked, _ = asked_hardware(self.profile, self.settings, spot=self.cluster.spot)
        return {"gpu_work": "task"} | processes_of_a_node(self.profile, asked["inference_gpus"])


def prepare_submission(submission: Submission) -> Run:
    """Return the run with the hardware of its profile; InputError for what a cluster would refuse, or never start."""
    workspace, cluster = submission.workspace, submission.cluster
    check_is_shared(workspace)
    profile = submission.profile
    asked, settings = asked_hardware(profile, submission.settings, spot=cluster.spot)
    check_placement(asked)
    asks_for_gpus = any(asked[name] != "0" for name in ("inference_gpus", "training_gpus"))
    queue = QUEUE if submission.queued and asks_for_gpus else ""
    given = {
        "profile": profile_of(
            profile,
            asked,
            queue=queue,
            priority_class=cluster.priority_class,
            account=cluster.service_account,
            parallel_trainings=submission.allow_parallel_trainings,
        ),
        "gpu_work": cluster.gpu_work,
    } | submission.work_of_tasks
    run = prepare_run(submission.preset, settings, workspace, submission.pipeline, given)
    if not cluster.allow_tags:
        check_pinned(run.pipeline, profile)
    check_hardware(profile, asked, run)
    _check_arguments(run.arguments)
    _check_is_unexpanded(run)
    return run


def _check_arguments(arguments: Mapping[str, Any]) -> None:
    """Raise InputError for what Kubeflow would reject, stall on or show to everybody."""
    for name, what in find_tokens(arguments):
        raise InputError(
            f"parameter {name}: {what} was found there, and everyone who sees a run sees its parameters; give a "
            "Secret's name"
        )
    size = len(json.dumps(arguments, separators=(",", ":")).encode())
    if size > MAX_PARAMETER_BYTES:
        raise InputError(
            f"the parameters take {size} bytes, Kubeflow Pipelines accepts {MAX_PARAMETER_BYTES}; name fewer "
            "sources in the lists, or raise MAX_PARAMETER_BYTES of its API server"
        )


def _check_is_unexpanded(run: Run) -> None:
    """Raise InputError for a value that would reach its task as another one."""
    for step in run.steps:
        for name, value in step.options.items():
            if isinstance(value, str) and (found := _EXPANDED.search(value)):
                option = step.origins.get(name) or f"{step.name}.{name}"
                raise InputError(
                    f"{option}: {found[0]!r} stands in {value!r}, and Kubernetes changes it on the way to a task: $$ "
                    "to $, $(NAME) to a variable's value; write it otherwise"
                )
