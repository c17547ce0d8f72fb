"""The Kubernetes API of a ``jobs_cluster``."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from email.utils import format_datetime
from functools import partial
from pathlib import Path
from typing import Any

from tests.components.shared.jobs.jobs_cluster import NAMESPACE, NO_SUCH_PATH, JobsCluster
from tests.components.shared.jobs.recorded_jobs import Answer, recorded, refusal
from tests.components.shared.kubernetes_server import Handler, Request, serve

KUEUE = f"/apis/kueue.x-k8s.io/v1beta2/namespaces/{NAMESPACE}"


class _Handler(Handler):
    """Answers the requests to one cluster."""

    places = (f"/apis/batch/v1/namespaces/{NAMESPACE}", f"/api/v1/namespaces/{NAMESPACE}", KUEUE)

    def __init__(self, *given: Any, cluster: JobsCluster) -> None:
        self._cluster = cluster
        super().__init__(*given)

    def respond(self, request: Request) -> None:
        with self._cluster.lock:
            self._cluster.asked.append((request.asked, request.name, request.body))
            self._cluster.lock.notify_all()
        if request.verb == "WATCH":
            self.stream(_watched(self._cluster, request.query))
        elif not request.place or (request.place == KUEUE and not self._cluster.has_kueue):
            self.answer(*NO_SUCH_PATH)
        else:
            told = request.kind, request.name, request.query, request.body
            self.answer(*answer(self._cluster, request.verb, *told))

    def date_time_string(self, timestamp: float | None = None) -> str:
        return format_datetime(self._cluster.now, usegmt=True)


def _watched(cluster: JobsCluster, query: dict[str, str]) -> Iterator[bytes | None]:
    """Yield the lines of a watch; None to cut it in the middle."""
    how = cluster.broken_watches.pop(0) if cluster.broken_watches else ""
    if how == "cut":
        yield None
        return
    events = {"gone": recorded("watch-410-expired"), "at once": []}.get(how)
    for event in _changes(cluster, query) if events is None else events:
        yield json.dumps(event).encode() + b"\n"


def _changes(cluster: JobsCluster, query: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Yield the changes of a Job since a version, for as long as was asked for."""
    name, version = query["fieldSelector"].removeprefix("metadata.name="), int(query["resourceVersion"])
    deadline = time.monotonic() + float(query["timeoutSeconds"])
    while (left := deadline - time.monotonic()) > 0:
        with cluster.lock:
            new = [change for change in cluster.changes if change[0] > version]
            if not new:
                cluster.lock.wait(left)
                continue
        version = new[-1][0]
        for _, kind, job in new:
            if job["metadata"]["name"] == name:
                yield {"type": kind, "object": job}


def answer(cluster: JobsCluster, method: str, kind: str, name: str, query: dict[str, str], body: Any) -> Answer:
    """Return the answer to a request that is no watch."""
    with cluster.lock:
        if cluster.refusals.get(f"{method} {kind}"):
            return cluster.refusals[f"{method} {kind}"].pop(0)
        cluster.end_late()
        if kind == "log":
            return 200, cluster.logs.get(name, "")
        if kind == "jobs" and method == "DELETE":
            return cluster.delete_job(name, body or {})
        if kind == "jobs" and method != "GET":
            return cluster.create_job(body) if method == "POST" else cluster.patch_job(name, body)
        standing: dict[str, dict[str, Any]] = {
            "jobs": cluster.jobs, "pods": cluster.pods, "configmaps": cluster.config_maps,
            "events": {str(number): event for number, event in enumerate(cluster.events)},
            "workloads": {str(number): workload for number, workload in enumerate(cluster.workloads)},
        }[kind]  # fmt: skip
        if kind == "jobs" and query.get("resourceVersionMatch") == "Exact":
            standing = cluster.jobs_at(int(query["resourceVersion"]))
        if name:
            return (200, standing[name]) if name in standing else refusal("error-404-job", nosuch=name)
        items = [each for each in standing.values() if is_selected(each, query)]
        first = int(query.get("continue", 0))
        after = first + int(query.get("limit", len(items)))
        more = {"continue": str(after)} if after < len(items) else {}
        return 200, {"items": items[first:after], "metadata": {"resourceVersion": str(cluster.version), **more}}


def is_selected(thing: dict[str, Any], query: dict[str, str]) -> bool:
    """Tell whether a list that is asked for by labels has a thing."""
    wanted = dict(each.split("=") for each in query.get("labelSelector", "").split(",") if each)
    return wanted.items() <= (thing["metadata"].get("labels") or {}).items()


def serving(cluster: JobsCluster, kubeconfig: Path) -> AbstractContextManager[None]:
    """Serve a cluster's API on a free port, and write what kubectl would need to ask it."""
    return serve(partial(_Handler, cluster=cluster), NAMESPACE, kubeconfig)
