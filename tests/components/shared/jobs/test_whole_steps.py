"""A whole step by a Job in real processes: its task's command, and the pods of the Job as a kubelet would run them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from components.shared.errors import ExitCode
from components.shared.records import Question
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from tests.components.shared.jobs.jobs_cluster import OWN_POD, JobsCluster, own_pod
from tests.components.shared.jobs.jobs_server import serving
from tests.components.shared.jobs.kubelet import Kubelet
from tests.source_tree import ROOT

TASK = {"gpus": "0", "cpu": "1", "memory": "1Gi", "ephemeral_storage": "1Gi", "shm": "1Gi"}
PROFILE = json.dumps({"node_selector": {}, "tolerations": [], "tasks": {"inference": TASK}})
SECONDS = 120.0

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[JobsCluster]:
    """A namespace with the pod of a task."""
    cluster = JobsCluster()
    cluster.pods[OWN_POD] = own_pod()
    with serving(cluster, tmp_path / "kubeconfig"):
        yield cluster


@pytest.fixture(autouse=True)
def kubelet(cluster: JobsCluster, tmp_path: Path) -> Iterator[Kubelet]:
    """What runs the pods of its Jobs."""
    kubelet = Kubelet(cluster, tmp_path)
    yield kubelet
    kubelet.stop_all()


@pytest.fixture
def start(tmp_path: Path, workspace: Workspace) -> Iterator[Start]:
    """``start(num_questions=…)`` starts the command of a task, as Kubeflow's launcher does."""
    begun = []

    def start(**options: Any) -> subprocess.Popen[str]:
        given = {
            "workspace": workspace.uri, "model": "scripted:m", "engine": "scripted", "generator": "$(HOME) $x",
            "num_questions": 400, "rows_per_part": 20, "profile": PROFILE, "pods": "3", "image": "registry/vllm:1",
        } | options  # fmt: skip
        outputs = {"outputFile": str(tmp_path / "out.json"), "parameters": {}, "artifacts": {}}
        told = json.dumps({"inputs": {"parameterValues": given}, "outputs": outputs})
        command = [sys.executable, "-m", "components.generate_questions", "--executor-input", told]
        own = {"KUBECONFIG": str(tmp_path / "kubeconfig"), "KFP_POD_NAME": OWN_POD, "PYTHONPATH": str(ROOT)}
        pipe = subprocess.PIPE
        begun.append(subprocess.Popen(command, cwd=ROOT, env=os.environ | own, stdout=pipe, stderr=pipe, text=True))
        return begun[-1]

    yield start
    for process in begun:
        process.kill()


def test_a_task_makes_a_job_whose_pods_share_the_step_and_ends_with_its_folder(
    cluster: JobsCluster, start: Start, workspace: Workspace
) -> None:
    printed, log = (task := start()).communicate(timeout=SECONDS)
    assert task.returncode == ExitCode.DONE, log
    rows = list(workspace.read(printed.strip(), Question))
    assert read_manifest(printed.strip()).rows_in == 400
    assert len({row.id for row in rows}) == len(rows) > 300
    assert {row.source for row in rows} == {"$(HOME) $x"}  # what Kubernetes would have taken for a variable
    ((name, job),) = cluster.jobs.items()
    assert job["status"]["succeeded"] == 3 or job["spec"]["activeDeadlineSeconds"] <= 120
    assert f"created the Job {name}" in log
    again, _ = start().communicate(timeout=SECONDS)
    assert (again, list(cluster.jobs)) == (printed, [name])


def test_a_task_and_a_pod_that_are_killed_cost_nothing_and_the_next_task_attaches(
    cluster: JobsCluster, kubelet: Kubelet, start: Start
) -> None:
    first = start(num_questions=2000)
    cluster.await_asked("WATCH jobs", seconds=SECONDS)
    kubelet.kill(f"{next(iter(cluster.jobs))}-0")
    first.kill()
    printed, log = (second := start(num_questions=2000)).communicate(timeout=SECONDS)
    assert second.returncode == ExitCode.DONE, log
    assert len(cluster.jobs) == 1
    # unless its pods were quicker than the second task
    assert f"found the Job {next(iter(cluster.jobs))}" in log or "reused" in log
    assert read_manifest(printed.strip()).rows_in == 2000


def test_a_task_that_is_told_to_stop_leaves_its_job_at_work_and_says_for_how_long(
    cluster: JobsCluster, start: Start
) -> None:
    task = start(num_questions=2000)
    cluster.await_asked("WATCH jobs", seconds=SECONDS)
    task.send_signal(signal.SIGTERM)
    _, log = task.communicate(timeout=SECONDS)
    assert task.returncode == ExitCode.STOPPED, log
    assert "goes on for at most 10 min; the same command attaches to it" in log
    assert cluster.live or next(iter(cluster.jobs.values()))["status"]["succeeded"]


def test_bad_input_that_a_pod_finds_is_the_tasks_own_message(kubelet: Kubelet, start: Start) -> None:
    kubelet.environment["SCALEQUEST_SILENCE_SECONDS"] = "often"
    task = start()
    _, log = task.communicate(timeout=SECONDS)
    assert task.returncode == ExitCode.BAD_INPUT, log
    assert log.splitlines()[-1].startswith("generate_questions: error: SCALEQUEST_SILENCE_SECONDS 'often'")
