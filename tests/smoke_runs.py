"""Runs of the preset ``smoke``: the compiled pipeline `scalequest`, whole, every step a process of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pytest

from components.shared.stores import storage
from components.shared.workspace.manifests import Manifest, read_manifest
from tests import watched_network
from tests.watched_network import Watched

_STEP_LINE = re.compile(r"^ *\d+/\d+  (\w+)[^/]* (\d+\.\d) s  ", re.MULTILINE)


@dataclass(frozen=True)
class Finished:
    """A run that nothing disturbed, and what it left and printed."""

    workspace: str
    kubeflow: Path  # where the stand-in of Kubeflow's launcher put what it was given
    output: str
    folders: frozenset[str]  # as step/fingerprint
    network: Watched

    def manifests(self) -> dict[str, Manifest]:
        """Return the manifest of every folder by step/fingerprint."""
        return {folder: read_manifest(storage.join(self.workspace, folder)) for folder in self.folders}

    def seconds_of_steps(self) -> dict[str, float]:
        """Return how long each step's process ran, at least."""
        seconds: dict[str, float] = {}
        for step, took in _STEP_LINE.findall(self.output):
            seconds[step] = min(seconds.get(step, float(took)), float(took))
        return seconds


def run_command(preset: str, workspace: str, *settings: str) -> list[str]:
    """Return the command that runs a preset with ``name=value`` settings."""
    words = [word for setting in settings for word in ("--set", setting)]
    program = "from pipelines.cli import main; main()"
    return [sys.executable, "-c", program, "run", preset, "--workspace", workspace, *words]


def run_environment(scratch: Path, store: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a run: nothing but where its store is and where it may leave temporary files."""
    scratch.mkdir(parents=True, exist_ok=True)
    return {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(Path(__file__).parents[1]),
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "COLUMNS": "200",
        **store,
    }


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A finished run in a directory, once for all tests: a minute on two idle cores, more beside others.

    It goes through a stand-in of Kubeflow's launcher (tests/kubeflow/launcher.py): by a cluster's rules it ends well.
    It has no network, and what it wants of one is seen (tests/watched_network.py).
    """
    place = tmp_path_factory.mktemp("undisturbed")
    workspace, kubeflow, network = str(place / "workspace"), place / "kubeflow", place / "network"
    kubeflow.mkdir()
    repository = Path(__file__).parents[1]
    result = subprocess.run(
        watched_network.command_of(
            network,
            [sys.executable, "-m", "tests.kubeflow.launcher", str(kubeflow), "run", "smoke", "--workspace", workspace],
        ),
        env=run_environment(
            place / "scratch", {"LAUNCHER_STAND_IN": str(kubeflow), watched_network.REPORT: str(network)}
        )
        | {"PYTHONPATH": f"{repository / 'tests' / 'kubeflow' / 'site'}:{repository}"},
        cwd=place / "scratch",
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return Finished(workspace, kubeflow, result.stdout, folders_of(workspace), watched_network.read(network))


def run_smoke(
    workspace: str,
    scratch: Path,
    *settings: str,
    store: Mapping[str, str] = MappingProxyType({}),
    as_json: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Run the preset to its end."""
    return subprocess.run(
        [*run_command("smoke", workspace, *settings), *(["--json"] if as_json else [])],
        env=run_environment(scratch, store),
        cwd=scratch,
        capture_output=True,
        text=True,
        check=False,
    )


def folders_of(workspace: str) -> frozenset[str]:
    """Return the folders in a workspace that are begun or finished, as step/fingerprint."""
    return frozenset(
        f"{step}/{name}"
        for step in storage.list_names(workspace)
        if not step.startswith("_")  # marks of runs
        for name in storage.list_names(storage.join(workspace, step))
    )
