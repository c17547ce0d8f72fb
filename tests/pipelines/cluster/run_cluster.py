"""The Jobs of a run for the stand-in of a cluster's API, as those who watch, scale and stop it ask for them.

Beside what ``JobsCluster`` keeps: completions change together with parallelism alone; what is deleted in the foreground
stands until its pods are gone; Kueue makes a Workload of an elastic Job for each of its sizes, admits it where there is
quota for all its pods, and refuses to change the size of a Job that it may admit in part.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from components.shared.jobs.body import LEAST_ANNOTATION, QUEUE_LABEL, Work, job_body
from components.shared.jobs.folder_names import FOLDER_LABEL, RUN_LABEL, STEP_LABEL, TASK_ANNOTATION, step_label
from components.shared.jobs.pod_hardware import Task
from components.shared.jobs.queue_holds import JOB_UID_LABEL
from components.shared.jobs.selected_jobs import JOB_LABEL
from components.shared.training.train_jobs import JOBSET_LABEL
from tests.components.shared.jobs.jobs_cluster import NO_SUCH_PATH, JobsCluster, Object
from tests.components.shared.jobs.jobs_server import answer, is_selected
from tests.components.shared.jobs.recorded_jobs import Answer, refusal
from tests.pipelines.cluster.conftest import RUN_ID, Server
from tests.pipelines.cluster.recorded import body_of, status_of

KINDS = {
    "/apis/batch/v1": "jobs",
    "/apis/kueue.x-k8s.io/v1beta2": "workloads",
    "/apis/trainer.kubeflow.org/v1alpha1": "trainjobs",
    "/api/v1": "pods",
}
PENDING = "insufficient unused quota for nvidia.com/gpu in flavor a100, 1 more needed"
NEVER = (
    "insufficient quota for nvidia.com/gpu in flavor a100, previously considered podsets requests (0) + current podset "
    "request (9) > maximum capacity (8)"
)
TASK = Task(gpus="1", cpu="1", memory="1Gi", ephemeral_storage="1Gi", shm="1Gi")


@dataclass
class RunCluster(JobsCluster):
    """A namespace with Jobs of a run, in Kueue's queue or not."""

    quota: int = 8  # pods that Kueue admits at once
    capacity: int = 8  # that it ever can
    lingering: int = 1  # listings for which a deleted object still stands
    has_trainer: bool = True
    train_jobs: dict[str, Object] = field(default_factory=dict)
    sizes: list[int] = field(default_factory=list)  # that Jobs were given
    on_list: Callable[[], None] = lambda: None
    server: Server = field(default_factory=Server)

    def serve(self, server: Server, namespace: str) -> None:
        """Answer a server's requests for what stands in a namespace."""
        self.server = server

        def part(request: str, query: Mapping[str, str], body: Any) -> Answer | None:
            method, _, path = request.partition(" ")
            if path == f"/api/v1/namespaces/{namespace}/events" and self.events:
                return 200, {"items": self.events}
            for prefix, kind in KINDS.items():
                place = f"{prefix}/namespaces/{namespace}/{kind}"
                of_task = kind == "pods" and not query.get("labelSelector", "").startswith((JOB_LABEL, JOBSET_LABEL))
                if (path == place or path.startswith(f"{place}/")) and not of_task:
                    self.asked.append((f"{method} {kind}", path, body))
                    return self._answer(method, kind, path.removeprefix(place).strip("/"), dict(query), body)
            return None

        server.parts.append(part)

    def add(
        self, step: str, pods: int = 2, *, run: str = RUN_ID, task: str = "", queue: str = "", least: int = 0
    ) -> Object:
        """Let a Job of a step run; in a queue, if there is quota."""
        fingerprint = f"{len(self.jobs):016x}"
        work = Work(
            name=f"{step_label(step)}-{fingerprint}-a1b2c3-0",
            step=step,
            size="inference",
            is_shared=True,
            image="registry/vllm:1",
            arguments=(),
            task=TASK,
            deadline_seconds=600,
            pods=pods,
            least_pods=least or pods,
            queue=queue,
            labels={STEP_LABEL: step_label(step), FOLDER_LABEL: f"{fingerprint}-a1b2c3", RUN_LABEL: run},
            annotations={FOLDER_LABEL: f"s3://bucket/runs/{step}/{fingerprint}", TASK_ANNOTATION: task},
        )
        assert self.create_job(job_body(work))[0] == 201
        if queue:
            self._queue(work.name)
        else:
            self.run_pods(work.name)
        return self.jobs[work.name]

    def play(self, situation: str, name: str) -> None:
        """Give a Job the state of a recorded one; its pods have its labels."""
        super().play(situation, name)
        for pod in self.pods.values():
            if pod["metadata"]["labels"][JOB_LABEL] == name:
                pod["metadata"]["labels"] |= self.jobs[name]["metadata"]["labels"]

    def patch_job(self, name: str, patch: Object) -> Answer:
        """Change a Job's size as Kubernetes and Kueue allow it."""
        spec = self.jobs[name]["spec"] | patch["spec"]
        metadata = self.jobs[name]["metadata"]
        if spec["completions"] not in (self.jobs[name]["spec"]["completions"], spec["parallelism"]):
            return refusal("error-422-immutable-completions", running_indexed=name)
        if LEAST_ANNOTATION in metadata.get("annotations", {}) and not spec["suspend"]:
            recording = "kueue/error-patch-parallelism-of-partial-admission"
            return status_of(recording), body_of(recording)
        answered = super().patch_job(name, patch)
        self.sizes.append(spec["parallelism"])
        if metadata["labels"].get(QUEUE_LABEL):
            self._queue(name)
        return answered

    def pending(self) -> list[Object]:
        """Return the Workloads that wait for quota."""
        return [each for each in self.workloads if not _holds(each, "Admitted")]

    def admit(self) -> None:
        """Look again at what is pending, as Kueue does when quota comes free."""
        for workload in self.pending():
            uid = workload["metadata"]["labels"][JOB_UID_LABEL]
            self._queue(next(name for name, job in self.jobs.items() if job["metadata"]["uid"] == uid))

    def _answer(self, method: str, kind: str, name: str, query: dict[str, str], body: Any) -> Answer:
        if self.refusals.get(f"{method} {kind}"):
            return self.refusals[f"{method} {kind}"][0]
        if kind == "trainjobs" and not self.has_trainer:
            return NO_SUCH_PATH
        objects = self.jobs if kind == "jobs" else self.train_jobs
        if method == "DELETE":
            return self._delete(objects, name, query)
        if name or method != "GET" or kind not in ("jobs", "trainjobs"):
            return answer(self, method, kind, name, query, body)
        self.on_list()
        of_trainer = {"items": [each for each in objects.values() if is_selected(each, query)]}
        listed = copy.deepcopy(of_trainer if kind == "trainjobs" else answer(self, method, kind, "", query, None)[1])
        self._end_what_is_deleted(objects)
        return 200, listed

    def _delete(self, objects: dict[str, Object], name: str, query: Mapping[str, str]) -> Answer:
        assert query["propagationPolicy"] == "Foreground", "its pods would be left, or be killed behind it"
        if name not in objects:
            return refusal("error-404-job", nosuch=name)
        objects[name]["metadata"] |= {"deletionTimestamp": "2026-11-30T08:00:00Z", "left": self.lingering}
        return 200, objects[name]

    def _end_what_is_deleted(self, objects: dict[str, Object]) -> None:
        for name, each in list(objects.items()):
            if "deletionTimestamp" in each["metadata"]:
                each["metadata"]["left"] = each["metadata"].get("left", self.lingering) - 1
                if each["metadata"]["left"] < 0:
                    self.remove(name) if objects is self.jobs else objects.pop(name)

    def _record(self, kind: str, job: Object) -> None:
        with self.lock:
            super()._record(kind, job)

    def _queue(self, name: str) -> None:
        """Make a Workload of a Job's size in place of the one that is pending, and admit it where that is possible."""
        job = self.jobs[name]
        uid, number = job["metadata"]["uid"], job["spec"]["parallelism"]
        of_job = [each for each in self.workloads if each["metadata"]["labels"][JOB_UID_LABEL] == uid]
        self.workloads = [each for each in self.workloads if each not in of_job or _holds(each, "Admitted")]
        before = next((each for each in of_job if _holds(each, "Admitted") and not _holds(each, "Finished")), None)
        workload = _workload(job, len(self.workloads))
        if number <= self.quota:
            if before is not None:
                before["status"]["conditions"].append(_condition("Finished", "WorkloadSliceReplaced"))
            workload["status"]["conditions"] = [_condition("QuotaReserved", ""), _condition("Admitted", "")]
            self.change_job(name, spec={"suspend": False})
        else:
            why = f"couldn't assign flavors to pod set main: {NEVER if number > self.capacity else PENDING}"
            workload["status"]["conditions"] = [_condition("QuotaReserved", why, holds=False)]
        self.workloads.append(workload)


def _workload(job: Object, number: int) -> Object:
    metadata = {
        "name": f"job-{job['metadata']['name']}-{number}",
        "creationTimestamp": f"2026-11-30T08:00:{number:02d}Z",
        "labels": {JOB_UID_LABEL: job["metadata"]["uid"]},
    }
    pod_sets = [{"name": "main", "count": job["spec"]["parallelism"]}]
    return {"metadata": metadata, "spec": {"podSets": pod_sets}, "status": {}}


def _condition(kind: str, message: str, *, holds: bool = True) -> Object:
    return {"type": kind, "status": str(holds), "reason": kind if holds else "Pending", "message": message}


def _holds(workload: Object, kind: str) -> bool:
    return any(each["type"] == kind and each["status"] == "True" for each in workload["status"]["conditions"])
