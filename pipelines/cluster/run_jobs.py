"""The Jobs and TrainJobs of a run, if the caller may list them: what the steps whose work they do are at.

A task that has its work done by a Job waits for it; Kubeflow knows no more than that the task runs. The Job names the
task by an annotation (a node of Argo), so that it is found for each step, also where two steps of one name run.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from components.shared.jobs.api_objects import annotations_of
from components.shared.jobs.folder_names import FOLDER_LABEL, TASK_ANNOTATION
from components.shared.jobs.job_reading import Job, JobState, Seen, end_of_job, is_held, is_live, state_of_job
from components.shared.jobs.pod_endings import Pod
from components.shared.jobs.queue_holds import Workload
from components.shared.jobs.selected_jobs import JOB_LABEL, workloads_of
from components.shared.plain_text import inert
from components.shared.training.train_job_reading import end_of, is_waiting_in_queue, state_of_train_job
from components.shared.training.train_jobs import JOBSET_LABEL
from pipelines.cluster.run_namespace import NOT_SEEN, RunNamespace, items_of, why_not_seen
from pipelines.cluster.workflow import place_of

Place = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class StepJob:
    """The Job that does a step's work, and what it is at."""

    name: str
    folder: str  # step/fingerprint
    live: bool
    state: JobState


@dataclass(frozen=True)
class Jobs:
    """The last Job of each step of a run that has one."""

    by_place: Mapping[Place, StepJob] = field(default_factory=dict)
    not_seen_because: str = ""  # "" where they were looked at

    @property
    def live(self) -> list[StepJob]:
        """Those that work, or will."""
        return [job for job in self.by_place.values() if job.live]


def jobs_of(run_id: str, namespace: RunNamespace) -> Jobs:
    """Return a run's Jobs; never an error: Kubeflow's own state is known without.

    That is the last Job of each task, with what there is to see of it; nothing more of those that ended well.
    """
    try:
        last = {_place_of(job): job for job in namespace.jobs(run_id)}
        training = {_place_of(job): job for job in namespace.train_jobs(run_id)}
        by_place = {place: _step_job(_seen(job, namespace)) for place, job in last.items()}
        return Jobs(by_place | {place: _training(job, namespace) for place, job in training.items()})
    except NOT_SEEN as error:
        return Jobs(not_seen_because=why_not_seen(error))


def folder_of(job: Job) -> str:
    """Return the folder that a Job makes as step/fingerprint."""
    return inert("/".join(annotations_of(job).get(FOLDER_LABEL, "").rstrip("/").split("/")[-2:]))


def _place_of(job: Job) -> Place:
    return place_of(annotations_of(job).get(TASK_ANNOTATION, ""))[:-1]


def _step_job(seen: Seen) -> StepJob:
    name = inert(seen.job["metadata"]["name"])
    return StepJob(name=name, folder=folder_of(seen.job), live=is_live(seen.job), state=state_of_job(seen))


def _training(job: Job, namespace: RunNamespace) -> StepJob:
    """Return what a TrainJob is at, and what its nodes wait for."""
    name, live = inert(job["metadata"]["name"]), not end_of(job) and not job["metadata"].get("deletionTimestamp")
    pods: list[Pod] = []
    queued = live and is_waiting_in_queue(job)
    if live and not queued:
        of_nodes = f"{JOBSET_LABEL}={job['metadata']['name']}"
        api = client.CoreV1Api(namespace.api)
        pods = [*items_of(api.list_namespaced_pod, namespace.name, label_selector=of_nodes)]
    waits = any(pod["status"].get("phase") == "Pending" for pod in pods)
    state = state_of_train_job(
        job,
        pods=pods,
        workloads=_workloads(job, namespace) if queued else [],
        warnings=namespace.warnings if waits else {},
    )
    return StepJob(name=name, folder=folder_of(job), live=live, state=state)


def _seen(job: Job, namespace: RunNamespace) -> Seen:
    if end_of_job(job).get("type") == "Complete":
        return Seen(job=job)
    of_job = f"{JOB_LABEL}={job['metadata']['name']}"  # not by the run: the Job may have been another one's before
    api = client.CoreV1Api(namespace.api)
    pods: list[Pod] = [*items_of(api.list_namespaced_pod, namespace.name, label_selector=of_job)]
    if not is_held(job, pods):
        return Seen(job=job, pods=pods)
    return Seen(job=job, pods=pods, workloads=_workloads(job, namespace), warnings=namespace.warnings)


def _workloads(job: Job, namespace: RunNamespace) -> list[Workload]:
    """Return what Kueue has made of a Job; nothing where who asks may not see it."""
    with contextlib.suppress(ApiException):
        return workloads_of(client.CustomObjectsApi(namespace.api), namespace.name, job)
    return []
