"""`scalequest stop`: ends a run and its Jobs at once; without it, Jobs outlive a terminated run by ten minutes.

Kubeflow ends the pods of tasks without a word, so that nobody but this command tells the Jobs. They are deleted in the
foreground: their pods hear SIGTERM, write what is finished, and are gone before their Job is.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import kfp
import kfp_server_api
from rich.console import Console

from components.shared.errors import ExitCode, InputError, UnavailableError
from components.shared.jobs.api_objects import labels_of
from components.shared.jobs.folder_names import STEP_LABEL
from components.shared.jobs.job_reading import Job, end_of_job
from components.shared.plain_text import inert
from pipelines.cluster.jobs_api import RunJobs
from pipelines.cluster.kubeflow_api import connect, explained
from pipelines.cluster.run_place import RunPlace, find_run, look_again
from pipelines.reporting import exit_code_of

POLL_SECONDS = 2.0
PATIENCE_SECONDS = 120.0  # pods have 30 s to end, and Argo ends those of tasks within 20
_LEFT = "its Jobs, and the nodes of its trainings, end by themselves within ten minutes"


def stop_run(run_id: str, host: str, namespace: str) -> int:
    """Terminate a run, delete its Jobs, and wait until nothing of it lives; return the exit code."""
    return exit_code_of("stop", lambda: _stop(run_id, host, namespace))


def _stop(run_id: str, host: str, namespace: str) -> int:
    console = Console(file=sys.stdout, markup=False, highlight=False, emoji=False, soft_wrap=True)
    with explained(host, namespace):
        client, _ = connect(host, namespace)
        place = find_run(client, run_id, namespace)
        if not place.has_ended and not place.is_being_terminated:
            console.print(f"run {run_id}: {_terminate(client, run_id)}")
        else:
            console.print(f"run {run_id}: {'has ended' if place.has_ended else 'is being terminated'} ({place.state})")
    try:
        jobs = RunJobs(run_id, place.namespace)
        deleted = _end_all(client, host, jobs, place, console)
    except InputError as error:
        raise InputError(f"run {run_id} is terminated ({_LEFT}): {error}") from error
    console.print(f"nothing of it runs any more in {place.namespace}" if deleted else "no Job of it was running")
    return ExitCode.DONE


def _terminate(client: kfp.Client, run_id: str) -> str:
    """Ask Kubeflow to end a run; return what came of it: it may have ended just now."""
    try:
        client.terminate_run(run_id)
    except kfp_server_api.ApiException as error:
        if error.status != 400:
            raise
        return "has ended meanwhile"
    return "terminated"


def _end_all(client: kfp.Client, host: str, jobs: RunJobs, place: RunPlace, console: Console) -> int:
    """Delete Jobs until Kubeflow starts nothing more and none lives; return how many those were.

    A task that still lives makes another one in place of a Job that it misses.
    """
    deadline, told = time.monotonic() + PATIENCE_SECONDS, set[str]()
    while True:
        living = list(_living(jobs, place))
        for job in living:
            uid = job["metadata"]["uid"]
            if uid not in told and (job["metadata"].get("deletionTimestamp") or jobs.delete(job)):
                told.add(uid)
                console.print(f"{_name_of(job)}: its pods are told to stop")
        if not living and place.has_ended:
            return len(told)
        if time.monotonic() > deadline:
            return _late(living, place, console, len(told))
        time.sleep(POLL_SECONDS)
        if not place.has_ended:
            with explained(host, place.namespace):
                place = look_again(client, place)


def _late(living: list[Job], place: RunPlace, console: Console, deleted: int) -> int:
    if living:
        raise UnavailableError(
            f"after {PATIENCE_SECONDS:.0f} s there still are {', '.join(map(_name_of, living))}: a node may be gone; "
            "the same command again waits on"
        )
    console.print(f"note: Kubeflow still says {place.state}; no Job of it is left")
    return deleted


def _living(jobs: RunJobs, place: RunPlace) -> Iterator[Job]:
    yield from (job for job in jobs.jobs() if not end_of_job(job))
    try:
        yield from (job for job in jobs.train_jobs(place.workflow) if not end_of_job(job))
    except InputError:
        if place.training_nodes > 1:  # else nobody has made one, and who may not see them needs not
            raise


def _name_of(job: Job) -> str:
    step = labels_of(job).get(STEP_LABEL, "")
    return inert(f"{job.get('kind', 'Job')} {job['metadata']['name']}{f' ({step})' if step else ''}")
