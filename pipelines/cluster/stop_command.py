"""`scalequest stop`: ends a run and its Jobs at once; without it, Jobs outlive a terminated run by ten minutes.

Kubeflow ends the pods of tasks without a word, so that nobody but this command tells the Jobs. They are deleted in the
foreground: their pods hear SIGTERM, write what is finished, and are gone before their Job is.
"""

from __future__ import annotations

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
from pipelines.json_output import print_json, stream_for_people
from pipelines.reporting import exit_code_of

POLL_SECONDS = 2.0
PATIENCE_SECONDS = 120.0  # pods have 30 s to end, and Argo ends those of tasks within 20
_LEFT = "its Jobs, and the nodes of its trainings, end by themselves within ten minutes"


def stop_run(run_id: str, host: str, namespace: str, *, as_json: bool = False) -> int:
    """Terminate a run, delete its Jobs, and wait until nothing of it lives; return the exit code."""
    return exit_code_of("stop", lambda: _stop(run_id, host, namespace, as_json))


def _stop(run_id: str, host: str, namespace: str, as_json: bool) -> int:
    stream = stream_for_people(as_json=as_json)
    console = Console(file=stream, markup=False, highlight=False, emoji=False, soft_wrap=True)
    with explained(host, namespace):
        client, _ = connect(host, namespace)
        place = find_run(client, run_id, namespace)
        if not place.has_ended and not place.is_being_terminated:
            came = _terminate(client, run_id)
        else:
            came = f"{'has ended' if place.has_ended else 'is being terminated'} ({place.state})"
        console.print(f"run {run_id}: {came}")
    try:
        jobs = RunJobs(run_id, place.namespace)
        deleted = _end_all(client, host, jobs, place, console)
    except InputError as error:
        raise InputError(f"run {run_id} is terminated ({_LEFT}): {error}") from error
    console.print(f"nothing of it runs any more in {place.namespace}" if deleted else "no Job of it was running")
    if as_json:
        print_json({"run": run_id, "namespace": place.namespace, "done": came, "jobs_deleted": deleted})
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


def _end_all(client: kfp.Client, host: str, jobs: RunJobs, place: RunPlace, console: Console) -> list[str]:
    """Delete Jobs until Kubeflow starts nothing more and none lives; return their names.

    A task that still lives makes another one in place of a Job that it misses.
    """
    deadline, told = time.monotonic() + PATIENCE_SECONDS, dict[str, str]()
    while True:
        living = list(_living(jobs, place))
        for job in living:
            uid = job["metadata"]["uid"]
            if uid not in told and (job["metadata"].get("deletionTimestamp") or jobs.delete(job)):
                told[uid] = _name_of(job)
                console.print(f"{told[uid]}: its pods are told to stop")
        if not living and place.has_ended:
            return [*told.values()]
        if time.monotonic() > deadline:
            _late(living, place, console)
            return [*told.values()]
        time.sleep(POLL_SECONDS)
        if not place.has_ended:
            with explained(host, place.namespace):
                place = look_again(client, place)


def _late(living: list[Job], place: RunPlace, console: Console) -> None:
    if living:
        raise UnavailableError(
            f"after {PATIENCE_SECONDS:.0f} s there still are {', '.join(map(_name_of, living))}: a node may be gone; "
            "the same command again waits on"
        )
    console.print(f"note: Kubeflow still says {place.state}; no Job of it is left")


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
