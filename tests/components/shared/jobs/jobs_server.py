"""The Kubernetes API of a ``jobs_cluster``: a real HTTP server, and the file by which kubectl's clients find it."""

from __future__ import annotations

import contextlib
import functools
import json
import threading
import time
from collections.abc import Iterator
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import yaml

from tests.components.shared.jobs.jobs_cluster import NAMESPACE, NO_SUCH_PATH, JobsCluster
from tests.components.shared.jobs.recorded_jobs import Answer, recorded, refusal

PLACES = {
    f"/apis/batch/v1/namespaces/{NAMESPACE}/": "",
    f"/api/v1/namespaces/{NAMESPACE}/": "",
    f"/apis/kueue.x-k8s.io/v1beta2/namespaces/{NAMESPACE}/": "kueue",
    f"/apis/kueue.x-k8s.io/v1beta1/namespaces/{NAMESPACE}/": "old kueue",
}


class _Handler(BaseHTTPRequestHandler):
    """Answers the requests to one cluster."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet, or each answer waits 40 ms for the client's system to confirm the head

    def __init__(self, *given: Any, cluster: JobsCluster) -> None:
        self._cluster = cluster
        super().__init__(*given)

    def handle(self) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            super().handle()

    def _serve(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"null")
        address = urlsplit(self.path)
        query = dict(parse_qsl(address.query))
        prefix = next((place for place in PLACES if address.path.startswith(place)), "")
        kind, name, *rest = [*address.path.removeprefix(prefix).split("/"), "", ""]
        kind = "log" if "log" in rest else kind
        verb = "WATCH" if query.get("watch") == "True" else self.command
        with self._cluster.lock:
            self._cluster.asked.append((f"{verb} {kind}", name, body))
            self._cluster.lock.notify_all()
        if verb == "WATCH":
            self._watch(query)
        elif not prefix or (PLACES[prefix] and not (self._cluster.has_kueue and PLACES[prefix] == "kueue")):
            self._answer(*NO_SUCH_PATH)
        else:
            self._answer(*answer(self._cluster, self.command, kind, name, query, body))

    def _watch(self, query: dict[str, str]) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        how = self._cluster.broken_watches.pop(0) if self._cluster.broken_watches else ""
        if how == "cut":
            self.wfile.write(b'64\r\n{"type": "MODI')
            self.close_connection = True
            return
        events = {"gone": recorded("watch-410-expired"), "at once": []}.get(how)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for event in _changes(self._cluster, query) if events is None else events:
                line = json.dumps(event).encode() + b"\n"
                self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
                self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")

    def _answer(self, code: int, content: Any) -> None:
        data = (content if isinstance(content, str) else json.dumps(content)).encode()
        self.send_response(code)
        self.send_header("Content-Type", "text/plain" if isinstance(content, str) else "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def date_time_string(self, timestamp: float | None = None) -> str:
        return format_datetime(self._cluster.now, usegmt=True)

    do_GET = do_POST = do_DELETE = do_PATCH = _serve  # noqa: N815 - the names of the base class

    def finish(self) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # a client that was killed
            super().finish()

    def log_message(self, *_: Any) -> None:
        pass


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
        items = [each for each in standing.values() if _is_selected(each, query)]
        first = int(query.get("continue", 0))
        after = first + int(query.get("limit", len(items)))
        more = {"continue": str(after)} if after < len(items) else {}
        return 200, {"items": items[first:after], "metadata": {"resourceVersion": str(cluster.version), **more}}


def _is_selected(thing: dict[str, Any], query: dict[str, str]) -> bool:
    wanted = dict(each.split("=") for each in query.get("labelSelector", "").split(",") if each)
    return wanted.items() <= (thing["metadata"].get("labels") or {}).items()


@contextlib.contextmanager
def serving(cluster: JobsCluster, kubeconfig: Path) -> Iterator[None]:
    """Serve a cluster's API on a free port, and write what kubectl would need to ask it."""
    http = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Handler, cluster=cluster))
    threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True).start()
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{http.server_address[1]}"}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u", "namespace": NAMESPACE}}],
        "current-context": "x",
    }
    kubeconfig.write_text(yaml.safe_dump(content), encoding="utf-8")
    yield
    http.shutdown()
    http.server_close()
