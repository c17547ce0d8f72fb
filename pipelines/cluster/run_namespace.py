"""The namespace of a run's pods and Jobs, as one look sees it: one connection, and its events are read at most once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import urllib3
from kubernetes import client
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException

from components.shared.jobs.folder_names import RUN_LABEL
from components.shared.jobs.job_reading import Job
from components.shared.jobs.selected_jobs import warnings_of
from components.shared.kubernetes_api import cause_of
from components.shared.training.train_jobs import GROUP, JOBS, VERSION
from pipelines.cluster.kubernetes_access import configure

TIMEOUT = (5, 60)  # seconds to connect and to read
NOT_SEEN = (ConfigException, ApiException, urllib3.exceptions.HTTPError, OSError)  # whatever a look may meet


@dataclass(frozen=True)
class RunNamespace:
    """A namespace of the cluster that ``configure`` finds.

    Its client does not try again: whoever asks knows more without, or asks once more. Finding the cluster may ask a
    cloud for a token, so a look does that once.
    """

    name: str

    @cached_property
    def api(self) -> client.ApiClient:
        """The connection; ConfigException where no cluster is configured."""
        configure()
        configuration = client.Configuration.get_default_copy()
        configuration.retries = False
        return client.ApiClient(configuration)

    @cached_property
    def warnings(self) -> dict[str, str]:
        """The last warning about each object, by its name; none where events may not be read."""
        try:
            return warnings_of(client.CoreV1Api(self.api), self.name)
        except ApiException:
            return {}

    def jobs(self, run_id: str) -> list[Job]:
        """Return a run's Jobs, those that have ended among them, oldest first."""
        of_run = {"label_selector": f"{RUN_LABEL}={run_id}"}
        jobs = items_of(client.BatchV1Api(self.api).list_namespaced_job, self.name, **of_run)
        return sorted(jobs, key=lambda job: (job["metadata"].get("creationTimestamp", ""), job["metadata"]["name"]))

    def train_jobs(self, run_id: str) -> list[Job]:
        """Return a run's TrainJobs, oldest first; none where there is no Kubeflow Trainer, or they may not be read."""
        try:
            found = client.CustomObjectsApi(self.api).list_namespaced_custom_object(
                GROUP, VERSION, self.name, JOBS, label_selector=f"{RUN_LABEL}={run_id}", _request_timeout=TIMEOUT
            )
        except ApiException as error:
            if error.status not in (401, 403, 404):
                raise
            return []
        return sorted(found["items"], key=lambda job: str(job["metadata"].get("creationTimestamp", "")))


def items_of(call: Any, *arguments: str, **options: Any) -> list[dict[str, Any]]:
    """Return what a call of the client lists, as the API has it."""
    answer = call(*arguments, _preload_content=False, _request_timeout=TIMEOUT, **options)
    items: list[dict[str, Any]] = json.loads(answer.data)["items"]
    return items


def why_not_seen(error: Exception) -> str:
    """Return in a few words why a look (NOT_SEEN) saw nothing."""
    if isinstance(error, ConfigException):
        return "no Kubernetes cluster is configured"
    if isinstance(error, ApiException):
        return f"the Kubernetes API responds {error.status} {error.reason}"
    return f"the Kubernetes API does not respond ({cause_of(error)})"
