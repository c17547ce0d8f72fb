"""The Kubernetes API of a ``trainer_cluster``."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

from tests.components.shared.kubernetes_server import Handler, Request, serve
from tests.components.shared.trainer_cluster import NAMESPACE, Answer, Cluster, status


class _Handler(Handler):
    """Answers the requests to one cluster."""

    places = (
        f"/apis/trainer.kubeflow.org/v1alpha1/namespaces/{NAMESPACE}",
        f"/apis/batch/v1/namespaces/{NAMESPACE}",
        f"/api/v1/namespaces/{NAMESPACE}",
    )

    def __init__(self, *given: Any, cluster: Cluster) -> None:
        self._cluster = cluster
        super().__init__(*given)

    def respond(self, request: Request) -> None:
        with self._cluster.lock:
            self._cluster.asked.append((request.asked, request.query, request.body))
            self._cluster.lock.notify_all()
        if request.verb == "WATCH":
            self._watch(request.query)
        elif request.kind == "log":
            self.stream(self._cluster.follow_log(request.name, request.query))
        else:
            self.answer(*_plain_answer(self._cluster, request))

    def _watch(self, query: dict[str, str]) -> None:
        if self._cluster.broken_watches[:1] == ["gone at once"]:
            self._cluster.broken_watches.pop(0)
            self.answer(*status(410, "Expired", "too old resource version"))
        else:
            name = query["fieldSelector"].removeprefix("metadata.name=")
            self.stream(self._cluster.watch(name, int(query["resourceVersion"])))


def _plain_answer(cluster: Cluster, request: Request) -> Answer:
    kind, name, query = request.kind, request.name, request.query
    selected = query.get("fieldSelector", "").removeprefix("metadata.name=")
    if request.asked == "GET trainjobs" and not name and not cluster.refusals.get("GET trainjobs"):
        with cluster.lock:
            return 200, cluster.list_jobs(selected)
    if kind in ("pods", "jobs") and not name and not cluster.refusals.get(f"GET {kind}"):
        wanted = dict(each.split("=") for each in query["labelSelector"].split(","))
        with cluster.lock:
            standing = cluster.pods if kind == "pods" else cluster.node_jobs
            items = [each for each in standing.values() if wanted.items() <= each["metadata"]["labels"].items()]
        return 200, {"items": items, "metadata": {}}
    return cluster.answer(request.verb, kind, name, request.body)


def serving(cluster: Cluster, kubeconfig: Path) -> AbstractContextManager[None]:
    """Serve a cluster's API on a free port, and write what kubectl would need to ask it."""
    return serve(partial(_Handler, cluster=cluster), NAMESPACE, kubeconfig)
