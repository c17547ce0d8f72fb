"""Jobs that have a label, as the Kubernetes API shows and takes them: list, create, follow, move the deadline, delete.

Read with rights of one Role (scalequest-step); what it may lack (events, workloads, logs) is optional.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any

import urllib3
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from components.shared import stopping
from components.shared.errors import InputError
from components.shared.jobs.job_profiles import CONFIG_MAP
from components.shared.jobs.job_reading import Job, Seen, is_held, is_suspended
from components.shared.jobs.pod_endings import Pod
from components.shared.jobs.pod_holds import last_warnings
from components.shared.jobs.queue_holds import JOB_UID_LABEL, Workload
from components.shared.kubernetes_api import TIMEOUT, answer_of, ask_or_none

JOB_LABEL = "batch.kubernetes.io/job-name"
KUEUE, KUEUE_VERSIONS = "kueue.x-k8s.io", ("v1beta2", "v1beta1")
EVENTS_A_PAGE, PAGES = 1000, 10  # in the order of their names, not of time
logger = logging.getLogger(__name__)


def workloads_of(api: client.CustomObjectsApi, namespace: str, job: Job) -> list[Workload]:
    """Return what Kueue has made of a Job, oldest first; none where no version of it that we know is installed."""
    selector = f"{JOB_UID_LABEL}={job['metadata']['uid']}"
    for version in KUEUE_VERSIONS:
        place = (KUEUE, version, namespace, "workloads")
        try:
            found = api.list_namespaced_custom_object(*place, label_selector=selector, _request_timeout=TIMEOUT)
        except ApiException as error:
            if error.status != 404:
                raise
            continue
        return sorted(found["items"], key=lambda each: str(each["metadata"].get("creationTimestamp", "")))
    return []


def warnings_of(api: client.CoreV1Api, namespace: str) -> dict[str, str]:
    """Return the last warning about each object of a namespace by its name; ApiException where they may not be read."""
    events: list[dict[str, Any]] = []
    following: dict[str, str] = {}
    for _ in range(PAGES):
        answer = api.list_namespaced_event(
            namespace, field_selector="type=Warning", limit=EVENTS_A_PAGE, **following, **_RAW
        )
        page = json.loads(answer.data)
        events += page["items"]
        following = {"_continue": (page.get("metadata") or {}).get("continue") or ""}
        if not following["_continue"]:
            break
    return last_warnings(events)


class SelectedJobs:
    """The Jobs of a namespace that a selector of labels finds."""

    def __init__(self, namespace: str, selector: str, *, allowed_by: str) -> None:
        """``allowed_by``: what gives an account the rights to all this, for messages."""
        self.namespace = namespace
        self.now = datetime.now(UTC)  # by the API server's clock, which also Jobs' deadlines go by
        self._selector, self._allowed_by = selector, allowed_by
        self._batch, self._core, self._any = client.BatchV1Api(), client.CoreV1Api(), client.CustomObjectsApi()

    def standing(self, *, at: str = "") -> list[Job]:
        """Return the Jobs, ended ones among them: now, or as they were at a version that is not minutes old."""
        version = {"resource_version": at, "resource_version_match": "Exact"} if at else {}
        jobs: list[Job] = self._ask(
            f"looking for the Jobs with {self._selector}",
            lambda: self._batch.list_namespaced_job(self.namespace, label_selector=self._selector, **version, **_RAW),
        )["items"]
        return jobs

    def create(self, body: Mapping[str, Any]) -> Job | None:
        """Create a Job and return it; None if one of that name stands."""
        job: Job | None = self._ask(
            f"creating the Job {body['metadata']['name']} in {self.namespace}",
            lambda: self._batch.create_namespaced_job(self.namespace, body, **_RAW),
            none_for=(409,),
        )
        return job

    def delete(self, job: Job) -> bool:
        """Delete a Job and its pods; False if it changed meanwhile, or is gone: look again."""
        metadata = job["metadata"]
        version = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
        body = {"propagationPolicy": "Background", "preconditions": version}
        name = metadata["name"]
        deleted = self._ask(
            f"deleting the Job {name}",
            lambda: self._batch.delete_namespaced_job(name, self.namespace, body=body, **_RAW),
            none_for=(404, 409),
        )
        return deleted is not None

    def look(self, name: str) -> Seen | None:
        """Return what there is to see of a Job, and of what it waits for; None if it is gone."""
        job = self._ask(
            f"reading the Job {name}",
            lambda: self._batch.read_namespaced_job(name, self.namespace, **_RAW),
            none_for=(404,),
        )
        if job is None:
            return None
        pods = self._pods(name)
        if not is_held(job, pods):
            return Seen(job=job, pods=pods)
        warnings = {} if is_suspended(job) else self._warnings()  # a queue says in its Workloads what it waits for
        return Seen(job=job, pods=pods, workloads=self._workloads(job), warnings=warnings)

    def move_deadline(self, job: Job, seconds: int) -> bool:
        """Let a Job end that many seconds after its start; False if it changed meanwhile: look again.

        Nothing else of its spec is ever changed. Its version goes with the change: a Job that was resumed meanwhile has
        another start.
        """
        metadata = {"resourceVersion": job["metadata"]["resourceVersion"]}
        patch = {"metadata": metadata, "spec": {"activeDeadlineSeconds": seconds}}
        name = job["metadata"]["name"]
        moved = self._ask(
            f"moving the deadline of the Job {name}",
            lambda: self._batch.patch_namespaced_job(name, self.namespace, patch, **_RAW),
            none_for=(404, 409),
        )
        return moved is not None

    def adopt(self, name: str, follower: Mapping[str, Any]) -> None:
        """Add to a Job's metadata whose task follows it; it is followed without that, too.

        It may be gone or being changed (404, 409). And a cluster may let only those change owners who may delete the
        object (OwnerReferencesPermissionEnforcement), which an older Role of runs did not let them.
        """
        call = partial(self._batch.patch_namespaced_job, name, self.namespace, {"metadata": follower}, **_RAW)
        try:
            self._ask(f"becoming an owner of the Job {name}", call)
        except (ApiException, InputError) as error:
            logger.info("the Job %s stays that of the run which made it: %s", name, error)

    def wait_for_change(self, job: Job, seconds: int) -> None:
        """Return as soon as a Job changes, at the latest after some seconds: a watch may end at any time."""
        metadata = job["metadata"]
        try:
            answer = self._batch.list_namespaced_job(
                self.namespace, field_selector=f"metadata.name={metadata['name']}", watch=True,
                resource_version=metadata["resourceVersion"], timeout_seconds=seconds, _preload_content=False,
                _request_timeout=(TIMEOUT[0], seconds + TIMEOUT[0]),
            )  # fmt: skip
            with contextlib.closing(answer):
                next(answer.stream(amt=1), b"")
        except (ApiException, urllib3.exceptions.HTTPError) as error:
            logger.debug("the watch of the Job %s ended: %s", metadata["name"], answer_of(error))
            stopping.sleep(seconds)

    def profiles(self) -> dict[str, str]:
        """Return the files of the namespace's hardware profiles; InputError if it has none."""
        found = self._ask(
            f"reading the ConfigMap {CONFIG_MAP}",
            lambda: self._core.read_namespaced_config_map(CONFIG_MAP, self.namespace, **_RAW),
            none_for=(404,),
        )
        if found is None:
            raise InputError(
                f"there is no ConfigMap {CONFIG_MAP} in the namespace {self.namespace}; the Helm chart and "
                "manifests/base make it; or give the profile itself, in JSON"
            )
        return {str(name): str(text) for name, text in (found.get("data") or {}).items()}

    def last_lines(self, pod: Pod, number: int) -> str:
        """Return the last lines of a pod's log, "" where it cannot be read."""
        name = pod["metadata"]["name"]
        try:
            answer = self._core.read_namespaced_pod_log(name, self.namespace, tail_lines=number, **_RAW)
            return bytes(answer.data).decode(errors="replace").strip()
        except (ApiException, urllib3.exceptions.HTTPError):
            return ""

    def _pods(self, name: str) -> list[Pod]:
        """Return a Job's pods; its state can be told without them, if not so well."""
        pods: list[Pod] = self._ask(
            f"listing the pods of the Job {name}",
            lambda: self._core.list_namespaced_pod(self.namespace, label_selector=f"{JOB_LABEL}={name}", **_RAW),
        )["items"]
        return pods

    def _workloads(self, job: Job) -> list[Workload]:
        try:
            return workloads_of(self._any, self.namespace, job)
        except (ApiException, urllib3.exceptions.HTTPError) as error:
            logger.debug("workloads: %s", answer_of(error))
            return []

    def _warnings(self) -> dict[str, str]:
        try:
            return warnings_of(self._core, self.namespace)
        except (ApiException, urllib3.exceptions.HTTPError) as error:
            logger.debug("events: %s", answer_of(error))
            return {}

    def _ask(self, what: str, call: Callable[[], Any], *, none_for: Collection[int] = ()) -> Any:
        """Return the content of an answer, None for a status of ``none_for``; note what time it is there."""

        def answered() -> tuple[str, Any]:
            answer = call()
            return answer.headers.get("Date") or "", json.loads(answer.data)

        answer = ask_or_none(what, answered, none_for, allowed_by=self._allowed_by)
        if answer is None:
            return None
        date, content = answer
        self.now = parsedate_to_datetime(date) if date else datetime.now(UTC)
        return content


_RAW: dict[str, Any] = {"_preload_content": False, "_request_timeout": TIMEOUT}
