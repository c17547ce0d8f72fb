"""The container engine that builds and pushes the images: podman or docker, by its command."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

ENGINES = ("podman", "docker")


class EngineError(Exception):
    """The engine is missing, or a command of it failed."""


def find_engine(name: str = "") -> str:
    """Return the engine that is asked for, or the first that is installed."""
    for engine in [name] if name else ENGINES:
        if shutil.which(engine):
            return engine
    raise EngineError(f"{name or ' or '.join(ENGINES)} is missing; install it to build or push images")


def call(command: Sequence[str]) -> str:
    """Run a command of the engine; return what it printed. What it reports of its progress is shown."""
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603 -- of our own making
    if result.returncode != 0:
        raise EngineError(f"exit code {result.returncode}: {' '.join(command)}")
    return result.stdout


def show(command: Sequence[str]) -> None:
    """Run a command of the engine, and show what it prints."""
    exit_code = subprocess.run(command, check=False).returncode  # noqa: S603 -- of our own making
    if exit_code != 0:
        raise EngineError(f"exit code {exit_code}: {' '.join(command)}")


def labels_of(engine: str, image: str) -> Mapping[str, str]:
    """Return the labels of a local image."""
    labels: Mapping[str, str] | None = json.loads(
        call([engine, "image", "inspect", "--format", "{{json .Config.Labels}}", image])
    )
    return labels or {}


def push(engine: str, image: str, options: Sequence[str] = ()) -> str:
    """Push a local image; return the digest that its registry knows it by."""
    if engine == "docker":
        found = re.search(r"\bdigest: (sha256:[0-9a-f]{64})", call([engine, "push", *options, image]))
        if not found:
            raise EngineError(f"docker does not say by which digest its registry knows {image}")
        return found[1]
    # podman compresses layers as it pushes, so that what it knows an image by before is another digest
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "digest")
        call([engine, "push", "--digestfile", str(file), *options, image])
        return file.read_text(encoding="utf-8").strip()
