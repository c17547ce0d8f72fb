"""A real HTTP server in a thread that answers as a test tells it to."""

from __future__ import annotations

import contextlib
import json
import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One HTTP answer; ``cut`` sends half the body that its header announces and hangs up."""

    status: int = 200
    body: Any = field(default_factory=dict)
    headers: tuple[tuple[str, str], ...] = ()
    cut: bool = False


@dataclass
class Served:
    """What a server was asked, in order of arrival, and how many requests it had at once."""

    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


def reply(*texts: str, finish_reason: str = "stop", tokens: int = 7) -> Answer:
    """Return the answer that holds these samples."""
    choices = [
        {"index": index, "message": {"role": "assistant", "content": text}, "finish_reason": finish_reason}
        for index, text in enumerate(texts)
    ]
    return Answer(body={"choices": choices, "usage": {"prompt_tokens": 11, "completion_tokens": tokens * len(texts)}})


def refusal(status: int, message: str, *, code: str = "", retry_after: str = "") -> Answer:
    """Return an error as OpenAI words it."""
    headers = (("Retry-After", retry_after),) if retry_after else ()
    return Answer(status=status, body={"error": {"message": message, "code": code}}, headers=headers)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served: Served
    models: Answer
    answer: Callable[[dict[str, Any], int], Answer]

    def do_GET(self) -> None:
        self._send(self.models)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.served.lock:
            self.served.requests.append(body)
            self.served.keys.append(self.headers.get("Authorization", ""))
            number = len(self.served.requests)
            self.served.at_once += 1
            self.served.most_at_once = max(self.served.most_at_once, self.served.at_once)
        known = self.path == "/v1/chat/completions"
        given = type(self).answer(body, number) if known else Answer(status=404, body={"detail": "Not Found"})
        with self.served.lock:
            self.served.at_once -= 1
        self._send(given)

    def _send(self, given: Answer) -> None:
        content = given.body if isinstance(given.body, bytes) else json.dumps(given.body).encode()
        self.send_response(given.status)
        for name, value in given.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        with contextlib.suppress(BrokenPipeError):  # a client that timed out has hung up
            self.wfile.write(content[: len(content) // 2] if given.cut else content)
        self.close_connection = given.cut

    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing."""


def self_signed(folder: Path) -> Path:
    """Make a file with a self-signed certificate for 127.0.0.1, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate")
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names]
    subprocess.run([*command, "-keyout", folder / "key", "-out", folder / "own"], check=True, capture_output=True)
    (both := folder / "both.pem").write_text((folder / "own").read_text() + (folder / "key").read_text())
    return both


@contextmanager
def serve(
    answer: Callable[[dict[str, Any], int], Answer], models: Answer | None = None, certificate: Path | None = None
) -> Iterator[Served]:
    """Serve chat completions: ``answer(body, number of the request)``; ``models`` answers ``GET /v1/models``.

    ``certificate``: a file with a certificate and its key, for TLS.
    """
    served = Served()
    members = {"served": served, "models": models or Answer(status=404), "answer": staticmethod(answer)}
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), members))
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    scheme = "http" if certificate is None else "https"
    served.url = f"{scheme}://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
