"""Jobs of the shape that a run makes, which run a shell's few words in place of a step."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from components.shared.images import image
from components.shared.jobs.body import Work, job_body
from components.shared.jobs.folder_names import FOLDER_LABEL, RUN_LABEL, STEP_LABEL
from components.shared.jobs.job_reading import Seen, end_of_job, state_of_job
from components.shared.jobs.pod_endings import Pod, terminated
from components.shared.jobs.pod_hardware import Task
from components.shared.jobs.selected_jobs import JOB_LABEL, SelectedJobs
from pipelines.cluster.jobs_api import RunJobs
from pipelines.cluster.run_namespace import items_of

TASK = Task(gpus="0", cpu="50m", memory="128Mi", ephemeral_storage="64Mi", shm="16Mi")
# Says what a step says when it is stopped, and ends as a step does then.
UNTIL_STOPPED = 'trap "echo stopped as asked > /dev/termination-log; exit 143" TERM; sleep 3600 & wait $!'


@dataclass
class CheckedJobs:
    """The Jobs that the checks make in a namespace, as one run of their own."""

    namespace: str
    sleep: Callable[[float], None] = time.sleep
    run: str = field(default_factory=lambda: f"e2e-{uuid.uuid4().hex[:8]}")

    def __post_init__(self) -> None:
        self._jobs = SelectedJobs(self.namespace, f"{FOLDER_LABEL}={self.run}", allowed_by="")
        self._core = client.CoreV1Api()
        self._of_run = RunJobs(self.run, self.namespace)

    def start(self, name: str, words: str, *, pods: int = 1, deadline: int = 600, retries: int = 1) -> str:
        """Make a Job whose pods run a shell with these words; return its name."""
        name = f"{self.run}-{name}"
        body = job_body(
            Work(
                name=name,
                step="generate_questions",
                size="cpu",
                is_shared=True,
                image=image("cpu"),
                arguments=(),
                task=TASK,
                deadline_seconds=deadline,
                pods=pods,
                least_pods=pods,
                labels={RUN_LABEL: self.run, STEP_LABEL: "generate-questions", FOLDER_LABEL: self.run},
                annotations={FOLDER_LABEL: f"{self.run}/{name}"},
            )
        )
        body["spec"]["backoffLimitPerIndex"] = retries  # each try waits longer: six take an hour
        body["spec"]["template"]["spec"]["containers"][0] |= {"command": ["sh", "-c", words], "args": []}
        assert self._jobs.create(body), f"{name} exists"
        return name

    def look(self, name: str) -> Seen:
        """Return what there is to see of a Job."""
        seen = self._jobs.look(name)
        assert seen is not None, f"the Job {name} is gone"
        return seen

    def until(self, what: str, name: str, holds: Callable[[Seen], bool], seconds: float = 300) -> Seen:
        """Return a Job as soon as something holds of it; AssertionError, with what is to be seen, if that never is."""
        deadline = time.monotonic() + seconds
        while not holds(seen := self.look(name)):
            state = state_of_job(seen)
            told = f"{state.phase}: {state.told}{f' ({state.remedy})' if state.remedy else ''}"
            assert time.monotonic() < deadline, f"{name}: {what} not within {seconds:.0f} s; {told}"
            self.sleep(1.0)
        return seen

    def until_ended(self, name: str, seconds: float = 300) -> Seen:
        """Return a Job as soon as it has ended."""
        return self.until("its end", name, lambda seen: bool(end_of_job(seen.job)), seconds)

    def scale(self, name: str, pods: int) -> None:
        """Give a Job another number of pods, as `scalequest scale` does."""
        self._of_run.scale(self.look(name).job, pods)

    def evict(self, pod: Pod) -> None:
        """Take a pod away as a drained node does."""
        metadata = {"name": pod["metadata"]["name"], "namespace": self.namespace}
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
        self._core.create_namespaced_pod_eviction(metadata["name"], self.namespace, body, _preload_content=False)

    def kill(self, pod: Pod) -> None:
        """Let a pod vanish, as with its node."""
        options = {"grace_period_seconds": 0, "_preload_content": False}
        self._core.delete_namespaced_pod(pod["metadata"]["name"], self.namespace, **options)

    def living_pods(self, run: str) -> list[str]:
        """Return the names of the pods of a run's Jobs that have not ended."""
        selectors = [f"{JOB_LABEL}={job['metadata']['name']}" for job in RunJobs(run, self.namespace).jobs()]
        list_pods = self._core.list_namespaced_pod
        pods = [pod for each in selectors for pod in items_of(list_pods, self.namespace, label_selector=each)]
        return [pod["metadata"]["name"] for pod in pods if pod["status"].get("phase") in ("Pending", "Running")]

    def clean_up(self) -> int:
        """Delete what was made; return how many Jobs that were."""
        return sum(self._of_run.delete(job) for job in self._of_run.jobs())


def running(seen: Seen) -> list[Pod]:
    """Return the pods of a Job that run and are not being ended."""
    return [
        pod
        for pod in seen.pods
        if pod["status"].get("phase") == "Running"
        and not terminated(pod)
        and not pod["metadata"].get("deletionTimestamp")
    ]


def said(pod: Pod) -> str:
    """Return a pod's last words."""
    return str(terminated(pod).get("message") or "").strip()


def is_there(read: Callable[..., Any], name: str, namespace: str) -> bool:
    """Tell whether an object stands."""
    try:
        read(name, namespace, _preload_content=False)
    except ApiException as error:
        if error.status == 404:
            return False
        raise
    return True


def counted(job: Mapping[str, Any]) -> int:
    """Return how many pods a Job counts as failed."""
    return int(job.get("status", {}).get("failed") or 0)
