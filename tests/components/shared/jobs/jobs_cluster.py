"""A namespace with Jobs, as far as a coordinator asks for it; ``jobs_server`` serves it.

It keeps Kubernetes' rules: names are taken once, versions go up, a change of a version that is not the present one is
refused, a Job's template and completions never change, a deadline counts from the start, which a suspension takes away.
What the Job's controller, Kueue and the kubelets do, a test does by the methods; time passes by ``advance`` alone,
where ``clock`` is set.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.components.shared.jobs.recorded_jobs import Answer, recorded, refusal

NAMESPACE = "team-a"
OWN_POD = "generate-executor-1"
NO_SUCH_PATH = (404, "404 page not found\n")
QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
JOB_NAME, JOB_UID = "batch.kubernetes.io/job-name", "kueue.x-k8s.io/job-uid"
INDEX = "batch.kubernetes.io/job-completion-index"
CHANGEABLE = {"activeDeadlineSeconds", "parallelism", "completions", "suspend"}

Object = dict[str, Any]


@dataclass
class JobsCluster:
    """What stands in the namespace, what was asked, and what is to go wrong."""

    clock: datetime | None = None  # None: real time
    jobs: dict[str, Object] = field(default_factory=dict)
    pods: dict[str, Object] = field(default_factory=dict)
    events: list[Object] = field(default_factory=list)
    workloads: list[Object] = field(default_factory=list)
    config_maps: dict[str, Object] = field(default_factory=dict)
    logs: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str, Any]] = field(default_factory=list)  # verb and kind, name, body
    refusals: dict[str, list[Answer]] = field(default_factory=dict)  # of the next such requests
    broken_watches: list[str] = field(default_factory=list)  # how the next ones end: "gone", "at once", "cut"
    has_kueue: bool = True
    changes: list[tuple[int, str, Object]] = field(default_factory=list)
    version: int = 100
    lock: threading.Condition = field(default_factory=threading.Condition)
    on_create: Callable[[str], None] = lambda name: None

    @property
    def now(self) -> datetime:
        """The time by the cluster's clock."""
        return self.clock or datetime.now(UTC)

    def advance(self, seconds: float) -> None:
        """Let time pass; Jobs whose deadline passes fail, as their controller has it."""
        assert self.clock is not None
        self.clock += timedelta(seconds=seconds)
        self.end_late()

    def end_late(self) -> None:
        """End the Jobs whose deadline has passed."""
        for name, job in self.jobs.items():
            if self.is_live(name) and (left := self.seconds_left(job)) is not None and left <= 0:
                self.fail(name, "DeadlineExceeded", "Job was active longer than specified deadline")

    def seconds_left(self, job: Object) -> float | None:
        """Return the seconds to a Job's deadline; None while its clock stands still."""
        start = job["status"].get("startTime")
        if job["spec"].get("suspend") or not start or "activeDeadlineSeconds" not in job["spec"]:
            return None
        end = datetime.fromisoformat(start) + timedelta(seconds=job["spec"]["activeDeadlineSeconds"])
        return (end - self.now).total_seconds()

    def is_live(self, name: str) -> bool:
        """Tell whether a Job works, or will."""
        job = self.jobs[name]
        ends = [each for each in job["status"].get("conditions", []) if each["type"] in ("Complete", "Failed")]
        return not ends and "deletionTimestamp" not in job["metadata"]

    @property
    def live(self) -> list[str]:
        """The names of the Jobs that are live."""
        return [name for name in self.jobs if self.is_live(name)]

    def count(self, request: str) -> int:
        """Return how often something was asked: "POST jobs"."""
        return sum(asked == request for asked, _, _ in self.asked)

    def await_asked(self, request: str, count: int = 1, seconds: float = 60.0) -> None:
        """Return once something was asked so often."""
        with self.lock:
            assert self.lock.wait_for(lambda: self.count(request) >= count, seconds), self.asked

    # What the controllers do.

    def run_pods(self, name: str, phase: str = "Running") -> None:
        """Let a Job's missing pods stand."""
        with self.lock:
            job = self.jobs[name]
            for index in range(job["spec"].get("parallelism", 1)):
                if f"{name}-{index}" not in self.pods:
                    self._add_pod(job, index, phase)
            self.change_job(name, status={"active": job["spec"].get("parallelism", 1)})

    def end_pod(self, pod: str, code: int, message: str = "", reason: str = "Error") -> None:
        """Let a pod's container end."""
        with self.lock:
            end = {"exitCode": code, "reason": reason, "finishedAt": _stamp(self.now)}
            state = {"terminated": end | ({"message": message} if message else {})}
            self.pods[pod]["status"] |= {
                "phase": "Failed" if code else "Succeeded",
                "containerStatuses": [{"name": "step", "image": "i", "state": state}],
            }
            self.lock.notify_all()

    def complete(self, name: str) -> None:
        """End a Job well."""
        with self.lock:
            for pod in self._pods_of(name):
                self.end_pod(pod, 0, reason="Completed")
            succeeded = self.jobs[name]["spec"].get("completions", 1)
            self._end(name, "Complete", "CompletionsReached", "Reached expected number of succeeded pods", succeeded)

    def fail(self, name: str, reason: str, message: str = "as it is") -> None:
        """End a Job badly; with its deadline its pods are gone."""
        with self.lock:
            if reason == "DeadlineExceeded":
                self._remove_pods(name)
            self._end(name, "Failed", reason, message, 0)

    def suspend(self, name: str) -> None:
        """Take a Job's pods and its clock away, as Kueue does when it preempts."""
        with self.lock:
            self._remove_pods(name)
            conditions = [_condition("Suspended", "JobSuspended", "Job suspended")]
            job = self.jobs[name]
            job["status"].pop("startTime", None)
            self.change_job(name, spec={"suspend": True}, status={"conditions": conditions})

    def resume(self, name: str) -> None:
        """Let a Job begin, as Kueue does when it admits: its clock begins anew."""
        with self.lock:
            status = {"startTime": _stamp(self.now), "conditions": []}
            self.change_job(name, spec={"suspend": False}, status=status)
            for workload in self.workloads:
                if workload["metadata"]["labels"][JOB_UID] == self.jobs[name]["metadata"]["uid"]:
                    workload["status"] = {"conditions": [_condition("Admitted", "Admitted", "is admitted")]}

    def remove(self, name: str) -> None:
        """Take a Job and its pods away."""
        with self.lock:
            self._remove_pods(name)
            self._record("DELETED", self.jobs.pop(name))

    def begin_removal(self, name: str) -> None:
        """Let a Job be deleted in the foreground: it stays until its pods are gone."""
        with self.lock:
            self.jobs[name]["metadata"]["deletionTimestamp"] = _stamp(self.now)
            self.change_job(name)

    def play(self, situation: str, name: str) -> None:
        """Give a Job the state, pods, events and Workloads of a recorded one."""
        seen = recorded(situation)
        with self.lock:
            old, job = seen["job"]["metadata"], self.jobs[name]
            self._remove_pods(name)
            start = {"startTime": _stamp(self.now)} if "startTime" in seen["job"]["status"] else {}
            job["status"] = seen["job"]["status"] | start
            keys = ("suspend", "parallelism", "completions")
            self.change_job(name, spec={key: seen["job"]["spec"][key] for key in keys if key in seen["job"]["spec"]})
            for pod in seen["pods"]:
                pod["metadata"]["labels"][JOB_NAME] = name
                pod["metadata"]["name"] = pod["metadata"]["name"].replace(old["name"], name)
                self.pods[pod["metadata"]["name"]] = pod
            self.events = seen["events"]
            for event in self.events:
                event["involvedObject"]["name"] = event["involvedObject"]["name"].replace(old["name"], name)
            self.workloads = seen["workloads"]
            for workload in self.workloads:
                workload["metadata"]["labels"][JOB_UID] = job["metadata"]["uid"]

    def change_job(self, name: str, spec: Object | None = None, status: Object | None = None) -> None:
        """Change a Job, which gets its next version."""
        with self.lock:
            job = self.jobs[name]
            job["spec"] |= spec or {}
            job["status"] |= status or {}
            self._record("MODIFIED", job)

    # What the API server does.

    def jobs_at(self, version: int) -> dict[str, Object]:
        """Return the Jobs as they were at a version."""
        last = {job["metadata"]["name"]: (kind, job) for at, kind, job in self.changes if at <= version}
        return {name: job for name, (kind, job) in last.items() if kind != "DELETED"}

    def create_job(self, body: Object) -> Answer:
        """Create a Job; with the label of a queue, Kueue suspends it at once."""
        name = body["metadata"]["name"]
        if name in self.jobs:
            return refusal("error-409-already-exists", running_indexed=name)
        job = copy.deepcopy(body)
        stamp = _stamp(self.now)
        job["metadata"] |= {"uid": f"uid-{self.version}", "creationTimestamp": stamp, "namespace": NAMESPACE}
        queued = self.has_kueue and QUEUE_LABEL in job["metadata"].get("labels", {})
        job["spec"]["suspend"] = queued
        job["status"] = {"failedIndexes": "", "ready": 0} | ({} if queued else {"startTime": stamp})
        self.jobs[name] = job
        self._record("ADDED", job)
        self.on_create(name)
        return 201, copy.deepcopy(job)

    def patch_job(self, name: str, patch: Object) -> Answer:
        """Change a Job as a merge patch says, if that may be changed and nobody else did."""
        if name not in self.jobs:
            return refusal("error-404-job", nosuch=name)
        job = self.jobs[name]
        wanted = patch.get("metadata", {}).get("resourceVersion", job["metadata"]["resourceVersion"])
        if wanted != job["metadata"]["resourceVersion"]:
            return refusal("error-409-conflict-resource-version", running_indexed=name)
        spec = patch.get("spec", {})
        if set(spec) - CHANGEABLE:
            return refusal("error-422-immutable-template", running_indexed=name)
        if spec.get("activeDeadlineSeconds", 0) < 0:
            return refusal("error-422-deadline-negative", running_indexed=name)
        _merge_metadata(job["metadata"], patch.get("metadata", {}))
        self.change_job(name, spec=spec)
        return 200, copy.deepcopy(job)

    def delete_job(self, name: str, options: Object) -> Answer:
        """Delete a Job and its pods, if it is still the one that was meant."""
        if name not in self.jobs:
            return refusal("error-404-job", nosuch=name)
        metadata = self.jobs[name]["metadata"]
        if any(metadata[key] != wanted for key, wanted in options.get("preconditions", {}).items()):
            return refusal("error-409-conflict-resource-version", running_indexed=name)
        self.remove(name)
        return 200, {"kind": "Status", "status": "Success"}

    def _pods_of(self, name: str) -> list[str]:
        return [pod for pod, content in self.pods.items() if content["metadata"]["labels"].get(JOB_NAME) == name]

    def _remove_pods(self, name: str) -> None:
        for pod in self._pods_of(name):
            del self.pods[pod]

    def _end(self, name: str, kind: str, reason: str, message: str, succeeded: int) -> None:
        conditions = [_condition(kind, reason, message)]
        self.change_job(name, status={"conditions": conditions, "active": 0, "succeeded": succeeded})

    def _add_pod(self, job: Object, index: int, phase: str) -> None:
        name = f"{job['metadata']['name']}-{index}"
        template = copy.deepcopy(job["spec"]["template"])
        labels = template["metadata"]["labels"] | {JOB_NAME: job["metadata"]["name"], INDEX: str(index)}
        status = {"phase": phase, "containerStatuses": [], "conditions": []}
        self.pods[name] = {"metadata": {"name": name, "labels": labels}, "spec": template["spec"], "status": status}

    def _record(self, kind: str, job: Object) -> None:
        self.version += 1
        job["metadata"]["resourceVersion"] = str(self.version)
        self.changes.append((self.version, kind, copy.deepcopy(job)))
        self.lock.notify_all()


def _merge_metadata(standing: Object, patch: Object) -> None:
    """Merge as a strategic merge patch does: owners by their uid."""
    for key in ("labels", "annotations"):
        standing[key] = standing.get(key, {}) | patch.get(key, {})
    owners = {
        owner["uid"]: owner for owner in (*standing.get("ownerReferences", []), *patch.get("ownerReferences", []))
    }
    if owners:
        standing["ownerReferences"] = list(owners.values())


def own_pod(**changes: Any) -> Object:
    """Return the pod of a task of Kubeflow Pipelines, as the API gives it."""
    workflow = {
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "name": "run-x", "uid": "uid-of-run-x",
        "controller": True, "blockOwnerDeletion": True,
    }  # fmt: skip
    env = [
        {"name": "PLAIN", "value": "1"},
        {"name": "AWS_REGION", "valueFrom": {"secretKeyRef": {"name": "scalequest-store", "key": "AWS_REGION"}}},
    ]
    mounts = [{"name": "scalequest-store", "mountPath": "/etc/scalequest-store"}, {"name": "gcs", "mountPath": "/gcs"}]
    main = {"name": "main", "image": "registry/cpu:1", "env": env, "volumeMounts": mounts}
    return {
        "metadata": {
            "name": OWN_POD, "uid": "uid-of-own-pod", "ownerReferences": [workflow],
            "labels": {"pipeline/runid": "0b5c-run"},
            "annotations": {"kubectl.kubernetes.io/default-container": "main",
                            "workflows.argoproj.io/node-name": "run-x(0).root(0).generate-questions(0).executor(0)"},
        },
        "spec": {
            "serviceAccountName": "scalequest", "imagePullSecrets": [{"name": "registry-key"}],
            "containers": [{"name": "wait", "image": "argoexec"}, main],
            "volumes": [{"name": "scalequest-store", "secret": {"secretName": "scalequest-store", "optional": True}},
                        {"name": "gcs", "emptyDir": {}}],
        },
        "status": {"phase": "Running"},
    } | changes  # fmt: skip


def _condition(kind: str, reason: str, message: str) -> dict[str, str]:
    return {"type": kind, "status": "True", "reason": reason, "message": message}


def _stamp(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")
