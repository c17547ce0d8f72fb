import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from components.shared.errors import ExitCode
from components.shared.records import Question
from components.shared.workspace import Workspace
from components.shared.workspace.listing import Descriptions, listing_of
from components.shared.workspace.manifests import MANIFEST
from components.shared.workspace.plans import PLAN
from pipelines.cluster import watching
from pipelines.cluster.kubeflow_api import connect
from pipelines.cluster.run_report import Report, look_at
from pipelines.cluster.run_steps import RUNNING, Step
from pipelines.cluster.status_command import show_status
from pipelines.cluster.unfinished_folders import folders_in_the_making
from tests.conftest import GivenRowsConfig, WriteRows
from tests.fault_proxy import new_clients
from tests.pipelines.cluster.conftest import KUBEFLOW_DEPLOYMENT, NAMESPACE, RUN_ID, Server, kubeconfig_of
from tests.pipelines.cluster.recorded_runs import (
    EVENTS,
    GONE,
    NOT_FOUND,
    PODS,
    WORKFLOW,
    answer_of,
    recorded,
    run_of,
    serve_gone_workflow,
    serve_pods,
    serve_run,
)
from tests.store_calls import counted_calls


@pytest.fixture
def pods(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A Kubernetes API that kubectl's configuration names."""
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig_of(server.url, tmp_path)))
    return server


def shown(server: Server, run_id: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    """Show a run; return exit code and lines, each with single blanks."""
    code = show_status(run_id, server.url, NAMESPACE)
    captured = capsys.readouterr()
    assert captured.err == ""
    return code, [" ".join(line.split()) for line in captured.out.splitlines()]


def line_of(lines: list[str], beginning: str) -> str:
    """Return the one line that begins so."""
    (found,) = [line for line in lines if line.startswith(beginning)]
    return found


def half_done(workspace: Workspace, num_parts: int) -> str:
    """Begin a folder of four parts of ten rows, and write some of them."""
    from components.shared.workspace.plans import Slice

    config = GivenRowsConfig(workspace=workspace.uri, content=f"{num_parts} parts")
    folder = workspace.open(config).begin_rows(Question, [Slice(start=n * 10, stop=n * 10 + 10) for n in range(4)])
    for part, _ in zip(folder.missing_parts(), range(num_parts), strict=False):
        part.add_to_metric("output_tokens", 70)
        for index in range(10):
            part.settle(index, kept=[Question(id=folder.row_id(part.number * 10 + index), question="1+1?")])
    return folder.uri


def test_folders_that_are_not_finished_are_listed_with_their_parts_and_rows(
    workspace: Workspace, write_questions: WriteRows
) -> None:
    write_questions(workspace, ["1+1?"])
    uri = half_done(workspace, 3)
    (progress,) = folders_in_the_making(listing_of(workspace.uri), Descriptions())
    assert progress.folder == "/".join(uri.split("/")[-2:])
    assert (progress.parts_done, progress.parts, progress.rows_done, progress.rows) == (3, 4, 30, 40)
    assert progress.rows_per_second > 0
    assert progress.seconds_left == pytest.approx(10 / progress.rows_per_second)


def test_a_look_lists_the_workspace_once_and_the_next_reads_what_is_new(
    workspace: Workspace, write_questions: WriteRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "ROWS_SECONDS", 0.0)
    write_questions(workspace, ["1+1?"])
    step = Step(place=("s",), name="s", state=RUNNING, folder="/".join(half_done(workspace, 3).split("/")[-2:]))
    report = Report(run_id="r", name="r", state=RUNNING, steps=[step], workspace=workspace.uri)
    rows, counts = watching._Rows(), []
    for _ in range(2):
        with counted_calls() as calls:
            lines = list(rows.lines(report))
        assert calls.listed == [workspace.uri]
        counts.append((calls.num_read(PLAN), calls.num_read(MANIFEST), calls.num_read(".parquet")))
        assert "30 of 40 rows" in lines[0]
        assert lines[1].startswith("so far in this workspace 210 tokens written; about 70 tokens written more")
    assert counts == [(1, 1, 3), (0, 0, 3)]


def test_a_rate_needs_two_parts(workspace: Workspace) -> None:
    half_done(workspace, 1)
    (progress,) = folders_in_the_making(listing_of(workspace.uri), Descriptions())
    assert (progress.rows_done, progress.rows_per_second, progress.seconds_left) == (10, 0, 0)


# One for each way to wait and to die: what the run is said to be, how its telling line goes on, the exit code.
WITHOUT_PODS = [
    ("run-succeeded-frozen-at-93-of-380", "succeeded, 30 of 30 steps done", "package_dataset done", 0),
    ("run-succeeded-small", "succeeded, 1 step done", "probe done", 0),
    (
        "run-failed-bad-input",
        "failed, 4 of 18 steps done",
        "failed: filter_language: bad input: s3://scalequest/ui/generate_questions/3acdf36b008afab3 is not finished: 1",
        ExitCode.BAD_INPUT,
    ),
    (
        "run-failed-bad-input-after-retry",
        "failed, 0 of 30 steps done",
        "failed: import_questions reasoning-gym:nosuch: bad input: --source reasoning-gym: unknown generator 'nosuch'",
        ExitCode.BAD_INPUT,
    ),
    (
        "run-failed-driver-duplicate-task",
        "failed, 4 of 30 steps done",
        "failed: Kubeflow's driver of rewrite-questions: exit code 1; submit it again: finished work is reused",
        ExitCode.UNAVAILABLE,
    ),
    (
        "run-terminated-midstep",
        "terminated, 1 of 30 steps done",
        "import_model first, random:llama terminated",
        ExitCode.TERMINATED,
    ),
    ("run-terminated-frozen-at-93", "terminated, 13 of 30 steps done", "deduplicate terminated", ExitCode.TERMINATED),
    (
        "run-terminated-while-pending",
        "terminated, 0 of 30 steps done",
        "terminated: somebody terminated it; the same submit continues it",
        ExitCode.TERMINATED,
    ),
    ("run-terminated-while-pending-canceling", "being terminated, 0 of 30 steps done", "note: Kubeflow has no", 0),
    (
        "run-first-pod-pending-insufficient-cpu",
        "waiting, 0 of 30 steps done",
        "import_questions reasoning-gym:gsm_symbolic waiting",
        0,
    ),
    (
        "run-image-cannot-be-pulled",
        "waiting, 0 of 30 steps done",
        "import_questions reasoning-gym:gsm_symbolic waiting",
        0,
    ),
    ("run-step-running", "running, 3 of 30 steps done", "26 steps come later", 0),
    ("run-waiting-for-retry-past-93-tasks", "waiting, 6 of 30 steps done", "train_dpo first waiting", 0),
]


@pytest.mark.parametrize(("name", "state", "line", "expected"), WITHOUT_PODS, ids=[each[0] for each in WITHOUT_PODS])
def test_a_run_says_what_it_is_at_by_kubeflows_api_alone(
    name: str, state: str, line: str, expected: int, kubeflow: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    run_id = serve_run(kubeflow, name)
    code, lines = shown(kubeflow, run_id, capsys)
    assert code == expected
    assert f": {state}" in lines[0]
    line_of(lines, line)
    assert not [each for each in lines if "iteration" in each or "for-loop" in each or "condition-" in each]


IMPORT = "import_questions reasoning-gym:gsm_symbolic"
KILLED = "attempt 1 failed (killed: it left no termination message)"
NO_NODE = "for a node with cpu 3, memory 4Gi: 0/1 nodes are available: 1 Insufficient cpu"
NO_IMAGE = (
    "for its image registry.invalid/scalequest/cpu:0.1.0, which cannot be pulled: dial tcp: lookup registry.invalid"
)
WITH_PODS = [
    ("run-first-pod-pending-insufficient-cpu", f"{IMPORT} waiting", NO_NODE),
    ("run-image-cannot-be-pulled", f"{IMPORT} waiting", NO_IMAGE),
    ("run-step-running", "generate_questions first running", ""),
    ("run-waiting-for-retry", f"{IMPORT} waiting", f"{KILLED}; again in a minute"),
    ("run-waiting-for-retry-past-93-tasks", "train_dpo first waiting", f"{KILLED}; again in a minute"),
    ("run-second-attempt-running", f"{IMPORT} running", f"attempt 2; {KILLED}"),
    (
        "run-waiting-for-retry-2-minutes",
        f"{IMPORT} waiting",
        f"{KILLED}; attempt 2 failed (lost with its pod, exit code 143); again in 2 minutes",
    ),
]


@pytest.mark.parametrize(("name", "line", "why"), WITH_PODS, ids=[each[0] for each in WITH_PODS])
def test_its_pods_say_why_a_step_waits_and_whether_it_runs(
    name: str, line: str, why: str, kubeflow: Server, pods: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    run_id = serve_run(kubeflow, name)
    serve_pods(pods, name)
    code, lines = shown(kubeflow, run_id, capsys)
    assert code == 0
    found = line_of(lines, line)
    assert why in found
    assert not [each for each in lines if each.startswith("note: its pods")]


def test_as_json_the_same_is_one_document(kubeflow: Server, capsys: pytest.CaptureFixture[str]) -> None:
    run_id = serve_run(kubeflow, "run-succeeded-frozen-at-93-of-380")
    assert show_status(run_id, kubeflow.url, NAMESPACE, as_json=True) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["run_id"], told["state"]) == (run_id, "succeeded")
    assert (told["steps"][-1]["name"], told["steps"][-1]["state"]) == ("package_dataset", "done")


def test_what_waits_comes_with_a_remedy(kubeflow: Server, capsys: pytest.CaptureFixture[str]) -> None:
    _, lines = shown(kubeflow, serve_run(kubeflow, "run-first-pod-pending-insufficient-cpu"), capsys)
    assert "0/1 nodes are available: 1 Insufficient cpu" in line_of(lines, f"{IMPORT} waiting")
    remedy = line_of(lines, "what to do: ")
    assert "otherwise add one, or `scalequest stop` the run, and submit it with what a node has" in remedy


def test_steps_come_in_the_order_of_the_pipeline_with_their_source_and_pods(
    kubeflow: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    _, lines = shown(kubeflow, serve_run(kubeflow, "run-succeeded-frozen-at-93-of-380"), capsys)
    steps = [line.partition(" done ")[0] for line in lines if " done 0:" in line]
    assert steps[:8] == [
        IMPORT,
        "import_model first, random:llama",
        "train_sft first",
        "generate_questions first",
        "import_model first, random:llama",
        "build_preferences first",
        "train_dpo first",
        "generate_questions first",
    ]
    assert steps[-2:] == ["select_responses", "package_dataset"]


def test_attempts_that_failed_are_shown_where_a_later_one_succeeded(
    kubeflow: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    _, lines = shown(kubeflow, serve_run(kubeflow, "run-failed-driver-duplicate-task"), capsys)
    assert KILLED in line_of(lines, "import_model first, random:llama done")
    assert "attempt 1 failed (lost with its pod, which was deleted)" in line_of(lines, "train_sft first done")
    assert "attempts 1 to 3 failed (exit code 1)" in line_of(lines, "Kubeflow's driver of rewrite-questions failed")


def test_a_run_whose_workflow_is_gone_is_not_known_to_run(
    kubeflow: Server, pods: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    run_id = serve_run(kubeflow, GONE)
    serve_gone_workflow(pods)
    code, lines = shown(kubeflow, run_id, capsys)
    assert code == ExitCode.UNAVAILABLE
    assert ": not known to run, 1 of 30 steps done" in lines[0]
    assert line_of(lines, "import_model first, random:llama lost") == "import_model first, random:llama lost"
    assert "gone from the cluster (scalequest-gjbgt in the namespace kubeflow of kubectl's context x)" in lines[-1]


NO_PATH = "404 page not found\n"
OTHERS = {**NOT_FOUND, "details": {"name": NAMESPACE, "kind": "namespaces"}}


@pytest.mark.parametrize(
    ("request_", "body", "status"),
    [
        (WORKFLOW, NO_PATH, 404),  # a cluster without Argo
        (WORKFLOW, OTHERS, 404),
        (WORKFLOW, {"reason": "Forbidden"}, 403),  # no pods are not enough
        ("GET /api/v1/namespaces/kubeflow", {"reason": "NotFound"}, 404),
        ("GET /api/v1/namespaces/kubeflow", {"reason": "Forbidden"}, 403),
        (f"GET {KUBEFLOW_DEPLOYMENT}", {"reason": "NotFound"}, 404),  # Argo alone
        (f"GET {KUBEFLOW_DEPLOYMENT}", {"reason": "Forbidden"}, 403),
    ],
)
def test_on_what_may_be_another_cluster_a_run_is_what_kubeflow_says(
    request_: str, body: Any, status: int, kubeflow: Server, pods: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    run_id = serve_run(kubeflow, GONE)
    serve_gone_workflow(pods)
    pods.on(request_, body, status)
    code, lines = shown(kubeflow, run_id, capsys)
    assert code == 0
    assert ": running, 1 of 30 steps done" in lines[0]
    line_of(lines, "import_model first, random:llama running")
    assert "by kubectl's context x, which may not be Kubeflow's cluster" in line_of(lines, "note: neither its")


STEP = "generate_questions first"


@pytest.mark.parametrize(
    ("recording", "state", "line"),
    [
        ("run-step-running", "FAILED", f"{STEP} lost 0:01:00 the run ended before it did"),
        ("run-waiting-for-retry", "FAILED", "IMPORT lost 0:01:00 the run ended before it did"),
        ("run-step-running", "SUCCEEDED", f"{STEP} done 0:01:00"),
        ("run-step-running", "CANCELED", f"{STEP} terminated 0:01:00"),
    ],
)
def test_in_a_run_that_has_ended_no_step_runs_or_waits_and_none_grows(
    recording: str, state: str, line: str, kubeflow: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    run_id = serve_run(kubeflow, recording)
    line = line.replace("IMPORT", IMPORT)
    client, _ = connect(kubeflow.url, NAMESPACE)
    (step,) = [
        step for step in look_at(client, run_id, NAMESPACE).steps if line.startswith(step.title) and step.started
    ]
    assert step.started is not None
    ended = (step.started + timedelta(minutes=1)).isoformat()
    kubeflow.on(f"GET /apis/v2beta1/runs/{run_id}", run_of(recording) | {"state": state, "finished_at": ended})
    _, lines = shown(kubeflow, run_id, capsys)
    assert line_of(lines, step.title) == line
    assert not [each for each in lines if " running " in each or " waiting " in each or "what to do" in each]


def test_a_server_that_wants_a_token_shows_a_run(guarded: Server, capsys: pytest.CaptureFixture[str]) -> None:
    code, lines = shown(guarded, serve_run(guarded, "run-succeeded-small"), capsys)
    assert code == 0
    assert ": succeeded, 1 step done" in lines[0]
    line_of(lines, "probe done")


def test_a_run_without_pods_whose_workflow_stands_goes_on(
    kubeflow: Server, pods: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    run_id = serve_run(kubeflow, "run-says-running-workflow-gone")
    serve_pods(pods)
    pods.on(WORKFLOW, {"metadata": {}})
    code, lines = shown(kubeflow, run_id, capsys)
    assert code == 0
    assert ": running, " in lines[0]


@pytest.mark.parametrize("of_kubeflow", [False, True])
def test_what_was_finished_before_is_reused(
    of_kubeflow: bool, kubeflow: Server, pods: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    run_id = serve_run(kubeflow, "run-succeeded-small")
    if of_kubeflow:  # by its own cache: then there is no pod
        _, answer = answer_of("run-succeeded-small.v1beta1")
        workflow = json.loads(answer["pipeline_runtime"]["workflow_manifest"])
        for key, node in list(workflow["status"]["nodes"].items()):
            if node["displayName"] == "executor(0)":
                del workflow["status"]["nodes"][key]
            elif node["displayName"] == "executor":
                node |= {"type": "Skipped", "phase": "Skipped", "message": "when 'true != true' evaluated false"}
        answer["pipeline_runtime"]["workflow_manifest"] = json.dumps(workflow)
        kubeflow.on(f"GET /apis/v1beta1/runs/{run_id}", answer)
    else:
        listed = recorded("pods/run-succeeded-small.pods")
        for pod in listed["items"]:
            for container in pod["status"]["containerStatuses"]:
                container["state"]["terminated"]["message"] = "reused: s3://bucket/runs/x/1"
        pods.on(PODS, listed)
    code, lines = shown(kubeflow, run_id, capsys)
    assert code == 0
    assert "probe reused 0:00" in line_of(lines, "probe")


def test_a_pod_in_a_queue_says_what_is_missing(
    kubeflow: Server, pods: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "run-first-pod-pending-insufficient-cpu"
    run_id = serve_run(kubeflow, name)
    listed = recorded(f"pods/{name}.pods")
    gated = recorded("kueue/gated-pod-waiting-for-quota.pod")
    (waiting,) = [pod for pod in listed["items"] if pod["status"]["phase"] == "Pending"]
    waiting["metadata"] |= {"name": gated["metadata"]["name"], "labels": gated["metadata"]["labels"]}
    waiting["status"] = gated["status"]
    pods.on(PODS, listed)
    pods.on(EVENTS, recorded("kueue/gated-pod-waiting-for-quota.events"))
    code, lines = shown(kubeflow, run_id, capsys)
    assert code == 0
    assert (
        "for quota in Kueue's queue elastic: couldn't assign flavors to pod set main: insufficient unused quota for "
        "nvidia.com/gpu in flavor rec-any, 1 more needed"
    ) in line_of(lines, f"{IMPORT} waiting")
    assert "--no-queue" in line_of(lines, "what to do")


def test_pods_that_may_not_be_listed_are_no_error(
    kubeflow: Server, pods: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    run_id = serve_run(kubeflow, "run-step-running")
    pods.on(PODS, {"message": "pods is forbidden"}, 403)
    code, lines = shown(kubeflow, run_id, capsys)
    assert code == 0
    assert "note: its pods and Jobs could not be read: the Kubernetes API responds 403 Forbidden" in lines


def test_without_the_stores_keys_it_shows_what_kubeflow_knows(
    kubeflow: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    with new_clients():
        code, lines = shown(kubeflow, serve_run(kubeflow, "run-step-running"), capsys)
    assert code == 0
    assert "note: rows are not shown: s3://scalequest/rec2: no credentials found" in line_of(lines, "note: rows")


def test_the_rows_of_each_folder_are_shown(
    kubeflow: Server, workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    uri = half_done(workspace, 2)
    serve_run(kubeflow, "run-step-running")
    run = run_of("run-step-running")
    run["runtime_config"]["parameters"]["workspace"] = workspace.uri
    kubeflow.on(f"GET /apis/v2beta1/runs/{run['run_id']}", run)
    _, lines = shown(kubeflow, run["run_id"], capsys)
    line = line_of(lines, "/".join(uri.split("/")[-2:]))
    assert "2 of 4 20 of 40" in line
    told = "so far in this workspace 140 tokens written; about 140 tokens written more for the folders in the making"
    assert told in line_of(lines, "so far")


HOSTILE = "bad input: \x1b[2J\x1b]0;mine\x07 [bold]x[/bold] :bomb: \u202egnp.exe\nsecond line"


def test_hostile_words_are_inert(kubeflow: Server, capsys: pytest.CaptureFixture[str]) -> None:
    run_id = serve_run(kubeflow, "run-failed-bad-input-after-retry")
    _, answer = answer_of("run-failed-bad-input-after-retry.v1beta1")
    workflow = json.loads(answer["pipeline_runtime"]["workflow_manifest"])
    for node in workflow["status"]["nodes"].values():
        if node["displayName"] == "executor(0)":
            node["message"] = f"main: Error (exit code 1): {HOSTILE}"
    answer["pipeline_runtime"]["workflow_manifest"] = json.dumps(workflow)
    kubeflow.on(f"GET /apis/v1beta1/runs/{run_id}", answer)
    run = run_of("run-failed-bad-input-after-retry") | {"display_name": "\x1b[31m[/x]"}
    kubeflow.on(f"GET /apis/v2beta1/runs/{run_id}", run)
    assert show_status(run_id, kubeflow.url, NAMESPACE) == ExitCode.BAD_INPUT
    output = capsys.readouterr().out
    assert not {character for character in output if not character.isprintable() and character != "\n"}
    assert "[31m[/x]: failed" in output
    assert "bad input: [2J ]0;mine [bold]x[/bold] :bomb: gnp.exe second line; fix it" in output


def test_a_server_without_the_old_api_says_the_state_alone(
    kubeflow: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    kubeflow.on(f"GET /apis/v2beta1/runs/{RUN_ID}", run_of("run-succeeded-small") | {"run_id": RUN_ID})
    code, lines = shown(kubeflow, RUN_ID, capsys)
    assert code == 0
    assert ": succeeded, 0 steps done" in lines[0]
    assert "note: Kubeflow has no record of its steps" in lines[-1]


@pytest.mark.parametrize(
    ("recording", "expected", "message"),
    [
        (
            "error-404-run.v2beta1",
            2,
            "not found (Run 00000000-0000-0000-0000-000000000000 not found); check",
        ),
        ("error-page-token", 2, "does not accept this: Invalid page token\n"),
        (
            "error-retry-too-large",
            75,
            "responds with 503 (Failed to retry a run: ServiceUnavailable: Failed to retry run",
        ),
    ],
)
def test_what_the_server_refuses_is_its_own_message_without_what_it_was_doing(
    recording: str, expected: int, message: str, kubeflow: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    status, body = answer_of(recording)
    kubeflow.on("GET /apis/v2beta1/runs/nope", body, status)
    assert show_status("nope", kubeflow.url, NAMESPACE) == expected
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("run", "line", "expected"),
    [
        (
            {"state": "FAILED", "error": {"message": "the database ate it"}},
            "failed: the database ate it; submit it",
            75,
        ),
        ({"state": "FAILED"}, "failed: Kubeflow does not say why; submit it again", 75),
        ({"state": "CANCELED"}, "terminated: somebody terminated it", 4),
        ({"state": "SUCCEEDED"}, "note: Kubeflow has no record", 0),
        ({}, "note: Kubeflow has no record of its steps (yet)", 0),
    ],
)
def test_a_run_without_nodes_says_what_kubeflow_does(
    run: dict[str, Any], line: str, expected: int, kubeflow: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    kubeflow.on(f"GET /apis/v2beta1/runs/{RUN_ID}", {"run_id": RUN_ID, "display_name": "x"} | run)
    code, lines = shown(kubeflow, RUN_ID, capsys)
    assert code == expected
    line_of(lines, line)


def test_a_workflow_that_is_too_large_needs_shorter_lists(kubeflow: Server, capsys: pytest.CaptureFixture[str]) -> None:
    why = "workflow is longer than maximum allowed size. compressed size 1 > maxSize 0"
    manifest = json.dumps({"metadata": {"name": "w"}, "status": {"message": why}})
    kubeflow.on(f"GET /apis/v2beta1/runs/{RUN_ID}", {"run_id": RUN_ID, "state": "FAILED"})
    kubeflow.on(f"GET /apis/v1beta1/runs/{RUN_ID}", {"pipeline_runtime": {"workflow_manifest": manifest}})
    code, lines = shown(kubeflow, RUN_ID, capsys)
    assert code == ExitCode.BAD_INPUT
    assert lines[-1] == f"failed: {why}; submit it with shorter lists of sources, generators or solvers"
