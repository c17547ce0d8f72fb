"""The Jobs of a run, if the caller may list them: what the steps whose work they do are at.

A task that has its work done by a Job waits for it; Kubeflow knows no more than that the task runs. The Job names the
task by an annotation (a node of Argo), so that it is found for each step, also where two steps of one name run.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import urllib3
from kubernetes import client
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException

from components.shared.jobs.folder_names import FOLDER_LABEL, RUN_LABEL, TASK_ANNOTATION
from components.shared.jobs.job_reading import Job, JobState, Seen, end_of_job, is_live, is_suspended, state_of_job
from components.shared.jobs.pod_endings import Pod
from components.shared.jobs.queue_holds import Workload
from components.shared.jobs.selected_jobs import JOB_LABEL, workloads_of
from components.shared.plain_text import inert
from pipelines.cluster.run_pods import connect_to_kubernetes, items_of, warnings_if_allowed
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


def jobs_of(run_id: str, namespace: str) -> Jobs:
    """Return a run's Jobs; never an error: Kubeflow's own state is known without."""
    try:
        jobs = _RunJobs(run_id, namespace).read()
    except ConfigException:
        return Jobs(not_seen_because="no Kubernetes cluster is configured")
    except ApiException as error:
        return Jobs(not_seen_because=f"the Kubernetes API responds {error.status} {error.reason}")
    except (urllib3.exceptions.HTTPError, OSError) as error:
        return Jobs(not_seen_because=f"the Kubernetes API does not respond ({error})")
    return Jobs({_place_of(seen.job): _step_job(seen) for seen in jobs})


def folder_of(job: Job) -> str:
    """Return the folder that a Job makes as step/fingerprint."""
    return inert("/".join(_annotation(job, FOLDER_LABEL).rstrip("/").split("/")[-2:]))


def _annotation(job: Job, name: str) -> str:
    return str((job["metadata"].get("annotations") or {}).get(name, ""))


def _place_of(job: Job) -> Place:
    return place_of(_annotation(job, TASK_ANNOTATION))[:-1]


def _step_job(seen: Seen) -> StepJob:
    name = inert(seen.job["metadata"]["name"])
    return StepJob(name=name, folder=folder_of(seen.job), live=is_live(seen.job), state=state_of_job(seen))


class _RunJobs:
    def __init__(self, run_id: str, namespace: str) -> None:
        api = connect_to_kubernetes()
        self._of_run, self._namespace = f"{RUN_LABEL}={run_id}", namespace
        self._batch, self._core, self._any = client.BatchV1Api(api), client.CoreV1Api(api), client.CustomObjectsApi(api)

    def read(self) -> list[Seen]:
        """Return the last Job of each task, with what there is to see of it; nothing more of those that ended well."""
        jobs = items_of(self._batch.list_namespaced_job, self._namespace, label_selector=self._of_run)
        jobs.sort(key=lambda job: str(job["metadata"].get("creationTimestamp", "")))
        last = {_place_of(job): job for job in jobs}.values()
        pods = {job["metadata"]["uid"]: self._pods(job) for job in last if end_of_job(job).get("type") != "Complete"}
        held = {uid for job in last if is_live(job) and _is_held(job, pods[uid := job["metadata"]["uid"]])}
        warnings = warnings_if_allowed(self._core, self._namespace) if held else {}
        return [
            Seen(
                job=job,
                pods=pods.get(job["metadata"]["uid"], ()),
                workloads=self._workloads(job) if job["metadata"]["uid"] in held else (),
                warnings=warnings,
            )
            for job in last
        ]

    def _pods(self, job: Job) -> list[Pod]:
        of_job = f"{JOB_LABEL}={job['metadata']['name']}"  # not by the run: the Job may have been another one's before
        pods: list[Pod] = [*items_of(self._core.list_namespaced_pod, self._namespace, label_selector=of_job)]
        return pods

    def _workloads(self, job: Job) -> list[Workload]:
        """Return what Kueue has made of a Job; nothing where who asks may not see it."""
        with contextlib.suppress(ApiException):
            return workloads_of(self._any, self._namespace, job)
        return []


def _is_held(job: Job, pods: Sequence[Pod]) -> bool:
    waits = any(pod["status"].get("phase") == "Pending" for pod in pods)
    return is_suspended(job) or waits or not pods
