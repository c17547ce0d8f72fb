"""A release to a registry, for real: what is written down is what the registry serves."""

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.shared import images
from images import release
from images.build import IMAGES
from images.engine import EngineError, call, find_engine
from images.release import BASE, FLAVOUR, REVISION, VERSION

TAG = "0.0.0-test"
LABELS = {BASE: f"scratch@sha256:{'0' * 64}", VERSION: TAG, REVISION: "abc1234", FLAVOUR: "cuda"}
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = """
version: 0.1
storage: {{filesystem: {{rootdirectory: {folder}}}}}
http: {{addr: 127.0.0.1:{port}}}
"""


@pytest.fixture
def podman() -> str:
    try:
        return find_engine("podman")
    except EngineError as error:
        pytest.skip(str(error))


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """The address of an empty registry."""
    if not shutil.which("docker-registry"):
        pytest.skip("docker-registry is missing; Debian's package of that name has it")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = tmp_path / "registry.yml"
    config.write_text(CONFIG.format(folder=tmp_path / "registry", port=port))
    process = subprocess.Popen(
        ["docker-registry", "serve", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
    )
    try:
        _wait_for(f"http://127.0.0.1:{port}/v2/", process)
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


@pytest.mark.containers
def test_the_digests_that_are_written_are_those_that_the_registry_serves(
    podman: str, registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names_file = tmp_path / "images.json"
    names_file.write_text(json.dumps({"prefix": "scalequest", "tag": TAG, "base": "", "digests": {}}))
    for module in (images, release):
        monkeypatch.setattr(module, "NAMES_FILE", names_file)
    _build_empty_images(podman, tmp_path)
    try:
        assert release.main(["--registry", f"{registry}/team", "--push-option=--tls-verify=false"]) == 0
    finally:
        names = [f"{prefix}/{name}:{TAG}" for prefix in ("scalequest", f"{registry}/team") for name in IMAGES]
        subprocess.run([podman, "rmi", "--force", *names], check=False, capture_output=True)
    for name in IMAGES:
        pinned = images.image(name)
        digest = pinned.rpartition("@")[2]
        assert pinned == f"{registry}/team/{name}@{digest}"
        url = f"http://{registry}/v2/team/{name}/manifests/{digest}"
        with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": MANIFEST})) as answer:
            assert answer.status == 200


def _build_empty_images(podman: str, folder: Path) -> None:
    labels = "".join(f'LABEL {key}="{value}"\n' for key, value in LABELS.items())
    for name in IMAGES:
        context = folder / name
        context.mkdir()
        (context / "name").write_text(name)
        (context / "Dockerfile").write_text(f"FROM scratch\n{labels}COPY name /\n")
        call([podman, "build", "--quiet", "--tag", f"scalequest/{name}:{TAG}", str(context)])


def _wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert process.poll() is None, "the registry has ended"
        try:
            with urllib.request.urlopen(url):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise TimeoutError(url)
