"""A step that a Job does is shown as its Job is: recorded Jobs of a real cluster, followed by a recorded run."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from components.shared.jobs.body import QUEUE_LABEL
from components.shared.jobs.folder_names import FOLDER_LABEL, RUN_LABEL, TASK_ANNOTATION
from components.shared.training.train_jobs import JOBSET_LABEL, TrainJobs
from components.shared.workspace import Workspace
from pipelines.cluster import watching
from pipelines.cluster.kubeflow_api import connect
from pipelines.cluster.kubernetes_access import configure
from pipelines.cluster.status_command import show_status
from tests.pipelines.cluster.conftest import NAMESPACE, Server, kubeconfig_of
from tests.pipelines.cluster.recorded import body_of
from tests.pipelines.cluster.recorded_runs import EVENTS, PODS, recorded, run_of, serve_pods, serve_run
from tests.pipelines.cluster.recorded_runs import NAMESPACE as OF_RUN
from tests.pipelines.cluster.run_cluster import RunCluster
from tests.pipelines.cluster.test_status_command import half_done, line_of

RUN = "run-step-running"
STEP = "generate_questions first"
TASK = (  # of the step that runs, in the first of two rounds
    "scalequest-28rjd(0).root(0).for-loop-1(0).iteration-iterations(0:0)(0).iteration-item(0)"
    ".train-question-generator(0).generate-questions(0).executor(0)"
)


@pytest.fixture
def jobs(kubeflow: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunCluster:
    """A recorded run whose running step follows a Job that a test names."""
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig_of(kubeflow.url, tmp_path)))
    serve_run(kubeflow, RUN)
    serve_pods(kubeflow, RUN)
    run_in(kubeflow, str(tmp_path / "workspace"))
    cluster = RunCluster()
    cluster.serve(kubeflow, OF_RUN)
    return cluster


def run_in(server: Server, workspace: str, **changes: Any) -> None:
    """Let the run have another workspace: a directory here."""
    run = run_of(RUN) | changes
    run["runtime_config"]["parameters"]["workspace"] = workspace
    server.on(f"GET /apis/v2beta1/runs/{run['run_id']}", run)


def followed(jobs: RunCluster, **options: Any) -> str:
    """Let the step's task follow a Job; return its name."""
    job = jobs.add("generate_questions", run=run_of(RUN)["run_id"], **{"task": TASK} | options)
    return str(job["metadata"]["name"])


def shown(jobs: RunCluster, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Show the run; return its lines, each with single blanks."""
    assert show_status(run_of(RUN)["run_id"], jobs.server.url, NAMESPACE) == 0
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


# Recorded Job, its queue, what the step is said to be at, and what to do.
SITUATIONS = [
    ("waiting-for-quota", "active", "waiting TIME queued in active: couldn't assign", "it begins as soon as others"),
    ("never-more-than-maximum", "active", "waiting TIME queued in active: couldn't assign", "it never begins: ask for"),
    ("preempted", "active", "waiting TIME queued in active: preempted, then couldn't", "it never begins: ask for"),
    ("suspended-midrun", "", "waiting TIME suspended by somebody", "set spec.suspend of the Job to false"),
    ("unschedulable-gpu", "", "waiting TIME 1 pod waits for a node with cpu 10m", "nothing to do if nodes are added"),
    ("image-pull", "", "waiting TIME 1 pod waits for its image registry.invalid/", "check the name, and whether the"),
    ("quota-refused", "", "waiting TIME it gets no pods: Error creating: pods", "`kubectl describe job` says more"),
    ("running-indexed", "", "running TIME 2 of 2 pods run", ""),
    ("partial-admission", "active", "running TIME 4 of 4 pods run", ""),
    ("elastic-scale-up-pending", "active", "running TIME 1 of 2 pods run; 1 pod waits for quota", "it begins as soon"),
    ("backoff-index-waiting", "", "running TIME 1 of 2 pods run; 6 pods ended before the work did, the last: exit", ""),
    ("oom-killed", "", "running TIME its last Job has failed (out of memory: killed at its limit of 64Mi)", ""),
    ("complete-indexed", "", "running TIME its last Job is complete", ""),
]


@pytest.mark.parametrize(("situation", "queue", "said", "remedy"), SITUATIONS, ids=[each[0] for each in SITUATIONS])
def test_a_step_is_said_to_be_at_what_its_job_is_at(
    situation: str, queue: str, said: str, remedy: str, jobs: RunCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs.play(situation, followed(jobs, queue=queue))
    lines = shown(jobs, capsys)
    (line,) = [line for line in lines if line.startswith((f"{STEP} running", f"{STEP} waiting"))]
    state, _, told = said.partition(" TIME ")
    assert line.startswith(f"{STEP} {state} ")
    assert told in line
    remedies = [line for line in lines if line.startswith("what to do: ")]
    assert any(remedy in each for each in remedies) == bool(remedy)
    assert f": {state}, 3 of 30 steps done" in lines[0]
    assert not [line for line in lines if line.startswith("note: ")]


# Conditions and nodes of a TrainJob, as Kubeflow Trainer 2 has them: nobody recorded one of a real cluster.
SUSPENDED = {"conditions": [{"type": "Suspended", "status": "True", "reason": "Suspended", "message": "is suspended"}]}
RESUMED = {"type": "Suspended", "status": "False", "reason": "Resumed", "message": "is resumed"}
FAILED = {"type": "Failed", "status": "True", "reason": "FailedJobs", "message": "jobset failed"}
NODES = {"name": "node", "active": 2, "ready": 0, "succeeded": 0, "failed": 0, "suspended": 0}
UNSCHEDULABLE = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "Unschedulable",
    "message": "0/3 nodes are available: 3 Insufficient nvidia.com/gpu.",
}
NODE_GONE = {
    "type": "DisruptionTarget",
    "status": "True",
    "reason": "DeletionByPodGC",
    "message": "PodGC: node no longer exists",
}
TRAININGS = [
    (SUSPENDED, "active", {}, "waiting TIME queued in active: couldn't assign", "it begins as soon as others"),
    (SUSPENDED, "", {}, "waiting TIME suspended by somebody", "set spec.suspend of the TrainJob to false"),
    ({}, "", {}, "waiting TIME accepted", ""),
    (
        {"conditions": [RESUMED], "jobsStatus": [NODES]},
        "active",
        {"phase": "Pending", "conditions": [UNSCHEDULABLE]},
        "waiting TIME waits for its nodes: for a node: 0/3 nodes are available: 3 Insufficient nvidia.com/gpu",
        "nothing to do if nodes are added",
    ),
    ({"jobsStatus": [NODES | {"ready": 2}]}, "", {"phase": "Running"}, "running TIME all nodes run", ""),
    (
        {"jobsStatus": [NODES]},
        "",
        {"phase": "Failed", "conditions": [NODE_GONE]},
        "waiting TIME a node was lost: evicted: PodGC: node no longer exists",
        "the training continues from its last checkpoint",
    ),
    ({"conditions": [FAILED]}, "", {}, "running TIME its last Job has failed (failed (jobset failed))", ""),
]


def train_job_of(jobs: RunCluster, status: dict[str, Any], queue: str) -> dict[str, Any]:
    """Let the step's task follow a TrainJob; one in a queue has the recorded Workload of what waits for quota."""
    jobs.play("waiting-for-quota", followed(jobs, queue="active"))
    (other,) = jobs.jobs.values()
    labels = {RUN_LABEL: run_of(RUN)["run_id"], **({QUEUE_LABEL: queue} if queue else {})}
    told = {"labels": labels, "annotations": {TASK_ANNOTATION: TASK}}
    metadata = {"name": "train", "uid": other["metadata"]["uid"], **told}
    jobs.train_jobs["train"] = {"metadata": metadata, "status": status}
    jobs.jobs.clear()
    return jobs.train_jobs["train"]


def test_the_step_that_follows_a_queued_train_job_logs_why_it_waits_if_it_may_see_that(jobs: RunCluster) -> None:
    job = train_job_of(jobs, SUSPENDED, "active")
    configure()
    assert TrainJobs(OF_RUN).state_of(job).startswith("queued in active: couldn't assign flavors")
    jobs.refusals["GET workloads"] = [(403, {"message": "workloads is forbidden"})]
    assert TrainJobs(OF_RUN).state_of(job) == "queued in active"


@pytest.mark.parametrize(("status", "queue", "node", "said", "remedy"), TRAININGS)
def test_a_training_on_several_nodes_is_said_to_be_at_what_its_train_job_is_at(
    status: dict[str, Any],
    queue: str,
    node: dict[str, Any],
    said: str,
    remedy: str,
    jobs: RunCluster,
    capsys: pytest.CaptureFixture[str],
) -> None:
    train_job_of(jobs, status, queue)
    if node:
        of_train_job = {"name": "train-node-0", "labels": {JOBSET_LABEL: "train"}}
        jobs.pods["train-node-0"] = {"metadata": of_train_job, "spec": {}, "status": node}
    lines = shown(jobs, capsys)
    (line,) = [line for line in lines if line.startswith((f"{STEP} running", f"{STEP} waiting"))]
    state, _, told = said.partition(" TIME ")
    assert line.startswith(f"{STEP} {state} ")
    assert told in line
    remedies = [line for line in lines if line.startswith("what to do: ")]
    assert any(remedy in each for each in remedies) == bool(remedy)


def test_a_jobs_step_has_its_rows_rate_and_time_left_in_its_line(
    jobs: RunCluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = Workspace(str(tmp_path / "workspace"))
    folders = [half_done(workspace, number) for number in (3, 2)]
    jobs.jobs[followed(jobs)]["metadata"]["annotations"][FOLDER_LABEL] = folders[0]
    lines = shown(jobs, capsys)
    line = line_of(lines, f"{STEP} running")
    assert "30 of 40 rows, " in line
    assert " rows/s, 0:00:0" in line
    assert " left; 2 of 2 pods run" in line
    others = [line for line in lines if line.startswith("given_rows/")]
    assert [line.split()[0].rpartition("/")[2] for line in others] == [folders[1].rpartition("/")[2]]


def test_of_two_tasks_of_one_step_each_has_its_own_job(jobs: RunCluster, capsys: pytest.CaptureFixture[str]) -> None:
    followed(jobs)
    jobs.play("image-pull", followed(jobs, task=TASK.replace("0:0", "1:1")))
    lines = shown(jobs, capsys)
    line_of(lines, f"{STEP} running")
    assert not [line for line in lines if "image" in line], "the other generator's step has not begun"


def test_of_several_attempts_the_last_job_counts(jobs: RunCluster, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = followed(jobs), followed(jobs)
    jobs.jobs[first]["metadata"]["creationTimestamp"] = "2026-11-29T00:00:00Z"
    jobs.fail(first, "DeadlineExceeded")
    assert jobs.is_live(second)
    assert "2 of 2 pods run" in line_of(shown(jobs, capsys), f"{STEP} running")


def test_the_pods_of_a_job_that_was_another_runs_before_are_seen(
    jobs: RunCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    followed(jobs)
    for pod in jobs.pods.values():
        pod["metadata"]["labels"][RUN_LABEL] = "another-run"  # a template never changes
    assert "2 of 2 pods run" in line_of(shown(jobs, capsys), f"{STEP} running")


def sign_in_by_a_program(kubeconfig: Path) -> Path:
    """Let a program give the token, as those of clouds do; return the file with a line for each time that it ran."""
    runs, program = kubeconfig.with_name("sign-ins"), kubeconfig.with_name("sign-in")
    version = "client.authentication.k8s.io/v1beta1"
    credential = {"apiVersion": version, "kind": "ExecCredential", "status": {"token": "t"}}
    program.write_text(f"#!/bin/sh\necho once >> {runs}\necho '{json.dumps(credential)}'\n")
    program.chmod(0o700)
    content = yaml.safe_load(kubeconfig.read_text())
    content["users"][0]["user"] = {"exec": {"apiVersion": version, "command": str(program), "interactiveMode": "Never"}}
    kubeconfig.write_text(yaml.safe_dump(content))
    return runs


def test_one_look_signs_in_once_and_reads_the_events_once(
    jobs: RunCluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    signed_in = sign_in_by_a_program(tmp_path / "kubeconfig")
    jobs.play("unschedulable-gpu", followed(jobs))
    pods = recorded(f"pods/{RUN}.pods")
    pods["items"][0]["status"]["phase"] = "Pending"  # of a task: its events are of interest, too
    jobs.server.on(PODS, pods)
    line_of(shown(jobs, capsys), f"{STEP} waiting")
    assert [asked for asked, _ in jobs.server.asked].count(EVENTS) == 1
    assert signed_in.read_text().splitlines() == ["once"]


def forbidden(jobs: RunCluster, kind: str) -> None:
    jobs.refusals[f"GET {kind}"] = [(403, body_of("jobs/error-403-rbac-list"))]


def test_where_jobs_may_not_be_read_kubeflows_state_is_shown_with_a_note(
    jobs: RunCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    followed(jobs)
    forbidden(jobs, "jobs")
    lines = shown(jobs, capsys)
    assert "note: its Jobs could not be read (the Kubernetes API responds 403 Forbidden)" in line_of(lines, "note: ")
    assert " pods run" not in line_of(lines, f"{STEP} running")


def test_where_only_workloads_may_not_be_read_it_waits_without_the_reason(
    jobs: RunCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs.play("waiting-for-quota", followed(jobs, queue="active"))
    forbidden(jobs, "workloads")
    assert line_of(shown(jobs, capsys), f"{STEP} waiting").endswith(" queued in active")


def test_jobs_that_outlive_their_run_are_named_with_what_ends_them(
    jobs: RunCluster, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    name = followed(jobs)
    run_in(jobs.server, str(tmp_path), state="CANCELED", finished_at="2026-11-29T19:00:00Z")
    show_status(run_of(RUN)["run_id"], jobs.server.url, NAMESPACE)
    lines = capsys.readouterr().out.splitlines()
    note = line_of(lines, "note: Jobs of it end within ten minutes, at once with `scalequest stop ")
    assert note.endswith(f"`: {name}")


def test_watching_tells_each_change_of_a_job(
    jobs: RunCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = followed(jobs, queue="active")
    jobs.play("waiting-for-quota", name)
    changes: list[Callable[[], None]] = [
        lambda: jobs.play("waiting-for-quota", name),
        lambda: jobs.play("running-indexed", name),
        lambda: jobs.play("evicted-ignored", name),
        lambda: run_in(jobs.server, str(tmp_path), state="CANCELED"),
    ]

    def next_change(_: float) -> None:
        changes.pop(0)()

    monkeypatch.setattr(time, "sleep", next_change)
    client, _ = connect(jobs.server.url, NAMESPACE)
    watching.watch(client, run_of(RUN)["run_id"], jobs.server.url, NAMESPACE, Console(file=sys.stdout))
    said = [line for line in capsys.readouterr().out.splitlines() if f"{STEP}  " in line and "done" not in line]
    told = [line.partition(f"{STEP}  ")[2] for line in said]
    assert [line.partition(": ")[0] for line in told[:2]] == ["waiting queued in active", "running 2 of 2 pods run"]
    assert set(told[2:]) == {"terminated"}


def test_watching_tells_the_rows_of_a_job_now_and_then(
    jobs: RunCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = half_done(Workspace(str(tmp_path / "workspace")), 3)
    jobs.jobs[followed(jobs)]["metadata"]["annotations"][FOLDER_LABEL] = folder
    looks: list[float] = []

    def look_again(_: float) -> None:
        looks.append(0)
        monkeypatch.setattr(watching, "ROWS_SECONDS", 0 if len(looks) == 1 else 600)
        if len(looks) == 3:
            run_in(jobs.server, str(tmp_path / "workspace"), state="CANCELED")

    monkeypatch.setattr(time, "sleep", look_again)
    client, _ = connect(jobs.server.url, NAMESPACE)
    watching.watch(client, run_of(RUN)["run_id"], jobs.server.url, NAMESPACE, Console(file=sys.stdout))
    told = [line.partition(f"{STEP}  ")[2] for line in capsys.readouterr().out.splitlines()]
    (rows,) = [line for line in told if " rows" in line]
    assert rows.startswith("running 30 of 40 rows, ")
    assert rows.endswith(" left")
