"""A stand-in of the Kubernetes API: a real HTTP server, and the file by which kubectl's clients find it."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import yaml

CUT = b'64\r\n{"type": "MODI'  # of a chunk of 100 bytes


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a client asks for."""

    verb: str  # GET, POST, …; WATCH
    place: str  # group, version and namespace; "" for one that nobody serves
    kind: str  # in the plural; "log" for that of a pod
    name: str  # "" for all of a kind
    query: dict[str, str]
    body: Any

    @property
    def asked(self) -> str:
        """What is asked, without the name: "POST jobs"."""
        return f"{self.verb} {self.kind}"


class Handler(BaseHTTPRequestHandler):
    """Reads requests and writes answers; what is answered, ``respond`` says."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet, or each answer waits 40 ms for the client's system to confirm the head
    places: Collection[str] = ()  # that are served

    def respond(self, request: Request) -> None:
        """Answer a request by ``answer`` or ``stream``."""
        raise NotImplementedError

    def answer(self, code: int, content: Any) -> None:
        """Answer with JSON, or with a text."""
        data = (content if isinstance(content, str) else json.dumps(content)).encode()
        self.send_response(code)
        self.send_header("Content-Type", "text/plain" if isinstance(content, str) else "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def stream(self, lines: Iterator[bytes | None]) -> None:
        """Answer line by line, as they come; None cuts the connection in the middle of one."""
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        for line in lines:
            if line is None:
                self.wfile.write(CUT)
                self.close_connection = True
                return
            self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def _serve(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"null")
        address = urlsplit(self.path)
        query = dict(parse_qsl(address.query))
        place = next((each for each in self.places if address.path.startswith(f"{each}/")), "")
        kind, name, *rest = [*address.path.removeprefix(place).strip("/").split("/"), "", ""]
        kind = "log" if "log" in rest else kind
        verb = "WATCH" if query.get("watch") == "True" else self.command
        self.respond(Request(verb=verb, place=place, kind=kind, name=name, query=query, body=body))

    do_GET = do_POST = do_DELETE = do_PATCH = _serve  # noqa: N815 - the names of the base class

    def handle(self) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # a client that was killed
            super().handle()

    def finish(self) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            super().finish()

    def log_message(self, *_: Any) -> None:
        pass


@contextlib.contextmanager
def serve(handler: Callable[..., Handler], namespace: str, kubeconfig: Path) -> Iterator[None]:
    """Serve an API on a free port, and write what kubectl would need to ask it."""
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True).start()
    write_kubeconfig(kubeconfig, f"http://127.0.0.1:{http.server_address[1]}", namespace)
    yield
    http.shutdown()
    http.server_close()


def write_kubeconfig(path: Path, url: str, namespace: str = "", token: str = "t") -> None:
    """Write kubectl's configuration of a cluster at an address; without a namespace, kubectl's own default."""
    context = {"cluster": "c", "user": "u"} | ({"namespace": namespace} if namespace else {})
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {"token": token}}],
        "contexts": [{"name": "x", "context": context}],
        "current-context": "x",
    }
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
