"""Runs a compiled pipeline in containers: kfp.local's DockerRunner, with docker or podman behind it."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import tempfile
import time
import typing
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from kfp import components, local

from components.shared.images import ImageName, image
from images.engine import EngineError, find_engine
from pipelines.compiled_pipeline import executor_input_of_command
from pipelines.local_runner import loops_corrected

START_SECONDS = 30
LAST_LINES = 20  # of a failed step's log
_IMAGE_PARAMETER = re.compile(r"\{\{\$\.inputs\.parameters\['([^']+)'\]\}\}")


def missing() -> str:
    """Return why nothing can be run in containers here; "" where it can."""
    try:
        engine = find_engine()
    except EngineError as error:
        return str(error)
    for name in typing.get_args(ImageName):
        if subprocess.run([engine, "image", "inspect", image(name)], capture_output=True).returncode:
            return f"{engine} has no image {image(name)}; build it: python -m images.build --flavour cpu"
    return ""


@contextlib.contextmanager
def container_service() -> Iterator[str]:
    """Yield the address of docker, or of podman's own service with docker's interface, which runs until the end."""
    if find_engine() == "docker":
        yield os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
        return
    with tempfile.TemporaryDirectory(prefix="podman-") as folder:
        socket = Path(folder, "podman.sock")
        process = subprocess.Popen(["podman", "system", "service", "--time=0", f"unix://{socket}"])
        try:
            deadline = time.monotonic() + START_SECONDS
            while not socket.exists():
                assert process.poll() is None, "podman's service has ended"
                assert time.monotonic() < deadline, "podman's service does not start"
                time.sleep(0.1)
            yield f"unix://{socket}"
        finally:
            process.terminate()
            process.wait()


def run_in_containers(
    path: Path, arguments: Mapping[str, Any], environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run a compiled pipeline, each step in a container of its image, as its user, with the given environment."""
    from kfp.local import docker_task_handler

    monkeypatch.setattr(docker_task_handler, "run_docker_container", _run_container)
    runner = local.DockerRunner(network_mode="host", environment=dict(environment))
    umask = os.umask(0)  # the images' user writes its outputs into directories that kfp makes here
    try:
        with (
            container_service() as address,
            tempfile.TemporaryDirectory(prefix="outputs-") as outputs,
            loops_corrected(),
        ):
            monkeypatch.setenv("DOCKER_HOST", address)
            Path(outputs).chmod(0o777)
            local.init(runner, pipeline_root=outputs)
            components.load_component_from_file(str(path))(**arguments)
    finally:
        os.umask(umask)


def _inputs_of(command: Sequence[str]) -> Mapping[str, str]:
    inputs: Mapping[str, str] = executor_input_of_command(command)["inputs"]["parameterValues"]
    return inputs


def _run_container(client: Any, image: str, command: Sequence[str], volumes: Mapping[str, Any], **options: Any) -> int:
    """Run a step; raise where it fails.

    The original lets the engine remove the container at its end and asks for the exit code after that: a failed step
    may count as a success (kubeflow/pipelines#13332). And kfp would retry a step that returns a failure, for minutes.
    It also takes an image that a parameter names for a name of its own.
    """
    image = _IMAGE_PARAMETER.sub(lambda found: _inputs_of(command)[found[1]], image)
    tags = {tag for standing in client.images.list() for tag in standing.tags}
    name = next(each for each in (image, f"localhost/{image}") if each in tags)  # podman's name for what it built
    container = client.containers.run(image=name, command=list(command), detach=True, volumes=volumes, **options)
    try:
        exit_code = int(container.wait()["StatusCode"])
        if exit_code:
            log = container.logs(tail=LAST_LINES).decode(errors="replace")
            raise RuntimeError(f"{' '.join(command[:3])} ended with exit code {exit_code}:\n{log}")
        return exit_code
    finally:
        container.remove(force=True)
