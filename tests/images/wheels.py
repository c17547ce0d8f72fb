"""Writes small wheels, and serves them as an index of packages does: what pip and make install are tried with.

Also a build backend of its own, for an editable installation without setuptools.
"""

from __future__ import annotations

import hashlib
import threading
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote


def write_wheel(folder: Path, name: str, version: str, files: Mapping[str, str]) -> Path:
    """Write a wheel of pure Python; return its file."""
    info = f"{name}-{version}.dist-info"
    files = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = [f"{path},sha256={_digest(text)},{len(text)}" for path, text in files.items()]
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
        archive.writestr(f"{info}/RECORD", "\n".join([*record, f"{info}/RECORD,,\n"]))
    return wheel


def build_editable(wheel_directory: str, config_settings: object = None, metadata_directory: str | None = None) -> str:
    """Build the project that this file stands in, as pip asks a backend to."""
    return write_wheel(Path(wheel_directory), "project", "1.0", {"project.pth": f"{Path.cwd()}\n"}).name


@contextmanager
def index(*wheels: Path) -> Iterator[tuple[str, list[str]]]:
    """Serve wheels as a "simple" index; yield its address and, as it grows, what it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            name = unquote(self.path).strip("/").rpartition("/")[2]
            found = [wheel for wheel in wheels if name in (wheel.name, wheel.name.partition("-")[0])]
            if not found:
                self.send_error(404)
                return
            page = "".join(f'<a href="/{wheel.name}">{wheel.name}</a>' for wheel in found).encode()
            body = found[0].read_bytes() if name.endswith(".whl") else page
            self.send_response(200)
            self.send_header("Content-Type", "application/zip" if name.endswith(".whl") else "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


def _digest(text: str) -> str:
    return urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
