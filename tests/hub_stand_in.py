"""A local server that speaks as much of the Hugging Face hub's API as a download of files at one revision uses."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "hf_stand_in"


@dataclass
class HubStandIn:
    """Repositories by path ("org/name", "datasets/org/name"), their files by name, and what was asked for."""

    endpoint: str
    repositories: Mapping[str, Mapping[str, bytes]]
    gated: frozenset[str] = frozenset()
    refusing: int = 0  # the status that it answers everything with; 0: it works
    commit: str = COMMIT
    requests: list[str] = field(default_factory=list)


@contextmanager
def serve_hub(
    repositories: Mapping[str, Mapping[str, bytes]],
    *,
    gated: frozenset[str] = frozenset(),
    refusing: int = 0,
    commit: str = COMMIT,
) -> Iterator[HubStandIn]:
    """Serve repositories that have one commit, on the branch "main"."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    hub = HubStandIn(f"http://127.0.0.1:{server.server_port}", repositories, gated, refusing, commit)
    _Handler.hub = hub
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    hub: HubStandIn
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path).strip("/")
        self.hub.requests.append(f"{self.command} {path}")
        if self.hub.refusing:
            self._refuse(self.hub.refusing, "")
        elif path.startswith("api/"):
            self._answer_api(path.removeprefix("api/").removeprefix("models/"))
        else:
            repository, _, rest = path.partition("/resolve/")
            revision, _, name = rest.partition("/")
            self._answer_file(repository, revision, name)

    def _answer_api(self, path: str) -> None:
        for verb in ("/revision/", "/tree/"):
            repository, found, revision = path.partition(verb)
            if found and self._may_read(repository, revision):
                files = self.hub.repositories[repository]
                tree = [
                    {"type": "file", "path": name, "size": len(files[name]), "oid": _oid(files[name])} for name in files
                ]
                info = {"id": repository.removeprefix("datasets/"), "sha": self.hub.commit, "siblings": []}
                self._send(200, json.dumps(tree if verb == "/tree/" else info).encode(), "application/json")
            if found:
                return
        self._refuse(404, "RepoNotFound")

    def _answer_file(self, repository: str, revision: str, name: str) -> None:
        if not self._may_read(repository, revision):
            return
        if name not in self.hub.repositories[repository]:
            self._refuse(404, "EntryNotFound")
            return
        content = self.hub.repositories[repository][name]
        self._send(
            200, content, "application/octet-stream", {"ETag": f'"{_oid(content)}"', "X-Repo-Commit": self.hub.commit}
        )

    def _may_read(self, repository: str, revision: str) -> bool:
        if repository not in self.hub.repositories:
            self._refuse(401, "RepoNotFound")
        elif repository in self.hub.gated and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._refuse(401, "GatedRepo")
        elif revision not in ("main", self.hub.commit):
            self._refuse(404, "RevisionNotFound")
        else:
            return True
        return False

    def _refuse(self, status: int, code: str) -> None:
        self._send(status, b"{}", "application/json", {"X-Error-Code": code, "X-Error-Message": code})

    def _send(self, status: int, content: bytes, kind: str, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Keep the tests' output clean."""


def _oid(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()
