"""The step that starts a TrainJob and follows it: made once, found again, watched to its end, deleted with its step."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from components.shared import kubernetes_api
from components.shared.errors import ExitCode, InputError, UnavailableError
from components.shared.jobs.own_pod import Handed
from components.shared.records import Question
from components.shared.stores import storage
from components.shared.training import _train_job_pods, train_jobs
from components.shared.training.launch import train_on_nodes
from components.shared.training.nodes import VARIABLES
from components.shared.training.train_jobs import train_job
from components.shared.workspace import Workspace
from components.shared.workspace.planning import command_of, make_plan
from components.train_sft.config import TrainSftConfig
from tests.components.shared.trainer_cluster import (
    NO_SUCH_PATH,
    RUNTIME,
    Cluster,
    condition,
    forbidden,
    launching_pod,
    node_pod,
    status,
)
from tests.components.shared.trainer_server import serving
from tests.conftest import WriteRows
from tests.manifests.trainer_rights import rights_of_a_step
from tests.stores import free_ports

pytestmark = pytest.mark.slow

SECONDS = 60.0
QUEUE = {"kueue.x-k8s.io/queue-name": "scalequest-gpu"}


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """A cluster with Kubeflow Trainer and the chart's runtime; this process is the pod ``launcher`` of a Workflow."""
    state = Cluster()
    state.add_pod(launching_pod())
    with serving(state, tmp_path / "kubeconfig"):
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
        monkeypatch.setenv("KFP_POD_NAME", "launcher")
        for name in (*VARIABLES, "KUBERNETES_SERVICE_HOST"):
            monkeypatch.delenv(name, raising=False)
        for module in (train_jobs, _train_job_pods):
            pause = "PAUSE_SECONDS" if module is train_jobs else "POLL_SECONDS"
            monkeypatch.setattr(module, pause, 0.05)
        yield state


@pytest.fixture
def config(workspace: Workspace, tiny_model: Path, write_questions: WriteRows) -> TrainSftConfig:
    """A training on two nodes."""
    return TrainSftConfig(
        workspace=workspace.uri, model=str(tiny_model), examples=write_questions(workspace, ["1+1?"] * 4),
        num_nodes=2, num_processes=1, batch_size=4, micro_batch_size=2,
    )  # fmt: skip


def _folder(config: TrainSftConfig) -> str:
    return storage.join(config.workspace, config.step, make_plan(config).fingerprint)


def _finish(config: TrainSftConfig, model: Path) -> None:
    """Do what the first node does in the end."""
    Workspace(config.workspace).open(config).begin_model().finish(model, metrics={"loss_last": 0.5})


def _completes(
    cluster: Cluster, config: TrainSftConfig, model: Path, until: Callable[[], object] = lambda: time.sleep(0.2)
) -> None:
    """Let each TrainJob that is created come to its good end, once it has lasted until something was seen."""

    def train(job: dict[str, Any]) -> None:
        name = job["metadata"]["name"]
        cluster.add_pod(node_pod(name, 0), "step 1 of 2", "step 2 of 2")
        until()
        _finish(config, model)
        cluster.add_pod(node_pod(name, 0, ExitCode.DONE))
        cluster.end(name, "Complete")

    cluster.on_create = lambda job: threading.Thread(target=train, args=(job,)).start()


def _fails(cluster: Cluster, codes: list[int | None], logs: list[list[str]]) -> None:
    """Let each TrainJob that is created fail, its nodes with these codes, None for a pod that is gone."""

    def fail(job: dict[str, Any]) -> None:
        name = job["metadata"]["name"]
        for index, (code, lines) in enumerate(zip(codes, logs, strict=True)):
            if code is not None:
                cluster.add_pod(node_pod(name, index, code), *lines)
        cluster.end(name, "Failed", "jobset failed due to one or more job failures")

    cluster.on_create = lambda job: threading.Thread(target=fail, args=(job,)).start()


# --- created, watched, finished ----------------------------------------------------------------------------------


def test_kubernetes_expands_nothing_in_the_command_of_a_train_job(config: TrainSftConfig) -> None:
    asked = dataclasses.replace(config, workspace="s3://bucket/$(HOME)$$")
    made = train_job("train-sft-1", "s3://bucket/x", asked, Handed(), {"metadata": {}})
    assert "s3://bucket/$$(HOME)$$$$" in made["spec"]["trainer"]["args"]


def test_a_train_job_is_made_followed_and_its_folder_returned(
    cluster: Cluster, config: TrainSftConfig, workspace: Workspace, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.runtime["metadata"]["labels"] = QUEUE | {"app": "x"}
    _completes(cluster, config, tiny_model)
    assert train_on_nodes(config, workspace.open(config)) == _folder(config)
    (job,) = cluster.jobs.values()
    metadata, spec = job["metadata"], job["spec"]
    assert re.fullmatch(r"train-sft-[0-9a-f]{16}-[0-9a-f]{6}", metadata["name"])
    assert metadata["labels"].items() >= QUEUE.items()
    assert "app" not in metadata["labels"]
    assert metadata["annotations"] == {"scalequest.dev/folder": _folder(config)}
    assert metadata["ownerReferences"] == [
        {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "name": "run-1", "uid": "uid-of-run-1"}
    ]
    assert spec["runtimeRef"] == {"apiGroup": "trainer.kubeflow.org", "kind": "TrainingRuntime", "name": RUNTIME}
    trainer = spec["trainer"]
    assert trainer["numNodes"] == 2
    assert trainer["image"] == "registry/train@sha256:own"
    assert ["python", *trainer["command"][1:], *trainer["args"]] == shlex.split(command_of(config))
    assert capsys.readouterr().err.count("step 2 of 2") == 1, "the first node's log, each line once"


def test_what_is_sent_has_only_fields_that_kubeflow_trainer_knows(
    cluster: Cluster, config: TrainSftConfig, workspace: Workspace, tiny_model: Path
) -> None:
    from kubeflow_trainer_api.models.trainer_v1alpha1_train_job import (  # type: ignore[import-untyped]
        TrainerV1alpha1TrainJob,
    )

    _completes(cluster, config, tiny_model)
    train_on_nodes(config, workspace.open(config))
    (sent,) = [body for asked, _, body in cluster.asked if asked == "POST trainjobs"]
    read = TrainerV1alpha1TrainJob.from_dict(sent)
    assert json.loads(read.to_json())["spec"] == sent["spec"]
    assert set(sent["spec"]) == {"runtimeRef", "trainer"}, "fields that no minor version has changed"


def test_another_workspace_has_another_train_job(cluster: Cluster, config: TrainSftConfig, tiny_model: Path) -> None:
    for place in ("one", "two"):
        other = dataclasses.replace(config, workspace=f"{config.workspace}-{place}")
        _completes(cluster, other, tiny_model)
        train_on_nodes(other, Workspace(other.workspace).open(other))
    assert len(cluster.jobs) == 2


@pytest.mark.parametrize("how", ["cut", "gone", "gone at once"])
def test_a_watch_that_is_cut_or_too_old_is_begun_again_from_a_list(
    how: str, cluster: Cluster, config: TrainSftConfig, workspace: Workspace, tiny_model: Path
) -> None:
    cluster.broken_watches = [how, how]
    _completes(cluster, config, tiny_model, until=cluster.await_broken_watches)
    assert train_on_nodes(config, workspace.open(config)) == _folder(config)
    assert cluster.broken_watches == []
    assert cluster.count("POST trainjobs") == 1
    assert cluster.count("WATCH trainjobs") >= 2


def test_an_api_server_that_is_away_for_a_while_is_asked_again(
    cluster: Cluster, config: TrainSftConfig, workspace: Workspace, tiny_model: Path
) -> None:
    away = status(503, "ServiceUnavailable", "the server is currently unable to handle the request")
    cluster.refusals = {"GET trainingruntimes": [away], "POST trainjobs": [away, away]}
    _completes(cluster, config, tiny_model)
    assert train_on_nodes(config, workspace.open(config)) == _folder(config)
    assert cluster.count("POST trainjobs") == 3


def test_an_api_server_that_stays_away_is_unavailable(
    cluster: Cluster, config: TrainSftConfig, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubernetes_api, "API", dataclasses.replace(kubernetes_api.API, limit=0.2))
    away = status(503, "ServiceUnavailable", "away")
    cluster.refusals = {"GET trainingruntimes": [away] * 50}
    with pytest.raises(UnavailableError, match=r"was tried [3-9] times .* 503 away; .*: check the Kubernetes API"):
        train_on_nodes(config, workspace.open(config))


# --- refused -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "answer", "message"),
    [
        ("GET trainingruntimes", NO_SUCH_PATH, "this cluster has no trainer.kubeflow.org/v1alpha1; install Kubeflow"),
        ("GET trainingruntimes", forbidden("get", "trainingruntimes"), "cannot get resource"),
        ("GET trainjobs", forbidden("list", "trainjobs"), "with trainer.enabled=true"),
        ("POST trainjobs", forbidden("create", "trainjobs"), "creating the TrainJob train-sft-"),
        ("POST trainjobs", status(422, "Invalid", "numNodes: too many"), "not accepted (422 numNodes: too many)"),
        ("GET pods", forbidden("get", "pods"), "reading the pod launcher: not allowed"),
        ("GET pods", status(401, "Unauthorized", "Unauthorized"), "does not accept this user"),
    ],
)
def test_what_the_cluster_refuses_is_one_message_and_starts_nothing(
    request_: str, answer: Any, message: str, cluster: Cluster, config: TrainSftConfig, workspace: Workspace
) -> None:
    cluster.refusals = {request_: [answer]}
    with pytest.raises(InputError, match=re.escape(message)):
        train_on_nodes(config, workspace.open(config))
    assert cluster.jobs == {}


def test_a_runtime_that_is_not_there_is_named(cluster: Cluster, config: TrainSftConfig, workspace: Workspace) -> None:
    other = dataclasses.replace(config, train_job_runtime="large")
    with pytest.raises(InputError, match="there is no TrainingRuntime large in the namespace team-a; the Helm chart"):
        train_on_nodes(other, workspace.open(other))


def test_no_cluster_at_all_is_said(
    config: TrainSftConfig, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "nothing"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(InputError, match=r"starts a TrainJob, but no cluster was found \(.*; run it in a pod"):
        train_on_nodes(config, workspace.open(config))


def test_the_role_allows_what_is_asked_and_nothing_else_of_trainings(
    cluster: Cluster, config: TrainSftConfig, workspace: Workspace, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fails(cluster, [137, 1], [[], []])
    with pytest.raises(UnavailableError):
        train_on_nodes(config, workspace.open(config))
    _completes(cluster, config, tiny_model, until=lambda: cluster.await_asked("PATCH trainjobs"))
    cluster.add_pod(launching_pod("second", workflow="run-2"))
    first = threading.Thread(target=train_on_nodes, args=(config, workspace.open(config)))
    first.start()
    cluster.await_asked("POST trainjobs", 2)
    monkeypatch.setenv("KFP_POD_NAME", "second")
    train_on_nodes(config, workspace.open(config))
    first.join(SECONDS)
    verbs = {"POST": "create", "WATCH": "watch", "PATCH": "patch", "DELETE": "delete"}
    asked = set()
    for request, query, _ in cluster.asked:
        method, kind = request.split()
        verb = verbs.get(method) or ("list" if {"fieldSelector", "labelSelector"} & set(query) else "get")
        asked.add((verb, kind.replace("log", "pods/log")))
    assert {(verb, kind) for verb, kind in asked if kind != "pods"} == rights_of_a_step()


def test_the_deadlines_of_the_nodes_jobs_are_moved_while_the_step_waits_for_them(
    cluster: Cluster, config: TrainSftConfig, workspace: Workspace, tiny_model: Path
) -> None:
    _completes(cluster, config, tiny_model, until=lambda: cluster.await_asked("PATCH jobs"))
    train_on_nodes(config, workspace.open(config))
    (job,) = cluster.node_jobs.values()
    ran = (datetime.now(UTC) - datetime.fromisoformat(job["status"]["startTime"])).total_seconds()
    assert 500 < job["spec"]["activeDeadlineSeconds"] - ran <= 601


def test_where_deadlines_may_not_be_moved_the_log_says_so_once_and_the_training_goes_on(
    cluster: Cluster, config: TrainSftConfig, workspace: Workspace, tiny_model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.refusals["GET jobs"] = [forbidden("list", "jobs")]
    _completes(cluster, config, tiny_model, until=lambda: cluster.await_asked("GET jobs"))
    assert train_on_nodes(config, workspace.open(config)) == _folder(config)
    (line,) = [line for line in caplog.messages if "the nodes go on" in line]
    assert 'cannot list resource "jobs"' in line


# --- failed ------------------------------------------------------------------------------------------------------

LOST = ["RuntimeError: [gloo/transport/tcp/pair.cc:537] Connection reset by peer"]


@pytest.mark.parametrize(
    ("codes", "logs", "error", "message"),
    [
        ([2, 2], [["train_sft: error: --model x: no such model"]] * 2, InputError, "--model x: no such model"),
        ([2, 137], [["train_sft: error: bad rows"], []], InputError, "bad rows"),
        ([1, 137], [LOST, ["last words"]], UnavailableError, "ended with 137: last words"),
        ([75, 75], [["train_sft: error: no answer"]] * 2, UnavailableError, "no answer"),
        ([75, 143], [LOST, ["stopped as asked"]], UnavailableError, "lost a node"),
        ([1, None], [LOST, []], UnavailableError, "1 of 2 pods are left"),
        ([None, None], [[], []], UnavailableError, "failed (jobset failed due to one or more job failures): it lost a"),
        ([1, 1], [["ZeroDivisionError: a"], ["ZeroDivisionError: b"]], RuntimeError, "ZeroDivisionError: b"),
    ],
)
def test_how_its_nodes_ended_is_how_the_step_ends(
    codes: list[int | None],
    logs: list[list[str]],
    error: type[Exception],
    message: str,
    cluster: Cluster,
    config: TrainSftConfig,
    workspace: Workspace,
) -> None:
    _fails(cluster, codes, logs)
    with pytest.raises(error, match=re.escape(message)):
        train_on_nodes(config, workspace.open(config))
    assert len(cluster.jobs) == 1, "it stays to be looked at"


def test_a_train_job_that_ended_makes_room_for_the_next_attempt(
    cluster: Cluster, config: TrainSftConfig, workspace: Workspace, tiny_model: Path
) -> None:
    _fails(cluster, [137, 1], [[], []])
    with pytest.raises(UnavailableError):
        train_on_nodes(config, workspace.open(config))
    cluster.on_delete = lambda name: time.sleep(0.3)  # its pods end first
    _completes(cluster, config, tiny_model)
    assert train_on_nodes(config, workspace.open(config)) == _folder(config)
    (options,) = [body for asked, _, body in cluster.asked if asked == "DELETE trainjobs"]
    assert options["propagationPolicy"] == "Foreground"
    assert cluster.count("POST trainjobs") == 2


def test_a_train_job_that_somebody_deletes_is_said_to_be(
    cluster: Cluster, config: TrainSftConfig, workspace: Workspace
) -> None:
    cluster.on_create = lambda job: threading.Timer(0.3, cluster.remove, (job["metadata"]["name"],)).start()
    with pytest.raises(
        UnavailableError, match="was deleted while this step waited for it; the same command creates it again"
    ):
        train_on_nodes(config, workspace.open(config))


def test_a_train_job_that_finished_another_folder_is_said_to_have(
    cluster: Cluster, config: TrainSftConfig, workspace: Workspace
) -> None:
    cluster.on_create = lambda job: threading.Timer(0.2, cluster.end, (job["metadata"]["name"], "Complete")).start()
    with pytest.raises(InputError, match=r"is complete, but .* is not finished: its pods made another folder"):
        train_on_nodes(config, workspace.open(config))


# --- found again, and deleted with its step ----------------------------------------------------------------------


@dataclasses.dataclass
class Step:
    """The step as its pod runs it: a process of its own."""

    config: TrainSftConfig
    log: Path
    pod: str = "launcher"

    def start(self) -> subprocess.Popen[bytes]:
        words = [sys.executable, *shlex.split(command_of(self.config))[1:]]
        with self.log.open("ab") as log:
            environment = os.environ | {"KFP_POD_NAME": self.pod}
            return subprocess.Popen(words, stdout=log, stderr=log, env=environment)


def test_a_step_that_is_started_again_follows_the_train_job_that_runs(
    cluster: Cluster, config: TrainSftConfig, tmp_path: Path, tiny_model: Path
) -> None:
    first = Step(config, tmp_path / "first").start()
    name = cluster.await_job()
    cluster.add_pod(node_pod(name, 0), *(f"line {number}" for number in range(100)))
    cluster.await_asked("WATCH trainjobs")
    first.kill()
    assert first.wait(SECONDS) == -signal.SIGKILL
    cluster.add_pod(launching_pod("second", workflow="run-2"))
    again = Step(config, tmp_path / "again", pod="second").start()
    cluster.await_asked("WATCH trainjobs", 2)
    _finish(config, tiny_model)
    cluster.add_pod(node_pod(name, 0, ExitCode.DONE), "the last line")
    cluster.end(name, "Complete")
    assert again.wait(SECONDS) == ExitCode.DONE, (tmp_path / "again").read_text()
    text = (tmp_path / "again").read_text()
    assert text.splitlines()[-1] == _folder(config)
    assert f"found TrainJob {name}, which has 2 nodes" in text
    assert "line 99" in text
    assert "line 10\n" not in text, "only the last lines of what was logged before"
    assert "the last line" in text
    assert cluster.count("POST trainjobs") == 1
    assert [each["name"] for each in cluster.jobs[name]["metadata"]["ownerReferences"]] == ["run-1", "run-2"]


@pytest.mark.parametrize(
    "moved", ["", "DisruptionTarget", "TerminationTarget"], ids=["cancelled", "drained", "preempted-by-kueue"]
)
def test_a_step_that_is_stopped_deletes_its_train_job_unless_its_pod_is_only_moved(
    moved: str, cluster: Cluster, config: TrainSftConfig, tmp_path: Path
) -> None:
    process = Step(config, tmp_path / "log").start()
    name = cluster.await_job()
    cluster.await_asked("WATCH trainjobs")
    if moved:
        going = launching_pod()
        going["status"]["conditions"] = [condition("Ready", "it still runs"), condition(moved, "to make room")]
        cluster.add_pod(going)
    process.terminate()
    assert process.wait(SECONDS) == ExitCode.STOPPED, (tmp_path / "log").read_text()
    assert cluster.count("DELETE trainjobs") == (0 if moved else 1)
    left = cluster.jobs.get(name)
    assert (left is not None and "deletionTimestamp" not in left["metadata"]) == bool(moved)
    assert "train_sft: stopped as requested" in (tmp_path / "log").read_text()


def test_two_steps_at_once_share_one_train_job(
    cluster: Cluster, config: TrainSftConfig, workspace: Workspace, tiny_model: Path
) -> None:
    _completes(cluster, config, tiny_model, until=lambda: cluster.await_asked("WATCH trainjobs", 2))
    results: list[str] = []
    twins = [
        threading.Thread(target=lambda: results.append(train_on_nodes(config, workspace.open(config))))
        for _ in range(2)
    ]
    for twin in twins:
        twin.start()
    for twin in twins:
        twin.join(SECONDS)
    assert results == [_folder(config)] * 2
    assert len([kind for _, kind, _ in cluster.changes if kind == "ADDED"]) == 1


def test_a_train_job_that_another_step_made_meanwhile_is_followed(
    cluster: Cluster, config: TrainSftConfig, workspace: Workspace, tiny_model: Path
) -> None:
    _completes(cluster, config, tiny_model)
    exists = status(409, "AlreadyExists", "already exists")
    cluster.refusals = {"POST trainjobs": [exists, exists]}
    assert train_on_nodes(config, workspace.open(config)) == _folder(config)
    assert cluster.count("POST trainjobs") == 3


def test_a_train_job_that_is_being_deleted_is_waited_for(
    cluster: Cluster, config: TrainSftConfig, workspace: Workspace, tiny_model: Path
) -> None:
    cluster.on_create = lambda job: threading.Timer(0.3, cluster.remove, (job["metadata"]["name"],)).start()
    with pytest.raises(UnavailableError):
        train_on_nodes(config, workspace.open(config))
    (left,) = [body for asked, _, body in cluster.asked if asked == "POST trainjobs"]
    going = left | {"metadata": left["metadata"] | {"deletionTimestamp": "2026-11-22T12:00:00Z"}}
    cluster.on_create = lambda job: None
    cluster.on_delete = lambda name: time.sleep(0.3)  # its pods end first
    cluster.answer("POST", "trainjobs", "", going)
    _completes(cluster, config, tiny_model)
    assert train_on_nodes(config, workspace.open(config)) == _folder(config)
    assert cluster.count("POST trainjobs") == 2


# --- for real ----------------------------------------------------------------------------------------------------


@pytest.mark.model
def test_the_command_of_a_train_job_trains_on_two_nodes_and_the_launching_step_returns_what_they_made(
    cluster: Cluster, config: TrainSftConfig, workspace: Workspace, write_rows: WriteRows, tmp_path: Path
) -> None:
    rows = [Question(id=f"q{n}", question=f"What is {n} plus {'1' * (1 + n % 5)}?", source="s") for n in range(16)]
    config = dataclasses.replace(config, examples=write_rows(workspace, rows), parallelism="zero3", max_tokens=96)
    cluster.on_create = lambda job: threading.Thread(target=_run_pods, args=(cluster, job, tmp_path)).start()
    assert train_on_nodes(config, workspace.open(config)) == _folder(config)
    manifest = json.loads(storage.read_bytes(storage.join(_folder(config), "_manifest.json")))
    assert manifest["metrics"]["steps"] == 4
    assert manifest["rows_out"] == 16


def _run_pods(cluster: Cluster, job: dict[str, Any], folder: Path) -> None:
    """Do what Trainer's controller, JobSet and the kubelets do with a TrainJob."""
    name, trainer = job["metadata"]["name"], job["spec"]["trainer"]
    words = [sys.executable, *trainer["command"][1:], *trainer["args"]]
    (port,) = map(str, free_ports(1))
    pods = []
    for rank in range(trainer["numNodes"]):
        environment = dict(zip(VARIABLES, (str(trainer["numNodes"]), str(rank), "127.0.0.1", port), strict=True))
        with (folder / f"pod-{rank}").open("wb") as log:
            pods.append(subprocess.Popen(words, stdout=log, stderr=log, env=os.environ | environment))
    for rank, process in enumerate(pods):
        code = process.wait(200)
        cluster.add_pod(node_pod(name, rank, code), *(folder / f"pod-{rank}").read_text().splitlines())
    cluster.end(name, "Complete" if all(process.returncode == 0 for process in pods) else "Failed")
