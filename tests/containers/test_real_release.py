"""A release to a registry, for real: what pipelines and Jobs name afterwards is what the registry serves."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from images.build import IMAGES, LOCAL_PREFIX
from images.engine import EngineError, call, find_engine
from images.release import BASE, FLAVOUR, REVISION, VERSION
from tests.source_tree import ROOT

TAG = "0.0.0-test"
LABELS = {BASE: f"scratch@sha256:{'0' * 64}", VERSION: TAG, REVISION: "abc1234", FLAVOUR: "cuda"}
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = """
version: 0.1
storage: {{filesystem: {{rootdirectory: {folder}}}}}
http: {{addr: 127.0.0.1:{port}}}
"""
IMAGE_LINE = re.compile(r"^[^#\n]*\bimage: (\S+/(?:cpu|vllm|train)[:@]\S+)", re.MULTILINE)


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


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what a release reads and writes, of a version that no image has."""
    tree = tmp_path / "tree"
    for name in ("components", "images", "manifests", "pipelines"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Makefile", tree)
    names = {"prefix": "scalequest", "tag": TAG, "base": "", "digests": {}}
    (tree / "components" / "shared" / "images.json").write_text(json.dumps(names))
    return tree


@pytest.mark.containers
def test_a_release_pins_pipelines_and_jobs_to_what_the_registry_serves(podman: str, registry: str, tree: Path) -> None:
    plain = tree.parent / "registries.conf"  # a registry without TLS
    plain.write_text(f'[[registry]]\nlocation = "{registry}"\ninsecure = true\n')
    environment = {"PYTHONPATH": str(tree), "CONTAINERS_REGISTRIES_CONF": str(plain)}
    bin_folder = f"BIN={Path(sys.executable).parent}"
    _build_empty_images(podman, tree.parent)
    try:
        _run(
            ["make", "release-images", f"REGISTRY={registry}/team", bin_folder, "--old-file=install"], tree, environment
        )
    finally:
        names = [f"{prefix}/{name}:{TAG}" for prefix in ("scalequest", f"{registry}/team") for name in IMAGES]
        subprocess.run([podman, "rmi", "--force", *names], check=False, capture_output=True)

    digests = json.loads((tree / "components" / "shared" / "images.json").read_text())["digests"]
    for name in IMAGES:
        url = f"http://{registry}/v2/team/{name}/manifests/{digests[name]}"
        with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": MANIFEST})) as answer:
            assert answer.status == 200
    pinned = {f"{registry}/team/{name}@{digests[name]}" for name in IMAGES}
    for folder in ("pipelines/compiled", "manifests"):
        texts = [path.read_text() for path in (tree / folder).rglob("*.yaml")]
        assert {image for text in texts for image in IMAGE_LINE.findall(text)} == pinned, folder
    _run([sys.executable, "-m", "pipelines.compiling", "--check"], tree, environment)


def _run(command: list[str], tree: Path, environment: Mapping[str, str]) -> None:
    result = subprocess.run(command, cwd=tree, env=os.environ | environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def _build_empty_images(podman: str, folder: Path) -> None:
    labels = "".join(f'LABEL {key}="{value}"\n' for key, value in LABELS.items())
    for name in IMAGES:
        context = folder / name
        context.mkdir()
        (context / "name").write_text(name)
        (context / "Dockerfile").write_text(f"FROM scratch\n{labels}COPY name /\n")
        call([podman, "build", "--quiet", "--layers=false", "--tag", f"{LOCAL_PREFIX}/{name}:{TAG}", str(context)])


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
