"""A local server that speaks as much of the Hugging Face hub's API as downloads and pushes use."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from huggingface_hub import constants

from tests.hub_writes import HubWrites, RefusalError, is_large

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "hf_stand_in"
READ_TOKEN = "hf_stand_in_read"  # of the same account, without the permission to write


@dataclass
class HubStandIn:
    """Repositories by path ("org/name", "datasets/org/name"), their files by name, and what was asked for."""

    endpoint: str
    repositories: dict[str, Mapping[str, bytes]]
    gated: frozenset[str] = frozenset()
    refusing: int = 0  # the status that it answers everything with; 0: it works
    commit: str = COMMIT  # of what was there before anything was pushed
    requests: list[str] = field(default_factory=list)
    owners: frozenset[str] = frozenset({"org"})  # where TOKEN may write
    private: set[str] = field(default_factory=set)
    commits: dict[str, list[tuple[str, str]]] = field(default_factory=dict)  # by repository: id and summary
    blobs: dict[str, bytes] = field(default_factory=dict)  # of the large file storage, by SHA-256
    parts: dict[tuple[str, int], bytes] = field(default_factory=dict)
    failing: dict[str, int] = field(default_factory=dict)  # statuses to come, by a part of "METHOD path"; each once

    def head(self, repository: str) -> str:
        """Return the last commit."""
        commits = self.commits.get(repository)
        return commits[-1][0] if commits else self.commit

    def add_commit(self, repository: str, summary: str) -> str:
        """Put a commit on the branch; return its id."""
        commits = self.commits.setdefault(repository, [])
        oid = hashlib.sha1(f"{repository} {len(commits)} {summary}".encode(), usedforsecurity=False).hexdigest()
        commits.append((oid, summary))
        return oid

    def oid_of(self, repository: str, name: str) -> str:
        """Return what the hub calls a file's content: SHA-256 in the large file storage, otherwise git's."""
        content = self.repositories[repository][name]
        if is_large(name, len(content), content[:512]):
            return hashlib.sha256(content).hexdigest()
        return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


@contextmanager
def serve_hub(
    repositories: Mapping[str, Mapping[str, bytes]],
    *,
    gated: frozenset[str] = frozenset(),
    refusing: int = 0,
    commit: str = COMMIT,
) -> Iterator[HubStandIn]:
    """Serve repositories that have one commit on the branch "main", until something is pushed."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    hub = HubStandIn(f"http://127.0.0.1:{server.server_port}", dict(repositories), gated, refusing, commit)
    _Handler.hub = hub
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def use_hub(patch: pytest.MonkeyPatch, hub: HubStandIn, cache: str) -> None:
    """Let the hub's client of this process, which read its settings as it was imported, ask the stand-in."""
    template = f"{hub.endpoint}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    settings = {"ENDPOINT": hub.endpoint, "HUGGINGFACE_CO_URL_TEMPLATE": template, "HF_HUB_CACHE": cache}
    for name, value in {**settings, "HF_HUB_OFFLINE": False}.items():
        patch.setattr(constants, name, value)


class _Handler(BaseHTTPRequestHandler):
    hub: HubStandIn
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self._begin()
        if self._fails():
            return
        if path.startswith("api/"):
            self._answer_api(path.removeprefix("api/").removeprefix("models/"))
        else:
            repository, _, rest = path.partition("/resolve/")
            revision, _, name = rest.partition("/")
            self._answer_file(repository, revision, name)

    def do_POST(self) -> None:
        path, body = self._begin(), self._body()
        if self._fails():
            return
        try:
            self._check_token(path)
            answer = HubWrites(self.hub).post(path, body)
        except RefusalError as refusal:
            self._refuse(refusal.status, refusal.code, str(refusal))
        else:
            self._send_json(200, answer)

    def do_PUT(self) -> None:
        path, body = self._begin(), self._body()
        if self._fails():
            return
        try:
            self._send(200, b"", "text/plain", {"ETag": HubWrites(self.hub).put(path, body)})
        except RefusalError as refusal:
            self._refuse(refusal.status, refusal.code, str(refusal))

    def _begin(self) -> str:
        path = unquote(urlsplit(self.path).path).strip("/")
        self.hub.requests.append(f"{self.command} {path}")
        return path

    def _fails(self) -> bool:
        request = self.hub.requests[-1]
        due = next((words for words in self.hub.failing if words in request), "")
        status = self.hub.refusing or (self.hub.failing.pop(due) if due else 0)
        if status:
            self._refuse(status, "")
        return bool(status)

    def _check_token(self, path: str) -> None:
        if path == "api/validate-yaml" or path.startswith("lfs/complete/"):  # for everybody, or signed
            return
        if self._token not in (TOKEN, READ_TOKEN):
            raise RefusalError(401, "Invalid username or password.")
        if self._token == READ_TOKEN:
            raise RefusalError(403, "Forbidden: your token has the role read; the role write is needed")

    @property
    def _token(self) -> str:
        return self.headers.get("Authorization", "").removeprefix("Bearer ")

    def _body(self) -> bytes:
        if "Content-Length" in self.headers:
            return self.rfile.read(int(self.headers["Content-Length"]))
        content = b""
        while size := int(self.rfile.readline(), 16):  # a body that comes in chunks
            content += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return content

    def _answer_api(self, path: str) -> None:
        for verb in ("/revision/", "/tree/"):
            repository, found, rest = path.partition(verb)
            revision, _, folder = rest.partition("/")
            if found and self._may_read(repository, revision):
                self._send_json(200, self._tree(repository, folder) if verb == "/tree/" else self._info(repository))
            if found:
                return
        if "/xet-write-token/" in path:  # of a mirror that has only the large file storage of before
            self._refuse(404, "")
        elif self._may_read(path, "main"):
            self._send_json(200, self._info(path))

    def _tree(self, repository: str, folder: str) -> list[dict[str, Any]]:
        """Return what is below a folder, its folders too; of those only the names unless all is asked for."""
        prefix, files = f"{folder}/" if folder else "", self.hub.repositories[repository]
        below = [name for name in files if name.startswith(prefix)]
        folders = {name[:end] for name in below for end in range(len(prefix), len(name)) if name[end] == "/"}
        entries: list[dict[str, Any]] = [{"type": "directory", "path": path, "size": 0, "oid": ""} for path in folders]
        entries += [
            {"type": "file", "path": name, "size": len(files[name]), "oid": self.hub.oid_of(repository, name)}
            for name in below
        ]
        if "recursive=true" in self.path.lower():
            return entries
        return [entry for entry in entries if "/" not in entry["path"][len(prefix) :]]

    def _info(self, repository: str) -> dict[str, Any]:
        return {
            "id": repository.removeprefix("datasets/"),
            "sha": self.hub.head(repository),
            "private": repository in self.hub.private,
            "siblings": [{"rfilename": name} for name in self.hub.repositories[repository]],
        }

    def _answer_file(self, repository: str, revision: str, name: str) -> None:
        if not self._may_read(repository, revision):
            return
        if name not in self.hub.repositories[repository]:
            self._refuse(404, "EntryNotFound")
            return
        content = self.hub.repositories[repository][name]
        headers = {"ETag": f'"{self.hub.oid_of(repository, name)}"', "X-Repo-Commit": self.hub.head(repository)}
        self._send(200, content, "application/octet-stream", headers)

    def _may_read(self, repository: str, revision: str) -> bool:
        hidden = repository in self.hub.private and self._token not in (TOKEN, READ_TOKEN)
        if repository not in self.hub.repositories or hidden:
            self._refuse(401, "RepoNotFound")
        elif repository in self.hub.gated and self._token != TOKEN:
            self._refuse(401, "GatedRepo")
        elif revision not in ("main", self.hub.head(repository)):
            self._refuse(404, "RevisionNotFound")
        else:
            return True
        return False

    def _refuse(self, status: int, code: str, message: str = "") -> None:
        content = message if message.startswith("{") else json.dumps({"error": message or code})
        headers = {"X-Error-Code": code, "X-Error-Message": code or message} if not message.startswith("{") else {}
        self._send(status, content.encode(), "application/json", headers)

    def _send_json(self, status: int, answer: Any) -> None:
        self._send(status, json.dumps(answer).encode(), "application/json")

    def _send(self, status: int, content: bytes, kind: str, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Keep the tests' output clean."""
