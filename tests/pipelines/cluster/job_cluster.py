"""The Jobs of a namespace for the stand-in of a cluster's API, by the rules of Kubernetes 1.34 and Kueue 0.19.

Jobs are listed by label and patched field by field; completions change together with parallelism alone; what is deleted
in the foreground stands until its pods are gone. Kueue makes a Workload of an elastic Job for each of its sizes, admits
it where there is quota for all its pods, and refuses to change the size of a Job that it admitted in part.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from components.shared.jobs.body import ELASTIC_ANNOTATION, LEAST_ANNOTATION, QUEUE_LABEL
from components.shared.jobs.coordinator import RUN_LABEL
from components.shared.jobs.queue_holds import JOB_UID_LABEL
from tests.pipelines.cluster.conftest import RUN_ID, Server
from tests.pipelines.cluster.recorded import body_of, status_of

Object = dict[str, Any]
Answer = tuple[int, Any]
NO_SUCH_PATH: Answer = (404, "404 page not found\n")
PENDING = "insufficient unused quota for nvidia.com/gpu in flavor a100, 1 more needed"
NEVER = (
    "insufficient quota for nvidia.com/gpu in flavor a100, previously considered podsets requests (0) + current podset "
    "request (9) > maximum capacity (8)"
)


@dataclass
class JobCluster:
    """What stands in a namespace, and what its quota is."""

    server: Server
    namespace: str
    quota: int = 8  # pods that Kueue admits at once
    capacity: int = 8  # that it ever can
    lingering: int = 1  # listings for which a deleted object still stands
    has_trainer: bool = True
    jobs: dict[str, Object] = field(default_factory=dict)
    train_jobs: dict[str, Object] = field(default_factory=dict)
    workloads: list[Object] = field(default_factory=list)
    refusals: dict[str, Answer] = field(default_factory=dict)  # by "PATCH jobs"
    asked: list[str] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)  # that Jobs were given
    on_list: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.server.parts.append(self._answer)

    def add(self, step: str, pods: int, **changes: Any) -> Object:
        """Let a Job of the run stand."""
        job = job_of(step, pods, number=len(self.jobs), **changes)
        self.jobs[job["metadata"]["name"]] = job
        if job["metadata"]["labels"].get(QUEUE_LABEL):
            self._queue(job)
        return job

    def _answer(self, request: str, query: Mapping[str, str], body: Any) -> Answer | None:
        method, _, path = request.partition(" ")
        groups = {
            "batch/v1": "jobs",
            "kueue.x-k8s.io/v1beta2": "workloads",
            "trainer.kubeflow.org/v1alpha1": "trainjobs",
        }
        for group, kind in groups.items():
            place = f"/apis/{group}/namespaces/{self.namespace}/{kind}"
            if path == place or path.startswith(f"{place}/"):
                self.asked.append(f"{method} {kind}")
                if f"{method} {kind}" in self.refusals:
                    return self.refusals[f"{method} {kind}"]
                return self._object(method, kind, path.removeprefix(place).strip("/"), query, body)
        return None

    def _object(self, method: str, kind: str, name: str, query: Mapping[str, str], body: Any) -> Answer:
        if kind == "workloads":
            return 200, {"items": _selected(self.workloads, query)}
        if kind == "trainjobs" and not self.has_trainer:
            return NO_SUCH_PATH
        objects = self.jobs if kind == "jobs" else self.train_jobs
        if not name:
            self.on_list()
            listed = {"kind": "List", "items": _selected(objects.values(), query)}
            self._end_what_is_deleted(objects)
            return 200, copy.deepcopy(listed)
        if name not in objects:
            return 404, body_of("jobs/error-404-job")
        if method == "DELETE":
            assert query["propagationPolicy"] == "Foreground", "its pods would be left, or be killed behind it"
            objects[name]["metadata"] |= {"deletionTimestamp": "2026-11-30T08:00:00Z", "left": self.lingering}
        if method == "PATCH":
            return self._patch(objects[name], body["spec"])
        return 200, objects[name]

    def _end_what_is_deleted(self, objects: dict[str, Object]) -> None:
        for name, each in list(objects.items()):
            if "deletionTimestamp" in each["metadata"]:
                each["metadata"]["left"] -= 1
                if each["metadata"]["left"] < 0:
                    del objects[name]

    def _patch(self, job: Object, changes: Mapping[str, Any]) -> Answer:
        assert changes.keys() <= {"parallelism", "completions", "activeDeadlineSeconds"}, "immutable"
        spec = job["spec"] | dict(changes)
        if spec["completions"] not in (job["spec"]["completions"], spec["parallelism"]):
            name = "jobs/error-422-immutable-completions"
            return status_of(name), body_of(name)
        if LEAST_ANNOTATION in job["metadata"]["annotations"] and not spec["suspend"]:
            name = "kueue/error-patch-parallelism-of-partial-admission"
            return status_of(name), body_of(name)
        job["spec"] = spec
        self.sizes.append(spec["parallelism"])
        if job["metadata"]["labels"].get(QUEUE_LABEL):
            assert job["metadata"]["annotations"].get(ELASTIC_ANNOTATION) == "true", "Kueue would restart every pod"
            self._queue(job)
        return 200, job

    def _queue(self, job: Object) -> None:
        """Make a Workload of a Job's size in place of the one that is pending, and admit it where that is possible."""
        uid, number = job["metadata"]["uid"], job["spec"]["parallelism"]
        own = [
            each
            for each in self.workloads
            if each["metadata"]["labels"][JOB_UID_LABEL] == uid and not _is(each, "Finished")
        ]
        self.workloads = [each for each in self.workloads if each not in own or _is(each, "Admitted")]
        admitted = next((each for each in own if _is(each, "Admitted")), None)
        workload = _workload(job, len(self.workloads))
        if number <= self.quota:
            if admitted is not None:
                admitted["status"]["conditions"].append(_condition("Finished", "WorkloadSliceReplaced"))
            workload["status"]["conditions"] = [_condition("QuotaReserved", ""), _condition("Admitted", "")]
            job["spec"]["suspend"] = False
        else:
            why = f"couldn't assign flavors to pod set main: {NEVER if number > self.capacity else PENDING}"
            workload["status"]["conditions"] = [_condition("QuotaReserved", why, holds=False)]
        self.workloads.append(workload)

    def pending(self) -> list[Object]:
        """Return the Workloads that wait for quota."""
        return [each for each in self.workloads if not _is(each, "Admitted")]


def job_of(step: str, pods: int, *, number: int = 0, run: str = RUN_ID, queue: str = "", **changes: Any) -> Object:
    """Return a Job as the API lists it; ``changes``: ``annotations``, ``spec``, ``status``."""
    label, fingerprint = step.replace("_", "-"), f"{number:016x}"
    name = f"{label}-{fingerprint}-a1b2c3-0"
    labels = {RUN_LABEL: run, "scalequest.dev/step": label, "scalequest.dev/folder": f"{fingerprint}-a1b2c3"}
    annotations = {"scalequest.dev/folder": f"s3://bucket/runs/{step}/{fingerprint}"} | changes.get("annotations", {})
    spec = {"parallelism": pods, "completions": pods, "completionMode": "Indexed", "suspend": False}
    return {
        "metadata": {
            "name": name,
            "uid": f"uid-of-{name}",
            "creationTimestamp": f"2026-11-30T08:{number:02d}:00Z",
            "labels": labels | ({QUEUE_LABEL: queue} if queue else {}),
            "annotations": annotations
            | ({ELASTIC_ANNOTATION: "true"} if queue and LEAST_ANNOTATION not in annotations else {}),
        },
        "spec": spec | changes.get("spec", {}),
        "status": changes.get("status", {"active": pods, "ready": pods}),
    }


def ended(kind: str) -> Object:
    """Return the status of a Job that has ended: "Complete" or "Failed"."""
    return {"conditions": [{"type": kind, "status": "True", "reason": "Test", "message": "as it is"}]}


def _workload(job: Object, number: int) -> Object:
    metadata = {
        "name": f"job-{job['metadata']['name']}-{number}",
        "creationTimestamp": f"2026-11-30T08:00:{number:02d}Z",
        "labels": {JOB_UID_LABEL: job["metadata"]["uid"]},
    }
    pod_sets = [{"name": "main", "count": job["spec"]["parallelism"]}]
    return {"metadata": metadata, "spec": {"podSets": pod_sets}, "status": {}}


def _condition(kind: str, message: str, *, holds: bool = True) -> Object:
    return {"type": kind, "status": str(holds), "reason": "Pending" if not holds else kind, "message": message}


def _is(workload: Object, kind: str) -> bool:
    return any(each["type"] == kind and each["status"] == "True" for each in workload["status"]["conditions"])


def _selected(objects: Any, query: Mapping[str, str]) -> list[Object]:
    wanted = [each.split("=") for each in query.get("labelSelector", "").split(",") if each]
    return [each for each in objects if all(each["metadata"]["labels"].get(key) == value for key, value in wanted)]
