"""The Jobs of a run in its namespace, for the commands that change them; what the API refuses is one message."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import urllib3
from kubernetes import client
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException

from components.shared.errors import InputError, UnavailableError
from components.shared.jobs.api_objects import labels_of
from components.shared.jobs.folder_names import RUN_LABEL
from components.shared.jobs.job_reading import Job
from components.shared.jobs.queue_holds import Workload
from components.shared.jobs.selected_jobs import workloads_of
from components.shared.kubernetes_api import answer_of, refusal
from components.shared.training.train_jobs import GROUP, JOBS, KIND, VERSION
from pipelines.cluster.kubernetes_access import SUBMITTER
from pipelines.cluster.run_namespace import TIMEOUT, RunNamespace

_AS_IT_IS: dict[str, Any] = {"_preload_content": False, "_request_timeout": TIMEOUT}


class RunJobs:
    """The Jobs and TrainJobs of one run."""

    def __init__(self, run_id: str, namespace: str) -> None:
        self.run_id, self.namespace = run_id, namespace
        self._place = RunNamespace(namespace)
        with _explained("asking for the run's Jobs"):
            api = self._place.api
        self._batch, self._custom = client.BatchV1Api(api), client.CustomObjectsApi(api)

    def jobs(self) -> list[Job]:
        """Return the run's Jobs, those that have ended among them, oldest first."""
        with _explained(f"reading the Jobs of run {self.run_id}"):
            return self._place.jobs(self.run_id)

    def train_jobs(self, workflow: str) -> list[Job]:
        """Return the run's TrainJobs; none where Kubeflow Trainer is not installed."""
        with _explained(f"reading the TrainJobs of run {self.run_id}"):
            try:
                place = (GROUP, VERSION, self.namespace, JOBS)
                found = self._custom.list_namespaced_custom_object(*place, _request_timeout=TIMEOUT)
            except ApiException as error:
                if error.status == 404:
                    return []
                raise
        return [job for job in found["items"] if self._is_of_run(job, workflow)]

    def _is_of_run(self, job: Job, workflow: str) -> bool:
        owners = {(each["kind"], each["name"]) for each in job["metadata"].get("ownerReferences") or []}
        return labels_of(job).get(RUN_LABEL) == self.run_id or ("Workflow", workflow) in owners

    def scale(self, job: Job, number: int) -> None:
        """Let a Job have another number of pods; both fields at once, or Kubernetes refuses it."""
        name = job["metadata"]["name"]
        patch = {"spec": {"parallelism": number, "completions": number}}
        with _explained(f"scaling the Job {name} to {number} pods"):
            self._batch.patch_namespaced_job(name, self.namespace, patch, **_AS_IT_IS)

    def delete(self, job: Job) -> bool:
        """Delete a Job or a TrainJob, after its pods, which hear SIGTERM; False where it is gone already."""
        name, kind = job["metadata"]["name"], job.get("kind", "Job")
        how = {"propagation_policy": "Foreground", **_AS_IT_IS}
        with _explained(f"deleting the {kind} {name}"):
            try:
                if kind == KIND:
                    self._custom.delete_namespaced_custom_object(GROUP, VERSION, self.namespace, JOBS, name, **how)
                else:
                    self._batch.delete_namespaced_job(name, self.namespace, **how)
            except ApiException as error:
                if error.status == 404:
                    return False
                raise
        return True

    def workloads(self, job: Job) -> list[Workload]:
        """Return what Kueue has made of a Job, oldest first; none where Kueue is not installed."""
        with _explained(f"asking Kueue about the Job {job['metadata']['name']}"):
            return workloads_of(self._custom, self.namespace, job)


@contextlib.contextmanager
def _explained(what: str) -> Iterator[None]:
    """Turn what the API refuses, or that it does not answer, into one message."""
    try:
        yield
    except ConfigException as error:
        raise InputError(
            f"{what}: no Kubernetes cluster is configured ({error}); set KUBECONFIG to that of Kubeflow's cluster"
        ) from error
    except (ApiException, urllib3.exceptions.HTTPError, OSError) as error:
        raise refusal(error, what, allowed_by=SUBMITTER) or _failure(error, what) from error


def _failure(error: Exception, what: str) -> Exception:
    if isinstance(error, ApiException) and error.status == 404:
        return InputError(f"{what}: not accepted ({answer_of(error)})")
    says = "responds" if isinstance(error, ApiException) else "does not respond:"
    return UnavailableError(f"{what}: the Kubernetes API {says} {answer_of(error)}; try again")
