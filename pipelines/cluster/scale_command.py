"""`scalequest scale`: lets a step that runs as a Job go on with more or fewer pods.

Parts are taken, not assigned, so any number of pods fits: the same Job goes on with other parallelism and completions.
"""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console

from components.shared.config import SharedConfig
from components.shared.errors import ExitCode, InputError
from components.shared.jobs.api_objects import annotations_of, labels_of
from components.shared.jobs.body import ELASTIC_ANNOTATION, LEAST_ANNOTATION, QUEUE_LABEL
from components.shared.jobs.folder_names import STEP_LABEL, step_label
from components.shared.jobs.job_reading import Job, end_of_job, is_live, is_suspended
from components.steps import config_of, step_names
from pipelines.cluster.jobs_api import RunJobs
from pipelines.cluster.kubeflow_api import connect, explained
from pipelines.cluster.queued_growth import Growth
from pipelines.cluster.run_jobs import folder_of
from pipelines.cluster.run_place import RunPlace, find_run
from pipelines.json_output import print_json, stream_for_people
from pipelines.reporting import exit_code_of

_ENDS = {"Complete": "is finished", "Failed": "has failed"}


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """What is to have how many pods."""

    run_id: str
    step: str  # its name, or the folder that it makes (step/fingerprint) where several of one step are at work
    number: int
    wait_seconds: float  # for Kueue, at each further pod


def scale_step(scaling: Scaling, host: str, namespace: str, *, as_json: bool = False) -> int:
    """Give the Job of a step another number of pods; return the exit code."""
    return exit_code_of("scale", lambda: _scale(scaling, host, namespace, as_json))


def _scale(scaling: Scaling, host: str, namespace: str, as_json: bool) -> int:
    stream = stream_for_people(as_json=as_json)
    console = Console(file=stream, markup=False, highlight=False, emoji=False, soft_wrap=True)
    name, _, fingerprint = scaling.step.replace("-", "_").partition("/")
    number = scaling.number
    _check_is_shared(name)
    with explained(host, namespace):
        client, _ = connect(host, namespace)
        place = find_run(client, scaling.run_id, namespace)
    jobs = RunJobs(scaling.run_id, place.namespace)
    job = _running(jobs, place, name, fingerprint)
    before = _number_of(job)
    _refuse_what_is_fixed(job, name)
    if number > before and labels_of(job).get(QUEUE_LABEL) and not is_suspended(job):
        growth = Growth(jobs, job, scaling.wait_seconds)
        growth.to(number, lambda reached: console.print(f"{folder_of(job)}: {_pods(reached)}"))
    elif number != before:
        jobs.scale(job, number)
    done = f"has {_pods(number)} already" if number == before else f"{_pods(number)} instead of {before}"
    console.print(f"{folder_of(job)}: {done}")
    if as_json:
        print_json({"run": scaling.run_id, "folder": folder_of(job), "pods": number, "pods_before": before})
    return ExitCode.DONE


def _check_is_shared(step: str) -> None:
    names = step_names()
    shared = [name for name in names if issubclass(config_of(name), SharedConfig)]
    if step not in names:
        raise InputError(f"unknown step {step!r}; several pods share one of {', '.join(shared)}")
    if step not in shared:
        raise InputError(
            f"{step} is not shared by pods: its size is set before it begins (a training's by training_nodes and "
            f"training_gpus); pods share {', '.join(shared)}"
        )


def _running(jobs: RunJobs, place: RunPlace, step: str, fingerprint: str) -> Job:
    """Return the Job that makes a step's folder and has not ended."""
    found = [job for job in jobs.jobs() if labels_of(job).get(STEP_LABEL) == step_label(step)]
    found = [job for job in found if fingerprint in ("", folder_of(job).rpartition("/")[2])]
    living = [job for job in found if is_live(job)]
    if len(living) > 1:
        folders = ", ".join(sorted(map(folder_of, living)))
        raise InputError(f"{step} is at work on several folders; name one of {folders}")
    if living:
        return living[0]
    if found:
        last = found[-1]
        raise InputError(f"{folder_of(last)}: its last Job {_end_of(last)}; there is nothing to scale")
    not_here = "it has not begun, it is done, another run's Job does it, or its task does the work itself"
    what = "the run has ended" if place.has_ended else not_here
    raise InputError(f"no Job of {step} runs for run {place.run_id} in {place.namespace}: {what}")


def _end_of(job: Job) -> str:
    end = end_of_job(job)
    return _ENDS[end["type"]] if end else "is being deleted"


def _refuse_what_is_fixed(job: Job, step: str) -> None:
    annotations, labels = annotations_of(job), labels_of(job)
    if job["spec"].get("completionMode") != "Indexed":
        raise InputError(f"{step}: its Job has one pod and is not Indexed; Kubernetes does not let it have more")
    if LEAST_ANNOTATION in annotations:
        raise InputError(
            f"{step}: it was asked for with {annotations[LEAST_ANNOTATION]} pods or more; Kueue sets the size of such "
            "a Job once, at admission, and refuses a change: stop the run, and submit it with one number"
        )
    if labels.get(QUEUE_LABEL) and annotations.get(ELASTIC_ANNOTATION) != "true":
        raise InputError(
            f"{step}: its Job waits in Kueue's queue {labels[QUEUE_LABEL]} without {ELASTIC_ANNOTATION}: with another "
            "number of pods, Kueue would stop all of them and queue it anew"
        )


def _number_of(job: Job) -> int:
    return int(job["spec"].get("parallelism", 1))


def _pods(number: int) -> str:
    return f"{number} pod{'s' if number != 1 else ''}"
