"""A namespace with Kubeflow Trainer, as far as a launching step asks for it; ``trainer_server`` serves it.

It keeps TrainJobs by name, with versions, owners and foreground deletion, streams watches and logs, and refuses or cuts
what a test tells it to. What Trainer's controller and the kubelets do, a test does by ``report``, ``end`` and pods.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

NAMESPACE = "team-a"
RUNTIME = "scalequest-training"
NO_SUCH_PATH = (404, "404 page not found\n")  # what the API server says of a group that nobody serves
WATCH_SECONDS = 30.0
JOBSET = "jobset.sigs.k8s.io/jobset-name"  # names in a label what a Job and its pods belong to

Answer = tuple[int, Any]


def status(code: int, reason: str, message: str, **details: Any) -> Answer:
    """Return an error as the API server gives it."""
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "reason": reason}
    return code, body | {"code": code, "details": details}


def forbidden(verb: str, resource: str) -> Answer:
    """Return what the API server says to an account that lacks a verb."""
    user = f"system:serviceaccount:{NAMESPACE}:scalequest"
    return status(403, "Forbidden", f'{resource} is forbidden: User "{user}" cannot {verb} resource "{resource}"')


@dataclass
class Cluster:
    """What stands in the namespace, what was asked, and what is to go wrong."""

    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    node_jobs: dict[str, dict[str, Any]] = field(default_factory=dict)  # what JobSet makes of the TrainJobs
    pods: dict[str, dict[str, Any]] = field(default_factory=dict)
    logs: dict[str, list[str]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)  # "POST trainjobs", query, body
    refusals: dict[str, list[Answer]] = field(default_factory=dict)  # of the next such requests
    broken_watches: list[str] = field(default_factory=list)  # how the next ones end: "cut", "gone", "gone at once"
    on_create: Callable[[dict[str, Any]], None] = lambda job: None
    on_delete: Callable[[str], None] = lambda name: None
    changes: list[tuple[int, str, dict[str, Any]]] = field(default_factory=list)
    lock: threading.Condition = field(default_factory=threading.Condition)
    runtime: dict[str, Any] = field(default_factory=lambda: {"metadata": {"name": RUNTIME, "labels": {}}})

    def count(self, request: str) -> int:
        """Return how often something was asked."""
        return sum(asked == request for asked, _, _ in self.asked)

    def report(self, name: str, **status: Any) -> None:
        """Set a TrainJob's status, as its controller does."""
        with self.lock:
            self._change("MODIFIED", self.jobs[name] | {"status": status})

    def end(self, name: str, kind: str, message: str = "as it is") -> None:
        """Let a TrainJob end: "Complete" or "Failed"."""
        self.report(name, conditions=[condition(kind, message)])

    def remove(self, name: str) -> None:
        """Take a TrainJob away, once its pods are gone."""
        with self.lock:
            if name in self.jobs:
                self._change("DELETED", self.jobs[name])
                del self.jobs[name]

    def add_pod(self, pod: dict[str, Any], *lines: str) -> None:
        """Let a pod stand, with what its container has logged."""
        with self.lock:
            self.pods[pod["metadata"]["name"]] = pod
            self.logs.setdefault(pod["metadata"]["name"], []).extend(lines)
            self.lock.notify_all()

    def await_job(self, seconds: float = 60.0) -> str:
        """Return the name of the TrainJob that stands, once one does."""
        with self.lock:
            assert self.lock.wait_for(lambda: bool(self.jobs), seconds), self.asked
            return next(iter(self.jobs))

    def await_broken_watches(self) -> None:
        """Return once all watches that were to be broken were begun."""
        with self.lock:
            assert self.lock.wait_for(lambda: not self.broken_watches, 60.0), self.asked

    def await_asked(self, request: str, count: int = 1, seconds: float = 60.0) -> None:
        """Return once something was asked so often."""
        with self.lock:
            assert self.lock.wait_for(lambda: self.count(request) >= count, seconds), self.asked

    def answer(self, method: str, kind: str, name: str, body: Any) -> Answer:
        """Answer a request that is neither a watch nor a log."""
        if self.refusals.get(f"{method} {kind}"):
            return self.refusals[f"{method} {kind}"].pop(0)
        with self.lock:
            if kind == "trainingruntimes":
                return (200, self.runtime) if name == self.runtime["metadata"]["name"] else not_found(kind, name)
            if kind == "jobs":
                self.node_jobs[name]["spec"] |= body["spec"]
                return 200, self.node_jobs[name]
            if kind == "pods":
                return (200, self.pods[name]) if name in self.pods else not_found(kind, name)
            return self._answer_job(method, name, body)

    def _answer_job(self, method: str, name: str, body: Any) -> Answer:
        if method == "POST":
            name = body["metadata"]["name"]
            if name in self.jobs:
                return status(409, "AlreadyExists", f'trainjobs.trainer.kubeflow.org "{name}" already exists')
            self._change("ADDED", body | {"metadata": body["metadata"] | {"uid": f"uid-{len(self.changes)}"}})
            self.node_jobs[f"{name}-node-0"] = node_job(name)
            self.on_create(self.jobs[name])
            return 201, self.jobs[name]
        if name not in self.jobs:
            return not_found("trainjobs", name)
        if method == "PATCH":
            self._change("MODIFIED", _with_owner(self.jobs[name], body))
        if method == "DELETE":
            metadata = self.jobs[name]["metadata"] | {"deletionTimestamp": "2026-11-22T12:00:00Z"}
            self._change("MODIFIED", self.jobs[name] | {"metadata": metadata})
            threading.Thread(target=self._delete, args=(name,)).start()
        return 200, self.jobs[name]

    def _delete(self, name: str) -> None:
        self.on_delete(name)
        self.remove(name)

    def _change(self, kind: str, job: dict[str, Any]) -> None:
        version = len(self.changes) + 1
        job = job | {"metadata": job["metadata"] | {"resourceVersion": str(version)}}
        self.jobs[job["metadata"]["name"]] = job
        self.changes.append((version, kind, job))
        self.lock.notify_all()

    def list_jobs(self, name: str) -> dict[str, Any]:
        """Return the list of TrainJobs of a name."""
        items = [self.jobs[name]] if name in self.jobs else []
        return {"kind": "TrainJobList", "items": items, "metadata": {"resourceVersion": str(len(self.changes))}}

    def watch(self, name: str, version: int) -> Iterator[bytes | None]:
        """Yield the lines of a watch; None to cut it in the middle."""
        how = self.broken_watches.pop(0) if self.broken_watches else ""
        if how == "gone":
            _, gone = status(410, "Expired", "too old resource version")
            yield json.dumps({"type": "ERROR", "object": gone}).encode() + b"\n"
            return
        if how == "cut":
            yield None
            return
        deadline = time.monotonic() + WATCH_SECONDS
        while time.monotonic() < deadline:
            with self.lock:
                self.lock.wait(0.2)
                new = self.changes[version:]
            version += len(new)
            for _, kind, job in new:
                if job["metadata"]["name"] == name:
                    yield json.dumps({"type": kind, "object": job}).encode() + b"\n"

    def follow_log(self, pod: str, query: dict[str, str]) -> Iterator[bytes]:
        """Yield a pod's log, with stamps where asked for, until its container has ended."""
        done = max(0, len(self.logs[pod]) - int(query["tailLines"])) if "tailLines" in query else 0
        while True:
            with self.lock:
                lines = self.logs[pod][done:]
                ended = self.pods[pod]["status"]["phase"] != "Running" or query.get("follow") != "True"
            for number, line in enumerate(lines, done):
                stamp = f"2026-11-22T12:00:00.{number:09d}Z " if query.get("timestamps") == "True" else ""
                yield f"{stamp}{line}\n".encode()
            done += len(lines)
            if ended:
                return
            time.sleep(0.02)


def condition(kind: str, message: str, holds: bool = True) -> dict[str, str]:
    """Return a condition of a TrainJob."""
    return {"type": kind, "status": str(holds), "reason": "Test", "message": message}


def not_found(kind: str, name: str) -> Answer:
    """Return what the API server says of an object that is not there."""
    return status(404, "NotFound", f'{kind} "{name}" not found', name=name, kind=kind)


def node_job(train_job: str) -> dict[str, Any]:
    """Return the Job that JobSet makes for the nodes of a TrainJob; it began a long time ago."""
    metadata = {"name": f"{train_job}-node-0", "labels": {JOBSET: train_job}, "resourceVersion": "1"}
    return {"metadata": metadata, "spec": {}, "status": {"startTime": "2026-11-22T12:00:00Z"}}


def node_pod(job: str, index: int, code: int | None = None, **changes: Any) -> dict[str, Any]:
    """Return the pod of a TrainJob's node as the API gives it, running or ended with a code."""
    ended = {"terminated": {"exitCode": code, "reason": "Error" if code else "Completed"}}
    phase = {None: "Running", 0: "Succeeded"}.get(code, "Failed")
    return pod(
        f"{job}-node-0-{index}-x",
        {JOBSET: job, "batch.kubernetes.io/job-completion-index": str(index)},
        phase,
        "node",
        {"running": {}} if code is None else ended,
        **changes,
    )


def pod(name: str, labels: dict[str, str], phase: str, container: str, state: Any, **metadata: Any) -> dict[str, Any]:
    """Return a pod as the API gives it."""
    container_status = {
        "name": container, "image": "i", "imageID": "i", "ready": False, "restartCount": 0, "state": state,
    }  # fmt: skip
    return {
        "metadata": {"name": name, "uid": f"uid-of-{name}", "labels": labels,
                     "creationTimestamp": "2026-11-22T12:00:00Z"} | metadata,
        "spec": {"containers": [{"name": container, "image": "registry/train@sha256:own"}]},
        "status": {"phase": phase, "conditions": [], "containerStatuses": [container_status]},
    }  # fmt: skip


def launching_pod(name: str = "launcher", workflow: str = "run-1") -> dict[str, Any]:
    """Return the pod of Kubeflow that the step runs in, made by a Workflow."""
    owner = {
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "name": workflow, "uid": f"uid-of-{workflow}",
        "controller": True,
    }  # fmt: skip
    annotations = {"kubectl.kubernetes.io/default-container": "main"}
    return pod(name, {}, "Running", "main", {"running": {}}, ownerReferences=[owner], annotations=annotations)


def _with_owner(job: dict[str, Any], patch: list[dict[str, Any]]) -> dict[str, Any]:
    """Apply the JSON patches that add an owner."""
    (change,) = patch
    owners = job["metadata"].get("ownerReferences", [])
    added = {"/metadata/ownerReferences/-": [change["value"]], "/metadata/ownerReferences": change["value"]}
    assert change["op"] == "add"
    return job | {"metadata": job["metadata"] | {"ownerReferences": owners + added[change["path"]]}}
