"""`scalequest submit`: check everything here, start the compiled pipeline on a cluster, and watch it if asked to."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import kfp
import kfp_server_api
from rich.console import Console

from components.shared.errors import ExitCode, InputError, UnavailableError, exit_code_of_error
from pipelines.arguments import Run
from pipelines.cluster.finished_run import finished_folder, look_from_here
from pipelines.cluster.hardware import nodes_at_once
from pipelines.cluster.kubeflow_api import OWN_NAMESPACE, connect, explained, said_by
from pipelines.cluster.package import package
from pipelines.cluster.pipeline_versions import kept_version
from pipelines.cluster.run_keys import keys_of_run
from pipelines.cluster.run_page import run_page
from pipelines.cluster.run_size import check_size, size_of
from pipelines.cluster.same_runs import same_runs, short_fingerprint
from pipelines.cluster.submission import Submission, prepare_submission
from pipelines.cluster.submitted_run import Submitted
from pipelines.cluster.watching import INTERRUPTED, watch_to_end
from pipelines.json_output import print_json, stream_for_people
from pipelines.planning.budgets import check_not_spent
from pipelines.planning.confirming import confirm
from pipelines.planning.pilot_forecast import forecast
from pipelines.planning.pilot_report import print_forecast
from pipelines.planning.pilot_run import Pilot, pilot_of
from pipelines.planning.run_plans import plan_of
from pipelines.planning.table import short_lines
from pipelines.reporting import exit_code_of, print_aligned
from pipelines.run_checks.hardware_outputs import asked_hardware
from pipelines.run_checks.looking import Looked
from pipelines.run_checks.task_hardware import idle_tasks
from pipelines.webhook import webhook_url

EXPERIMENT = "scalequest"


def submit(submission: Submission, *, follow: bool) -> int:
    """Start a run of a preset; return the exit code: of the run itself, where it is followed to its end."""
    return exit_code_of("submit", lambda: _submit(submission, follow))


def _submit(submission: Submission, follow: bool) -> int:
    began = time.monotonic()
    if follow:
        webhook_url()  # a wrong one is refused before anything is sent
    whole = prepare_submission(submission)
    pilot = pilot_of(whole, submission.pilot) if submission.pilot else None
    run = pilot.run if pilot else whole
    console = Console(file=stream_for_people(as_json=submission.as_json))
    sent = Submitted(submission=submission, run=run, num_whole=pilot.num_whole if pilot else 0, began=began)
    steps = _looked_at(submission, run)
    if finished := finished_folder(steps):
        what = f"the pilot of {submission.preset}" if pilot else submission.preset
        where = f"are finished in {submission.workspace}; the last is {finished}"
        console.print(f"nothing to do: all folders of {what} {where}")
        if submission.as_json:
            print_json(sent.document(ExitCode.DONE, folder=finished))
        elif pilot:
            _print_forecast(console, submission, pilot, finished)
        return ExitCode.DONE
    _confirm_plan(submission, run, steps, console)
    client, run_id, page = _send(submission, run, steps, console)
    if pilot:
        print_aligned(console, list(_what_follows(submission, pilot)))
    sent = replace(sent, run_id=run_id, page=page)
    if follow:
        return _followed(sent, client, console, pilot)
    if submission.as_json:
        print_json(sent.document(ExitCode.DONE))
    return ExitCode.DONE


def _followed(sent: Submitted, client: kfp.Client, console: Console, pilot: Pilot | None) -> int:
    """Follow a run to its end, and say what it has made; return its exit code."""
    submission, cluster = sent.submission, sent.submission.cluster
    try:
        report = watch_to_end(client, sent.run_id, cluster.host, cluster.namespace, console)
    except (InputError, UnavailableError) as error:  # the run was sent: whoever reads the document has to know which
        if submission.as_json:
            print_json(sent.document(exit_code_of_error(error), message=str(error)))
        raise
    exit_code = report.exit_code if report else INTERRUPTED
    folder = _folder_of_ended(sent) if exit_code == ExitCode.DONE and (submission.as_json or pilot) else ""
    if submission.as_json:
        print_json(sent.document(exit_code, report, folder))
    elif pilot and exit_code == ExitCode.DONE:
        _print_forecast_of_ended(console, submission, pilot, folder)
    return exit_code


def _folder_of_ended(sent: Submitted) -> str:
    """Return the last folder of a run that has ended well; "" where its workspace cannot be read from here."""
    with contextlib.suppress(InputError, UnavailableError):
        return finished_folder(_looked_at(sent.submission, sent.run))
    return ""


def _looked_at(submission: Submission, run: Run) -> list[Looked]:
    """Return what stands of each step, as far as that shows here."""
    with keys_of_run(submission.cluster.namespace, run) as has_keys:
        return look_from_here(run, submission.workspace, has_keys=has_keys)


def _send(submission: Submission, run: Run, steps: Sequence[Looked], console: Console) -> tuple[kfp.Client, str, str]:
    """Start a run and say where it is; return the client that did, the run's id and its page."""
    cluster, title, pipeline = submission.cluster, Path(submission.preset).stem, run.pipeline.name
    # The pods of tasks wait in the queue only where they do the GPU work themselves.
    packing = package(run, queued=submission.queued and cluster.gpu_work == "task", idle=idle_tasks(run, steps))
    with explained(cluster.host, cluster.namespace), packing as packed:
        size = size_of(packed.pipeline, packed.arguments)
        check_size(size)
        client, namespace = connect(cluster.host, cluster.namespace)
        for other in same_runs(client, namespace, run):
            sys.stderr.write(f"submit: note: run {other} makes the same folders; both share the work\n")
        name = run_name_of(f"{title} pilot" if submission.pilot else title, run)
        names = _Names(run=name, version=f"{pipeline}-{title}")
        run_id = _start(client, namespace, packed, names, cluster.service_account)
    nodes = {"training_nodes": json.loads(run.arguments["profile"])["training_nodes"]}
    for note in _notes(submission, run.arguments | nodes, namespace):
        sys.stderr.write(f"submit: note: {note}\n")
    what = f"a pilot of {submission.preset}" if submission.pilot else submission.preset
    told = f"submitted {what}: {pipeline}, {len(run.steps)} steps, workspace {submission.workspace}"
    console.print(told, markup=False, highlight=False)
    console.print(size.sentence, markup=False, highlight=False)
    console.print(f"run {run_id}", highlight=False)
    page = run_page(client, run_id)
    console.print(page, highlight=False, soft_wrap=True)
    return client, run_id, page


def _what_follows(submission: Submission, pilot: Pilot) -> Iterator[tuple[str, str]]:
    """Yield which command says what the whole run will come to, once the pilot has ended, and which one starts it."""
    yield "pilot", f"the first questions of {pilot.num_whole:,}; once it has ended, what the whole run will come to:"
    yield "forecast", submission.plan_command
    yield "goes on with", replace(submission, pilot=0).command


def _print_forecast(console: Console, submission: Submission, pilot: Pilot, dataset: str) -> None:
    """Print what a pilot that has ended says of the whole run."""
    seen = forecast(dataset, pilot.num_whole, pilot.run.price_per_gpu_hour)
    console.print()
    print_forecast(console, seen, replace(submission, pilot=0).command)


def _print_forecast_of_ended(console: Console, submission: Submission, pilot: Pilot, folder: str) -> None:
    """Print what a pilot that was followed to its end says of the whole run, or where that can be seen."""
    with contextlib.suppress(InputError, UnavailableError):  # the run has ended well, whoever may read its rows
        if folder:
            _print_forecast(console, submission, pilot, folder)
            return
    told = f"its rows cannot be read from here; where they can, `{submission.plan_command}` says what follows from them"
    console.print(told, markup=False, highlight=False, soft_wrap=True)


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
    planned = plan_of(run, steps, submission.profile, asked)
    for line in short_lines(planned):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    check_not_spent(planned.budget)
    confirm(planned, submission.spending)


def run_name_of(title: str, run: Run) -> str:
    """Return a run's name: of what it is, when it was submitted, and what tells it apart by what it makes."""
    return f"{title} {datetime.now(UTC):%Y-%m-%d %H:%M} {short_fingerprint(run)}"


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
