"""`scalequest submit`: check everything here, start the compiled pipeline on a cluster, and watch it if asked to."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import kfp
import kfp_server_api
from rich.console import Console

from components.shared.errors import InputError
from pipelines.arguments import Run, prepare_run
from pipelines.cluster.bucket_checks import check_is_shared
from pipelines.cluster.finished_run import finished_folder, look_from_here
from pipelines.cluster.hardware import (
    check_placement,
    find_profile,
    nodes_at_once,
    processes_of_a_node,
    profile_of,
)
from pipelines.cluster.kubeflow_api import OWN_NAMESPACE, connect, explained, said_by
from pipelines.cluster.options import Cluster
from pipelines.cluster.package import check_pinned, is_queued, package
from pipelines.cluster.pipeline_versions import kept_version
from pipelines.cluster.run_keys import keys_of_run
from pipelines.cluster.run_page import run_page
from pipelines.cluster.run_size import check_size, size_of
from pipelines.cluster.same_runs import same_runs, short_fingerprint
from pipelines.cluster.watching import watch
from pipelines.compiled_secrets import find_tokens
from pipelines.hardware_profiles import Profile
from pipelines.planning.confirming import UNASKED, Spending, confirm
from pipelines.planning.planned_hardware import planned_hardware
from pipelines.planning.run_plans import Planned, plan_of
from pipelines.planning.table import short_lines
from pipelines.preset_files import placed_preset
from pipelines.reporting import exit_code_of
from pipelines.resources import QUEUE
from pipelines.run_checks.hardware_outputs import asked_hardware, check_hardware
from pipelines.run_checks.looking import Looked

EXPERIMENT = "scalequest"
MAX_PARAMETER_BYTES = 10_000  # of all arguments together; the API server's own default


@dataclass(frozen=True, kw_only=True)
class Submission:
    """What is to run, and where."""

    preset: str
    settings: Sequence[str] = ()
    workspace: str
    pipeline: str = ""  # one column of the figure alone
    cluster: Cluster
    allow_parallel_trainings: bool = False  # on several nodes each, without a queue
    spending: Spending = UNASKED

    @cached_property
    def profile(self) -> Profile:
        """The hardware; InputError where there is no such profile."""
        return find_profile(self.cluster.profile)

    @property
    def queued(self) -> bool:
        """Whether GPU steps wait in the LocalQueue."""
        return is_queued(self.profile, queue=self.cluster.queue)


def submit(submission: Submission, *, follow: bool) -> int:
    """Start a run of a preset; return the exit code: of the run itself, where it is followed to its end."""
    return exit_code_of("submit", lambda: _submit(submission, follow))


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
    }
    if cluster.gpu_work == "task":
        given |= processes_of_a_node(profile, asked["inference_gpus"])
    run = prepare_run(submission.preset, settings, workspace, submission.pipeline, given)
    if not cluster.allow_tags:
        check_pinned(run.pipeline, profile)
    check_hardware(profile, asked, run)
    _check_arguments(run.arguments)
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


def _submit(submission: Submission, follow: bool) -> int:
    run, cluster = prepare_submission(submission), submission.cluster
    preset, workspace = submission.preset, submission.workspace
    console = Console(file=sys.stdout)
    with keys_of_run(cluster.namespace, run) as has_keys:
        steps = look_from_here(run, workspace, has_keys=has_keys)
    if finished := finished_folder(steps):
        console.print(f"nothing to do: all folders of {preset} are finished in {workspace}; the last is {finished}")
        return 0
    _confirm_plan(submission, run, steps, console)
    # The pods of tasks wait in the queue only where they do the GPU work themselves.
    queued = submission.queued and cluster.gpu_work == "task"
    with explained(cluster.host, cluster.namespace), package(run, queued=queued) as packed:
        size = size_of(packed.pipeline, packed.arguments)
        check_size(size)
        client, namespace = connect(cluster.host, cluster.namespace)
        for other in same_runs(client, namespace, run):
            sys.stderr.write(f"submit: note: run {other} makes the same folders; both share the work\n")
        names = _Names(run=run_name_of(preset, run), version=f"{run.pipeline.name}-{Path(preset).stem}")
        run_id = _start(client, namespace, packed, names, cluster.service_account)
    nodes = {"training_nodes": json.loads(run.arguments["profile"])["training_nodes"]}
    for note in _notes(submission, run.arguments | nodes, namespace):
        sys.stderr.write(f"submit: note: {note}\n")
    name = run.pipeline.name
    console.print(
        f"submitted {preset}: {name}, {len(run.steps)} steps, workspace {workspace}", markup=False, highlight=False
    )
    console.print(size.sentence, markup=False, highlight=False)
    console.print(f"run {run_id}", highlight=False)
    console.print(run_page(client, run_id), highlight=False, soft_wrap=True)
    if follow:
        return watch(client, run_id, cluster.host, cluster.namespace, console)
    return 0


@dataclass(frozen=True, kw_only=True)
class _Names:
    """What Kubeflow's list shows of a run."""

    run: str
    version: str  # how that of its pipeline's version begins


def _start(client: kfp.Client, namespace: str | None, packed: Run, names: _Names, account: str) -> str:
    """Start a run of a version that Kubeflow keeps or, where it keeps none, of the file; return the run's id."""
    path = packed.pipeline.path
    with contextlib.redirect_stdout(sys.stderr):  # the client prints links of its own
        experiment = client.create_experiment(name=EXPERIMENT, namespace=namespace)
        source: dict[str, str] = {"pipeline_package_path": str(path)}
        try:
            version = kept_version(client, namespace, path, names.version)
            source = {"pipeline_id": version.pipeline_id, "version_id": version.version_id}
        except kfp_server_api.ApiException as error:
            sys.stderr.write(f"submit: note: Kubeflow's list names no version of this run: {said_by(error)}\n")
        started = client.run_pipeline(
            experiment_id=experiment.experiment_id,
            job_name=names.run,
            params=dict(packed.arguments),
            service_account=account or None,
            **source,
        )
    return str(started.run_id)


def _confirm_plan(submission: Submission, run: Run, steps: Sequence[Looked], console: Console) -> None:
    """Say what the run will do and take; ask where that is above the limit."""
    asked, _ = asked_hardware(submission.profile, submission.settings, spot=submission.cluster.spot)
    planned = plan_of(
        Planned(
            preset=submission.preset,
            run=run,
            looked=steps,
            hardware=planned_hardware(run.arguments, submission.profile, asked),
            stated=placed_preset(submission.preset).expected,
        )
    )
    for line in short_lines(planned):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    confirm(planned, submission.spending)


def run_name_of(preset: str, run: Run) -> str:
    """Return a run's name: its preset, when it was submitted, and what tells it apart by what it makes."""
    return f"{Path(preset).stem} {datetime.now(UTC):%Y-%m-%d %H:%M} {short_fingerprint(run)}"


def _notes(submission: Submission, arguments: Mapping[str, Any], namespace: str | None) -> Iterator[str]:
    if (nodes := nodes_at_once(arguments)) > arguments.get("training_nodes", 1) > 1:
        yield _note_on(nodes, queued=submission.queued)
    if namespace is None and submission.cluster.namespace != OWN_NAMESPACE:
        yield (
            "this Kubeflow Pipelines has a single user: the run's pods are in its own namespace, whatever --namespace "
            f"says; {submission.cluster.namespace} has to be that one"
        )


def _note_on(nodes: int, *, queued: bool) -> str:
    what = f"the generators are trained in parallel, on {nodes} nodes in total"
    if not queued:
        return f"{what}; with fewer, they wait for each other forever"
    return (
        f"{what}; with fewer in the queue's quota, one waits for the other. This needs Kueue, and its label on the "
        "TrainingRuntime: see scalequest doctor --training-nodes"
    )
