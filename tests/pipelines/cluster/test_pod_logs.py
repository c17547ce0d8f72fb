"""`scalequest logs` of a run on Kubeflow: its pods' logs, by step."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from components.shared.errors import ExitCode
from components.shared.jobs.folder_names import TASK_ANNOTATION
from components.shared.jobs.selected_jobs import JOB_LABEL
from components.shared.training.train_jobs import GROUP, JOBSET_LABEL, VERSION
from components.shared.training.train_jobs import JOBS as TRAIN_JOBS
from pipelines.cluster.pod_logs import show_pod_logs
from pipelines.cluster.workflow import read_workflow
from tests.pipelines.cluster.conftest import NAMESPACE, Server, kubeconfig_of
from tests.pipelines.cluster.recorded_runs import JOBS, PODS, answer_of, recorded, serve_pods, serve_run
from tests.pipelines.cluster.recorded_runs import NAMESPACE as OF_RUN

RUN = "run-step-running"


@pytest.fixture
def run_id(kubeflow: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A run whose pods have logs, all but the first of them."""
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig_of(kubeflow.url, tmp_path)))
    serve_pods(kubeflow, RUN)
    for number, pod in enumerate(recorded(f"pods/{RUN}.pods")["items"]):
        path = f"GET /api/v1/namespaces/{OF_RUN}/pods/{pod['metadata']['name']}"
        if number:
            kubeflow.on(f"{path}/log", f"log of {pod['metadata']['name']}\x1b[31m\n".encode())
    return serve_run(kubeflow, RUN)


def test_logs_of_a_runs_pods_come_by_step_and_no_terminal_obeys_them(
    run_id: str, kubeflow: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    assert show_pod_logs(run_id, "", kubeflow.url, NAMESPACE) == ExitCode.DONE
    every = capsys.readouterr().out
    titles = [line for line in every.splitlines() if line.startswith("==> ")]
    assert any(title.startswith("==> generate_questions first, pod ") for title in titles)
    for title in titles:
        assert f"{title}\nlog of {title.split()[-2]}\\x1b[31m\n" in every
    assert show_pod_logs(run_id, "generate_questions", kubeflow.url, NAMESPACE) == ExitCode.DONE
    alone = [line for line in capsys.readouterr().out.splitlines() if line.startswith("==> ")]
    assert alone == [title for title in titles if title.startswith("==> generate_questions")]


def test_logs_as_json_are_an_object_a_line(run_id: str, kubeflow: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert show_pod_logs(run_id, "generate_questions", kubeflow.url, NAMESPACE, as_json=True) == ExitCode.DONE
    said = capsys.readouterr()
    told = [json.loads(line) for line in said.out.splitlines()]
    assert told
    for each in told:
        assert each["step"] == "generate_questions"
        assert each["line"] == f"log of {each['log'].split()[-1]}\x1b[31m"
    assert said.err == ""


def test_a_step_that_has_not_begun_is_named_with_those_that_have(
    run_id: str, kubeflow: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    assert show_pod_logs(run_id, "package_dataset", kubeflow.url, NAMESPACE) == ExitCode.BAD_INPUT
    assert "has not begun package_dataset; its steps so far: import_questions, " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (403, ExitCode.BAD_INPUT, "cannot be read: the Kubernetes API responds 403"),
        (500, ExitCode.UNAVAILABLE, "cannot be read: the Kubernetes API responds 500"),
        (404, ExitCode.BAD_INPUT, "no pod of a step of run"),
    ],
)
def test_pods_that_are_gone_or_may_not_be_read_are_one_message(
    status: int, code: int, message: str, run_id: str, kubeflow: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    for pod in recorded(f"pods/{RUN}.pods")["items"]:
        path = f"GET /api/v1/namespaces/{OF_RUN}/pods/{pod['metadata']['name']}"
        kubeflow.on(f"{path}/log", {"message": "no"}, status)
    assert show_pod_logs(run_id, "", kubeflow.url, NAMESPACE) == code
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""
    assert PODS in kubeflow.answers


def pod_of_the_job(name: str) -> dict[str, Any]:
    metadata = {"name": name, "labels": {JOB_LABEL: "generate-3f9c"}}
    return {"metadata": metadata, "spec": {"containers": [{"name": "sidecar"}, {"name": "step"}]}}


def task_in(run: str) -> str:
    """Return what a Job of the recorded run's step generate_questions names as its task."""
    workflow = read_workflow(answer_of(f"{run}.v1beta1")[1])
    attempts = [node for node in workflow.nodes if node.template.endswith("-impl") and node.is_attempt]
    (task,) = [str(node.raw["name"]) for node in attempts if "generate-questions" in node.raw["name"]]
    return task


def test_a_step_whose_work_a_job_does_has_the_logs_of_the_jobs_pods_too(
    run_id: str, kubeflow: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    job = {
        "metadata": {"name": "generate-3f9c", "annotations": {TASK_ANNOTATION: task_in(RUN)}},
        "status": {"conditions": [{"type": "Complete", "status": "True"}]},
    }
    kubeflow.on(JOBS, {"items": [job]})
    names = ["generate-3f9c-0-b", "generate-3f9c-0-a"]

    def pods_of_the_job(request: str, query: Mapping[str, str], _: Any) -> tuple[int, Any] | None:
        if request == PODS and query.get("labelSelector") == f"{JOB_LABEL} in (generate-3f9c)":
            return 200, {"items": [pod_of_the_job(name) for name in names]}
        return None

    containers: list[str] = []

    def note_container(request: str, query: Mapping[str, str], _: Any) -> None:
        if request.endswith("/log"):
            containers.append(query["container"])

    kubeflow.parts += [note_container, pods_of_the_job]
    for name in names:
        kubeflow.on(f"GET /api/v1/namespaces/{OF_RUN}/pods/{name}/log", f"rows of {name}\n".encode())
    assert show_pod_logs(run_id, "generate_questions", kubeflow.url, NAMESPACE) == ExitCode.DONE
    assert containers == ["main", "step", "step"]
    asked = [request for request, _ in kubeflow.asked]
    assert (asked.count(PODS), asked.count(JOBS)) == (2, 1), "the run's, and then its Job's"
    lines = capsys.readouterr().out.splitlines()
    told = [line for line in lines if line.startswith("==> ") or line.startswith("rows of ")]
    assert told[-4:] == [
        "==> generate_questions first, pod generate-3f9c-0-a of its Job <==",
        "rows of generate-3f9c-0-a",
        "==> generate_questions first, pod generate-3f9c-0-b of its Job <==",
        "rows of generate-3f9c-0-b",
    ]


def test_a_training_on_several_nodes_has_the_logs_of_its_nodes(
    run_id: str, kubeflow: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    annotations = {TASK_ANNOTATION: task_in(RUN)}
    job = {"metadata": {"name": "train-3f9c", "annotations": annotations}, "status": {"conditions": []}}
    kubeflow.on(f"GET /apis/{GROUP}/{VERSION}/namespaces/{OF_RUN}/{TRAIN_JOBS}", {"items": [job]})
    names = ["train-3f9c-node-0-1-b", "train-3f9c-node-0-0-a"]
    labels = {JOBSET_LABEL: "train-3f9c", JOB_LABEL: "train-3f9c-node-0"}
    spec = {"containers": [{"name": "node"}]}
    pods = [{"metadata": {"name": name, "labels": labels}, "spec": spec, "status": {}} for name in names]
    containers: list[str] = []

    def pods_of_the_nodes(request: str, query: Mapping[str, str], _: Any) -> tuple[int, Any] | None:
        if request.endswith("/log"):
            containers.append(query["container"])
        selector = query.get("labelSelector", "")
        if request != PODS or not selector.startswith((JOB_LABEL, JOBSET_LABEL)):
            return None
        is_of_nodes = selector in (f"{JOBSET_LABEL}=train-3f9c", f"{JOBSET_LABEL} in (train-3f9c)")
        return 200, {"items": pods if is_of_nodes else []}

    kubeflow.parts.append(pods_of_the_nodes)
    for name in names:
        kubeflow.on(f"GET /api/v1/namespaces/{OF_RUN}/pods/{name}/log", f"loss of {name}\n".encode())
    assert show_pod_logs(run_id, "generate_questions", kubeflow.url, NAMESPACE) == ExitCode.DONE
    assert containers == ["main", "node", "node"]
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("loss of ")]
    assert told == ["loss of train-3f9c-node-0-0-a", "loss of train-3f9c-node-0-1-b"]
