"""The Kubernetes API of a ``trainer_cluster``: a real HTTP server, and the file by which kubectl's clients find it."""

from __future__ import annotations

import contextlib
import functools
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import yaml

from tests.components.shared.trainer_cluster import NAMESPACE, Answer, Cluster, status

PLACES = (
    f"/apis/trainer.kubeflow.org/v1alpha1/namespaces/{NAMESPACE}",
    f"/apis/batch/v1/namespaces/{NAMESPACE}",
    f"/api/v1/namespaces/{NAMESPACE}",
)


class _Handler(BaseHTTPRequestHandler):
    """Answers the requests to one cluster."""

    protocol_version = "HTTP/1.1"

    def __init__(self, *given: Any, cluster: Cluster) -> None:
        self._cluster = cluster
        super().__init__(*given)

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"null")
        address = urlsplit(self.path)
        query = dict(parse_qsl(address.query))
        prefix = next((place for place in PLACES if address.path.startswith(place)), "")
        kind, name, *rest = [*address.path.removeprefix(prefix).strip("/").split("/"), "", ""]
        verb = "WATCH" if query.get("watch") == "True" else self.command
        request = f"{verb} {'log' if 'log' in rest else kind}"
        with self._cluster.lock:
            self._cluster.asked.append((request, query, body))
            self._cluster.lock.notify_all()
        if request.startswith("WATCH"):
            self._watch(query)
        elif "log" in rest:
            self._stream(self._cluster.follow_log(name, query))
        else:
            self._answer(*_plain_answer(self._cluster, self.command, kind, name, query, body))

    def _watch(self, query: dict[str, str]) -> None:
        if self._cluster.broken_watches[:1] == ["gone at once"]:
            self._cluster.broken_watches.pop(0)
            self._answer(*status(410, "Expired", "too old resource version"))
        else:
            name = query["fieldSelector"].removeprefix("metadata.name=")
            self._stream(self._cluster.watch(name, int(query["resourceVersion"])))

    def _answer(self, code: int, content: Any) -> None:
        data = (content if isinstance(content, str) else json.dumps(content)).encode()
        self.send_response(code)
        self.send_header("Content-Type", "text/plain" if isinstance(content, str) else "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, lines: Iterator[bytes | None]) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for line in lines:
                if line is None:
                    self.wfile.write(b'64\r\n{"type": "MODI')
                    self.close_connection = True
                    return
                self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
                self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")

    do_GET = do_POST = do_DELETE = do_PATCH = _serve  # noqa: N815 - the names of the base class

    def log_message(self, *_: Any) -> None:
        pass


def _plain_answer(cluster: Cluster, method: str, kind: str, name: str, query: dict[str, str], body: Any) -> Answer:
    selected = query.get("fieldSelector", "").removeprefix("metadata.name=")
    if kind == "trainjobs" and method == "GET" and not name and not cluster.refusals.get("GET trainjobs"):
        with cluster.lock:
            return 200, cluster.list_jobs(selected)
    if kind in ("pods", "jobs") and not name and not cluster.refusals.get(f"GET {kind}"):
        wanted = dict(each.split("=") for each in query["labelSelector"].split(","))
        with cluster.lock:
            standing = cluster.pods if kind == "pods" else cluster.node_jobs
            items = [each for each in standing.values() if wanted.items() <= each["metadata"]["labels"].items()]
        return 200, {"items": items, "metadata": {}}
    return cluster.answer(method, kind, name, body)


@contextlib.contextmanager
def serving(cluster: Cluster) -> Iterator[None]:
    """Serve a cluster's API on a free port."""
    http = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Handler, cluster=cluster))
    cluster.url = f"http://127.0.0.1:{http.server_address[1]}"
    threading.Thread(target=http.serve_forever, daemon=True).start()
    yield
    http.shutdown()
    http.server_close()


def write_kubeconfig(cluster: Cluster, path: Path) -> None:
    """Write what kubectl would need to ask this cluster."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": cluster.url}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u", "namespace": NAMESPACE}}],
        "current-context": "x",
    }
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
