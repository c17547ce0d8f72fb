import json
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from components.shared.errors import ExitCode
from components.shared.images import read_names
from components.shared.jobs.body import QUEUE_LABEL
from components.shared.jobs.job_profiles import profile_of_json
from pipelines.arguments import Run
from pipelines.cluster import submit_command, watching
from pipelines.cluster.options import Cluster
from pipelines.cluster.pipeline_versions import PIPELINE, version_name
from pipelines.cluster.submission import Submission, prepare_submission
from pipelines.cluster.submit_command import submit
from pipelines.compiled_pipeline import graphs_of
from pipelines.resources import QUEUE
from pipelines.run_checks.looking import Looked
from tests.pipelines.cluster.conftest import EXPERIMENT, NAMESPACE, RUN_ID, Server, kept_pipelines
from tests.pipelines.cluster.recorded_runs import answer_of, run_of, serve_run, serve_runs_in_turn
from tests.source_tree import ROOT

WORKSPACE = "gs://bucket/runs"


def smoke_on(host: str, profile: str = "gke-a100-80g", **changes: Any) -> Submission:
    """A run of the smoke preset; ``changes`` are of the submission or of its cluster."""
    of_cluster = {name: changes.pop(name) for name in set(changes) & {"queue", "allow_tags", "gpu_work"}}
    cluster = Cluster(host=host, namespace=NAMESPACE, profile=profile, **{"allow_tags": True, **of_cluster})
    return Submission(**{"preset": "smoke", "workspace": WORKSPACE, "cluster": cluster, **changes})


@pytest.mark.parametrize("gpu_work", ["job", "task"])
def test_a_run_is_started_with_the_compiled_pipeline_the_presets_values_and_the_profiles_hardware(
    gpu_work: str, kubeflow: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    submission = smoke_on(kubeflow.url, preset="paper", gpu_work=gpu_work)
    code = submit(submission, follow=False)
    output = capsys.readouterr().out
    assert code == 0, output
    run = kubeflow.body_of("POST /apis/v2beta1/runs")
    parameters = run["runtime_config"]["parameters"]
    assert parameters["workspace"] == WORKSPACE
    assert parameters["pods"] == "8"
    nodes = {"cloud.google.com/gke-accelerator": "nvidia-a100-80gb"}
    assert parameters["gpu_work"] == gpu_work
    profile = profile_of_json(parameters["profile"])
    assert (profile.placement.node_selector, profile.queue) == (nodes, QUEUE)
    assert profile.tasks["training"].memory == "1100Gi"
    assert not {"training_memory", "inference_image", "gpu_node_selector"} & set(parameters)
    assert run["service_account"] == profile.service_account == "scalequest"
    assert run["experiment_id"] == EXPERIMENT["experiment_id"]
    assert "scalequest" in json.dumps(kept_pipelines(kubeflow).documents_of(run))[:100_000]


def test_a_server_that_wants_a_token_takes_a_run(guarded: Server) -> None:
    assert submit(smoke_on(guarded.url), follow=False) == 0
    assert guarded.body_of("POST /apis/v2beta1/runs")["runtime_config"]["parameters"]["workspace"] == WORKSPACE


def queues_of(documents: list[dict[str, Any]]) -> list[str]:
    """Return the queue of each executor of a pipeline that was sent."""
    executors = documents[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    settings = [each["podMetadata"] for each in executors.values()]
    assert all(each["annotations"]["karpenter.sh/do-not-disrupt"] == "true" for each in settings)
    return [each["labels"][QUEUE_LABEL] for each in settings if "labels" in each]


@pytest.mark.parametrize("gpu_work", ["job", "task"])
@pytest.mark.parametrize(
    ("profile", "queue", "queued"),
    [("gke-a100-80g", True, True), ("gke-a100-80g", False, False), ("local", True, False)],
)
def test_gpu_steps_are_queued_but_where_there_are_no_gpus_or_no_queue_is_wanted(
    profile: str, queue: bool, queued: bool, gpu_work: str, kubeflow: Server
) -> None:
    """Where Jobs do the work, these wait, and not their tasks: Kueue does not queue a Job that a queued pod owns."""
    assert submit(smoke_on(kubeflow.url, profile, queue=queue, gpu_work=gpu_work), follow=False) == 0
    run = kubeflow.body_of("POST /apis/v2beta1/runs")
    assert set(queues_of(kept_pipelines(kubeflow).documents_of(run))) == (
        {QUEUE} if queued and gpu_work == "task" else set()
    )
    of_jobs = run["runtime_config"]["parameters"]["profile"]
    assert profile_of_json(of_jobs).queue == (QUEUE if queued else "")


def test_tasks_that_only_name_a_finished_folder_or_a_given_one_wait_in_no_queue(
    kubeflow: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished = {"QFT", "Sample questions"}

    def look(run: Run, workspace: str, *, has_keys: bool) -> list[Looked]:
        steps = [step for step in run.steps if not step.passes_on]
        return [Looked(step=step, state="reused" if step.title in finished else "new") for step in steps]

    monkeypatch.setattr(submit_command, "look_from_here", look)
    assert submit(smoke_on(kubeflow.url, gpu_work="task"), follow=False) == 0
    spec, platform = kept_pipelines(kubeflow).documents_of(kubeflow.body_of("POST /apis/v2beta1/runs"))
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    queued = {
        task["taskInfo"]["name"]: QUEUE_LABEL
        in executors[spec["components"][task["componentRef"]["name"]]["executorLabel"]]["podMetadata"].get("labels", {})
        for graph in graphs_of(spec).values()
        for task in graph["dag"]["tasks"].values()
        if "executorLabel" in spec["components"][task["componentRef"]["name"]]
    }
    assert {title for title in (*finished, "Reward model") if queued[title]} == set()
    assert {title for title in ("QPO", "Synthesize", "Answers", "Difficulty model") if not queued[title]} == set()


def test_jobs_that_ask_for_no_gpu_wait_in_no_queue(kubeflow: Server) -> None:
    settings = ["inference_gpus=0", "training_gpus=0"]
    arguments = prepare_submission(smoke_on(kubeflow.url, settings=settings)).arguments
    assert profile_of_json(arguments["profile"]).queue == ""


ON_TWO_NODES = ["training_nodes=2"]
ONE_GENERATOR = "generators=[{source: one, model: hf://Qwen/Qwen2-Math-7B-Instruct@main, chat_template: qwen2_math}]"


@pytest.mark.parametrize(
    ("changes", "settings", "expected", "message"),
    [
        (
            {},
            ON_TWO_NODES,
            0,
            "submit: note: the generators are trained in parallel, on 4 nodes in total; with fewer in",
        ),
        (
            {"queue": False},
            ON_TWO_NODES,
            2,
            "needs 4 nodes at once; without a queue, each training takes the nodes that",
        ),
        ({"queue": False, "allow_parallel_trainings": True}, ON_TWO_NODES, 0, "on 4 nodes in total; with fewer, they"),
        ({"queue": False}, [*ON_TWO_NODES, ONE_GENERATOR], 0, ""),
        ({"queue": False}, [], 0, ""),
        ({}, [], 0, ""),
    ],
)
def test_generators_that_train_side_by_side_on_several_nodes_need_a_queue_or_nodes_for_all(
    changes: dict[str, Any],
    settings: list[str],
    expected: int,
    message: str,
    kubeflow: Server,
    capsys: pytest.CaptureFixture[str],
) -> None:
    submission = smoke_on(kubeflow.url, preset="paper", settings=settings, **changes)
    assert submit(submission, follow=False) == expected
    error = capsys.readouterr().err
    assert message in error
    assert ("in parallel" in error) == bool(message)
    assert any(asked == "POST /apis/v2beta1/runs" for asked, _ in kubeflow.asked) == (expected == 0)


def test_images_without_a_digest_are_refused_with_what_to_do(
    kubeflow: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    if read_names()["digests"]:
        pytest.skip("this tree was released: its images have digests")
    assert submit(smoke_on(kubeflow.url, allow_tags=False), follow=False) == 2
    error = capsys.readouterr().err
    assert f"{read_names()['prefix']}/vllm:{read_names()['tag']}" in error
    assert "make release-images REGISTRY=" in error
    assert "--allow-tags" in error
    assert kubeflow.asked == []


def test_on_one_machine_images_have_their_tags(kubeflow: Server) -> None:
    assert submit(smoke_on(kubeflow.url, "local", allow_tags=False), follow=False) == 0


def test_a_server_for_a_single_user_is_given_no_namespace_and_that_is_said(
    kubeflow: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    kubeflow.on("GET /apis/v2beta1/healthz", {"multi_user": False})
    kubeflow.on("GET /apis/v2beta1/experiments", {})
    kubeflow.on("POST /apis/v2beta1/experiments", lambda experiment: experiment | {"experiment_id": "new"})
    assert submit(smoke_on(kubeflow.url), follow=False) == 0
    assert not kubeflow.body_of("POST /apis/v2beta1/experiments").get("namespace")
    assert "has a single user: the run's pods are in its own namespace" in capsys.readouterr().err


@pytest.mark.usefixtures("impatient")
def test_following_a_run_ends_as_the_run_does(kubeflow: Server, capsys: pytest.CaptureFixture[str]) -> None:
    serve_runs_in_turn(kubeflow, ["run-step-running", "run-succeeded-frozen-at-93-of-380"], RUN_ID)
    assert submit(smoke_on(kubeflow.url), follow=True) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == f"run {RUN_ID} succeeded, 30 of 30 steps done"


def test_a_run_that_was_started_is_one_document(kubeflow: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert submit(smoke_on(kubeflow.url, as_json=True), follow=False) == 0
    said = capsys.readouterr()
    told = json.loads(said.out)
    assert (told["run"], told["state"], told["exit_code"], told["folder"]) == (RUN_ID, "submitted", 0, "")
    assert f"#/runs/details/{RUN_ID}" in told["page"]
    assert f"run {RUN_ID}" in said.err


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("name", "code", "state"),
    [
        ("run-succeeded-frozen-at-93-of-380", 0, "succeeded"),
        ("run-failed-bad-input-after-retry", 2, "failed"),
    ],
)
def test_a_run_that_was_followed_is_one_document_with_how_it_ended(
    name: str, code: int, state: str, kubeflow: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    serve_runs_in_turn(kubeflow, ["run-step-running", name], RUN_ID)
    assert submit(smoke_on(kubeflow.url, as_json=True), follow=True) == code
    said = capsys.readouterr()
    told = json.loads(said.out)
    assert (told["run"], told["state"], told["exit_code"]) == (RUN_ID, state, code)
    assert told["message"] in said.err
    assert told["rows"] is None, "the workspace cannot be read from here"


@pytest.mark.usefixtures("impatient")
def test_a_run_that_a_gate_has_stopped_did_not_fail(kubeflow: Server, capsys: pytest.CaptureFixture[str]) -> None:
    name = "run-failed-bad-input-after-retry"
    serve_runs_in_turn(kubeflow, [name], RUN_ID)
    text = json.dumps(answer_of(f"{name}.v1beta1")[1]).replace("bad input: --source", "gate closed: --source")
    kubeflow.on(f"GET /apis/v1beta1/runs/{RUN_ID}", json.loads(text))
    assert submit(smoke_on(kubeflow.url, as_json=True), follow=True) == ExitCode.GATE_CLOSED
    told = json.loads(capsys.readouterr().out)
    assert (told["state"], told["exit_code"]) == ("stopped", ExitCode.GATE_CLOSED)


@pytest.mark.usefixtures("impatient")
def test_how_a_run_ended_is_told_though_kubeflow_is_away_right_after(
    kubeflow: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = "run-succeeded-frozen-at-93-of-380"
    serve_runs_in_turn(kubeflow, [ended], RUN_ID)
    kubeflow.in_turn(f"GET /apis/v2beta1/runs/{RUN_ID}", run_of(ended) | {"run_id": RUN_ID}, (503, {}))
    assert submit(smoke_on(kubeflow.url, as_json=True), follow=True) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["state"], told["exit_code"], told["steps_done"]) == ("succeeded", 0, 30)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(("status", "code"), [(401, 2), (503, 75)])
def test_a_run_that_cannot_be_followed_to_its_end_is_in_the_document_with_why(
    status: int, code: int, kubeflow: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    serve_run(kubeflow, "run-step-running", RUN_ID)
    kubeflow.in_turn(f"GET /apis/v2beta1/runs/{RUN_ID}", run_of("run-step-running"), (status, {"message": "denied"}))
    assert submit(smoke_on(kubeflow.url, as_json=True), follow=True) == code
    told = json.loads(capsys.readouterr().out)
    assert (told["run"], told["state"], told["exit_code"]) == (RUN_ID, "submitted", code)
    assert f"#/runs/details/{RUN_ID}" in told["page"]
    assert f"run {RUN_ID} continues: `scalequest status {RUN_ID}" in told["message"]


def test_a_wrong_webhook_is_refused_before_a_run_that_is_followed_is_sent(
    kubeflow: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SCALEQUEST_WEBHOOK_URL", "hooks.example.com")
    assert submit(smoke_on(kubeflow.url), follow=True) == 2
    assert "SCALEQUEST_WEBHOOK_URL is not the URL of a web server" in capsys.readouterr().err
    assert kubeflow.asked == []


refused = pytest.mark.parametrize(
    ("status", "expected_code", "message"),
    [
        (401, 2, "does not accept this user (denied); sign in as its client requires"),
        (
            403,
            2,
            "forbids this in the namespace team-a (denied); the role scalequest-submit of the Helm chart allows it",
        ),
        (400, 2, "does not accept this: denied"),
        (503, 75, "responds with 503 (denied); try again later"),
    ],
)


def test_ctrl_c_ends_the_watching_and_leaves_the_run_alone(kubeflow: Server) -> None:
    serve_run(kubeflow, "run-step-running", RUN_ID)
    options = ("--host", kubeflow.url, "--namespace", NAMESPACE, "--workspace", WORKSPACE, "--profile", "local")
    # As in a terminal: whatever runs in the background, these tests perhaps, has SIGINT ignored and passes that on.
    code = "import signal as s; s.signal(s.SIGINT, s.default_int_handler); from pipelines.cli import main; main()"
    command = [sys.executable, "-c", code, "submit", "smoke", *options, "--watch"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        lines = iter(process.stdout)
        try:
            assert any("train_sft first  done" in line for line in lines)
            process.send_signal(signal.SIGINT)
            assert f"; run {RUN_ID} continues: `scalequest status {RUN_ID}" in "".join(lines)
            process.wait()
        finally:
            process.kill()  # one that still watches would be waited for
    assert process.returncode == watching.INTERRUPTED
    assert not [asked for asked, _ in kubeflow.asked if asked.startswith(("DELETE", "POST /apis/v2beta1/runs/"))]


@refused
def test_what_the_server_refuses_is_one_message(
    status: int, expected_code: int, message: str, kubeflow: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    kubeflow.on("POST /apis/v2beta1/runs", {"code": 1, "message": "denied"}, status)
    assert submit(smoke_on(kubeflow.url), follow=False) == expected_code
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask without pause, and give up at the first failure."""
    monkeypatch.setattr(watching, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(watching, "PATIENCE_SECONDS", 0.0)


@refused
@pytest.mark.usefixtures("impatient")
def test_a_watch_that_is_refused_in_the_middle_says_that_the_run_goes_on(
    status: int, expected_code: int, message: str, kubeflow: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    serve_run(kubeflow, "run-step-running", RUN_ID)
    kubeflow.in_turn(f"GET /apis/v2beta1/runs/{RUN_ID}", run_of("run-step-running"), (status, {"message": "denied"}))
    assert submit(smoke_on(kubeflow.url), follow=True) == expected_code
    captured = capsys.readouterr()
    assert "train_sft first  done" in captured.out
    assert message in captured.err
    command = f"scalequest status {RUN_ID} --namespace {NAMESPACE} --host {kubeflow.url}"
    assert f"; run {RUN_ID} continues: `{command}`" in captured.err


@pytest.mark.usefixtures("impatient")
def test_a_run_that_was_deleted_in_the_middle_does_not_go_on(
    kubeflow: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    serve_run(kubeflow, "run-step-running", RUN_ID)
    kubeflow.in_turn(f"GET /apis/v2beta1/runs/{RUN_ID}", run_of("run-step-running"), (404, {"message": "denied"}))
    assert submit(smoke_on(kubeflow.url), follow=True) == 2
    assert "not found (denied); check the name and --namespace\n" in capsys.readouterr().err


def test_a_server_that_does_not_answer_is_one_message_and_exit_code_75(capsys: pytest.CaptureFixture[str]) -> None:
    assert submit(smoke_on("http://127.0.0.1:9"), follow=False) == 75
    assert "Kubeflow Pipelines at http://127.0.0.1:9 does not respond" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("preset", "settings", "workspace", "profile", "message"),
    [
        ("smoke", [], "runs/here", "local", "--workspace 'runs/here' is a directory, which pods do not share"),
        ("smoke", [], WORKSPACE, "gke-h100", "--profile 'gke-h100' is unknown; expected one of eks-p4d"),
        ("nope", [], WORKSPACE, "local", "unknown preset 'nope'"),
        ("smoke", ["nope=1"], WORKSPACE, "local", "unknown parameter 'nope'"),
        ("smoke", ["pods=257"], WORKSPACE, "local", "pods '257' is not accepted; expected a number from 1 to 256"),
        (
            "smoke",
            [f"rewriter=sk-{'a1' * 12}"],
            WORKSPACE,
            "local",
            "parameter rewriter: a key of an OpenAI-compatible",
        ),
        ("smoke", ["training_gpus=1"], WORKSPACE, "local", "training_gpus 1 fits no node: a node of the profile local"),
        (
            "smoke",
            ["solver=random:no"],
            WORKSPACE,
            "local",
            "solver 'random:no' is not a random model; expected ",
        ),
        (
            "smoke",
            ["seed_questions=[{source: no.csv, question_column: q, answer_column: a}]"],
            WORKSPACE,
            "local",
            "seed_questions[0].source: no.csv: no such file; check the address",
        ),
        ("smoke", [f"rewriter={'x' * 10_000}"], WORKSPACE, "local", "bytes, Kubeflow Pipelines accepts 10000"),
        ("smoke", ["generators=[{source: 'a $$', model: 'random:llama', chat_template: own}]"], WORKSPACE, "local",
         "generators[0].source: '$$' stands in 'a $$', and Kubernetes changes it on the way to a task"),
        ("smoke", [], "gs://bucket/$(HOME)", "local", "workspace: '$(HOME)' stands in "),
    ],
)  # fmt: skip
def test_bad_input_is_one_message_and_nothing_is_sent(
    preset: str,
    settings: list[str],
    workspace: str,
    profile: str,
    message: str,
    kubeflow: Server,
    capsys: pytest.CaptureFixture[str],
) -> None:
    submission = smoke_on(kubeflow.url, profile, preset=preset, settings=settings, workspace=workspace)
    assert submit(submission, follow=False) == 2
    assert message in capsys.readouterr().err
    assert kubeflow.asked == []


def test_a_run_whose_folders_are_all_finished_is_not_submitted(
    kubeflow: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def all_finished(run: Run, workspace: str, *, has_keys: bool) -> list[Looked]:
        steps = [step for step in run.steps if not step.passes_on]
        return [Looked(step=step, state="reused", folder=f"{workspace}/{step.name}/1") for step in steps]

    monkeypatch.setattr(submit_command, "look_from_here", all_finished)
    assert submit(smoke_on(kubeflow.url), follow=False) == 0
    said = " ".join(capsys.readouterr().out.split())
    last = f"{WORKSPACE}/package_dataset/1"
    assert said == f"nothing to do: all folders of smoke are finished in {WORKSPACE}; the last is {last}"
    assert kubeflow.asked == []


def test_the_list_of_runs_names_the_version_of_each_and_the_same_file_is_one_version(
    kubeflow: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = kept_pipelines(kubeflow)
    for preset, settings in (("smoke", []), ("smoke", ["seed=7"]), ("answer-smoke", [])):
        assert submit(smoke_on(kubeflow.url, preset=preset, settings=settings), follow=False) == 0
    assert [each["display_name"] for each in kept.pipelines.values()] == [PIPELINE]
    first, second = (each["display_name"] for each in kept.versions.values())
    assert re.fullmatch(r"scalequest-smoke-[0-9a-f]{10}", first)
    assert re.fullmatch(r"answer-questions-answer-smoke-[0-9a-f]{10}", second)
    assert "note: Kubeflow's list" not in capsys.readouterr().err


@pytest.mark.parametrize("status", [400, 403, 404, 501])
def test_where_kubeflow_keeps_no_version_a_run_brings_its_pipeline_along(
    status: int, kubeflow: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """What uploads answer to somebody without the right is 400, in Kubeflow Pipelines 2.17."""
    kept_pipelines(kubeflow).refusal = (status, {"message": "may not create pipelines"})
    assert submit(smoke_on(kubeflow.url), follow=False) == 0
    run = kubeflow.body_of("POST /apis/v2beta1/runs")
    assert run["pipeline_spec"]["pipeline_spec"]["pipelineInfo"]["name"] == "scalequest-smoke"
    assert "pipeline_version_reference" not in run
    assert "note: Kubeflow's list names no version of this run: may not create pip" in capsys.readouterr().err


def test_a_version_that_another_submit_has_just_made_is_taken(kubeflow: Server) -> None:
    kept = kept_pipelines(kubeflow)
    late = {"pipelines": 1, "pipeline_versions": 1}  # how often a list does not show yet what was made

    def other_first(request: str, query: Mapping[str, str], body: Any) -> tuple[int, Any] | None:
        answer = kept(request, query, body)
        for name in late:
            if answer and request.startswith("GET") and name in answer[1] and late[name]:
                late[name] -= 1
                return 200, {name: []}
        return answer

    assert submit(smoke_on(kubeflow.url), follow=False) == 0
    kubeflow.parts.insert(0, other_first)
    assert submit(smoke_on(kubeflow.url), follow=False) == 0
    assert (late, len(kept.versions), len(kept.pipelines)) == ({"pipelines": 0, "pipeline_versions": 0}, 1, 1)
    assert kept.documents_of(kubeflow.body_of("POST /apis/v2beta1/runs"))


@pytest.mark.parametrize(
    ("title", "begin"),
    [
        ("scalequest-smoke", "scalequest-smoke-"),
        ("scalequest-My preset_2!", "scalequest-my-preset-2-"),
        ("é", "run-"),
    ],
)
def test_the_name_of_a_version_is_one_that_kubernetes_takes(title: str, begin: str, tmp_path: Path) -> None:
    (package := tmp_path / "x.yaml").write_text("a: 1")
    name = version_name(package, title)
    assert name.startswith(begin)
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", name)
    assert len(version_name(package, "x-" * 99)) <= 63


def test_runs_of_other_values_have_other_names_and_those_of_the_same_folders_end_alike(kubeflow: Server) -> None:
    def ending(*settings: str) -> str:
        assert submit(smoke_on(kubeflow.url, settings=settings), follow=False) == 0
        name = str(kubeflow.body_of("POST /apis/v2beta1/runs")["display_name"])
        assert re.fullmatch(r"smoke \d{4}-\d\d-\d\d \d\d:\d\d [0-9a-f]{6}", name)
        return name.split()[-1]

    assert ending() == ending("pods=3") != ending("seed=7")


def test_a_run_of_the_same_folders_that_is_going_on_is_named(
    kubeflow: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    submission = smoke_on(kubeflow.url, preset="paper")
    given = prepare_submission(submission).arguments
    others = {
        "same": ("RUNNING", given | {"pods": "3", "gpu_work": "task"}),
        "ended": ("SUCCEEDED", given),
        "other": ("RUNNING", given | {"seed": 8}),
        "none": ("RUNNING", {}),
    }
    runs = [
        {"run_id": name, "display_name": f"run {name}", "state": state, "runtime_config": {"parameters": parameters}}
        for name, (state, parameters) in others.items()
    ]
    kubeflow.on("GET /apis/v2beta1/runs", {"runs": runs})
    assert submit(submission, follow=False) == 0
    notes = [line for line in capsys.readouterr().err.splitlines() if "same folders" in line]
    assert notes == ["submit: note: run same (run same, running) makes the same folders; both share the work"]


def test_what_a_run_will_be_is_said_and_what_cannot_fit_is_refused(
    kubeflow: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    assert submit(smoke_on(kubeflow.url, preset="paper", settings=["pods=64"]), follow=False) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert re.search(
        r"\d{2,3} pods of Kubeflow, and at most \d{3} of Jobs; its Workflow will have [45]\d\d of the 1024 KiB that "
        r"Argo takes; Kubeflow's Retry button will fail on it: submit again instead",
        said,
    )
    many = [{"source": f"g{i}", "model": "random:llama", "chat_template": "chatml"} for i in range(60)]
    kubeflow.asked.clear()
    assert submit(smoke_on(kubeflow.url, settings=[f"generators={json.dumps(many)}"]), follow=False) == 2
    assert "and Argo ends a run in Error that reaches 1024 KiB; about" in capsys.readouterr().err
    assert kubeflow.asked == []
