"""A step's work as a Job, against a server that keeps Kubernetes' rules and answers with what a real cluster said."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.generate_questions.config import GenerateQuestionsConfig
from components.generate_questions.step import run
from components.shared.errors import InputError, UnavailableError
from components.shared.jobs import JobRequest, coordinator
from components.shared.jobs.coordinator import run_as_job
from components.shared.jobs.deadlines import Pace
from components.shared.stores import retries
from components.shared.workspace import Workspace
from tests.components.shared.jobs.jobs_cluster import OWN_POD, JobsCluster, own_pod
from tests.components.shared.jobs.jobs_server import serving
from tests.components.shared.jobs.recorded_jobs import refusal

TASK = {"gpus": "1", "cpu": "11", "memory": "144Gi", "ephemeral_storage": "120Gi", "shm": "16Gi"}
PROFILE = {
    "node_selector": {"cloud.google.com/gke-accelerator": "nvidia-a100-80gb"},
    "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
    "spot": {"node_selector": {"cloud.google.com/gke-spot": "true"}, "tolerations": []},
    "tasks": {"inference": TASK, "training": TASK | {"gpus": "8"}},
    "platform": "gke",
}
QUEUED = PROFILE | {"queue": "scalequest-gpu"}
WATCH_SECONDS = 10.0


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[JobsCluster]:
    """A namespace with the pod of a task; this process is in it."""
    cluster = JobsCluster()
    cluster.pods[OWN_POD] = own_pod()
    cluster.config_maps["scalequest-profiles"] = {
        "metadata": {"name": "scalequest-profiles"}, "data": {"a100.yaml": yaml.safe_dump(PROFILE), "odd.yaml": "a: ["}
    }  # fmt: skip
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    monkeypatch.setenv("KFP_POD_NAME", OWN_POD)
    monkeypatch.setattr(coordinator, "PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(retries.BACKOFF, "multiplier", 0.01)
    with serving(cluster, tmp_path / "kubeconfig"):
        yield cluster


@pytest.fixture
def task(cluster: JobsCluster, workspace: Workspace) -> Iterator[Callable[..., Future[str]]]:
    """``task(profile=…, pods=…)`` begins a step that has its work done by a Job; its result, once there is one."""
    begun: list[Future[str]] = []
    with ThreadPoolExecutor() as threads:

        def begin(**request: str) -> Future[str]:
            asked = JobRequest(**{"profile": "a100", "image": "registry/vllm@sha256:1", "pods": "2"} | request)
            begun.append(threads.submit(run_as_job, config(workspace), Workspace(workspace.uri), asked))
            return begun[-1]

        yield begin
        while wait(begun, 0.05).not_done:  # those whose Job a test has left alone
            with cluster.lock:
                for name in cluster.live:
                    cluster.remove(name)


def config(workspace: Workspace, **options: Any) -> GenerateQuestionsConfig:
    given: dict[str, Any] = {
        "model": "scripted:m", "engine": "scripted", "generator": "a $(b) \\boxed", "num_questions": 8,
        "rows_per_part": 4,
    }  # fmt: skip
    return GenerateQuestionsConfig(workspace=workspace.uri, **given | options)


def job_of(cluster: JobsCluster) -> str:
    """Return the name of the only live Job, once there is one."""
    with cluster.lock:
        assert cluster.lock.wait_for(lambda: bool(cluster.live), 60.0), cluster.asked
        (name,) = cluster.live
        return name


def test_a_finished_folder_is_said_without_asking_the_cluster(
    cluster: JobsCluster, workspace: Workspace, task: Callable[..., Future[str]]
) -> None:
    folder = run(config(workspace), workspace)
    assert task().result() == folder
    assert not cluster.asked


def test_a_job_that_makes_the_folder_ends_the_task_with_it(
    cluster: JobsCluster, workspace: Workspace, task: Callable[..., Future[str]]
) -> None:
    result = task()
    name = job_of(cluster)
    cluster.run_pods(name)
    folder = run(config(workspace), workspace)
    cluster.complete(name)
    assert result.result(WATCH_SECONDS) == folder


def test_the_job_has_the_steps_image_options_and_hardware_and_what_the_tasks_own_pod_hands_on(
    cluster: JobsCluster, workspace: Workspace, task: Callable[..., Future[str]]
) -> None:
    result = task(profile=json.dumps(QUEUED), pods="2..16")
    name = job_of(cluster)
    job = cluster.jobs[name]
    run(config(workspace), workspace)
    cluster.resume(name)
    cluster.complete(name)
    folder = result.result(WATCH_SECONDS)
    label = job["metadata"]["labels"]["scalequest.dev/folder"]
    assert name == f"generate-questions-{label}-0"
    assert label.startswith(Path(folder).name)
    annotations = job["metadata"]["annotations"]
    assert json.loads(annotations.pop("scalequest.dev/asked"))["queue"] == "scalequest-gpu"
    assert annotations == {
        "scalequest.dev/folder": folder, "kueue.x-k8s.io/job-min-parallelism": "2",
        "kueue.x-k8s.io/job-completions-equal-parallelism": "true",
        "scalequest.dev/task": "run-x(0).root(0).generate-questions(0).executor(0)",
    }  # fmt: skip
    assert job["metadata"]["labels"].items() >= {
        "kueue.x-k8s.io/queue-name": "scalequest-gpu", "scalequest.dev/run": "0b5c-run",
        "scalequest.dev/step": "generate-questions", "scalequest.dev/size": "inference",
        "app.kubernetes.io/part-of": "scalequest",
    }.items()  # fmt: skip
    (owner,) = job["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("Workflow", "uid-of-run-x", False)
    assert (job["spec"]["parallelism"], job["spec"]["completions"]) == (16, 16)
    pod = job["spec"]["template"]["spec"]
    assert (pod["serviceAccountName"], pod["imagePullSecrets"]) == ("scalequest", [{"name": "registry-key"}])
    assert (pod["nodeSelector"], pod["tolerations"]) == (PROFILE["node_selector"], PROFILE["tolerations"])
    assert {"name": "scalequest-store", "secret": {"secretName": "scalequest-store", "optional": True}} in pod[
        "volumes"
    ]
    (container,) = pod["containers"]
    assert container["image"] == "registry/vllm@sha256:1"
    assert container["command"] == ["python3", "-m", "components.generate_questions"]
    assert "a $$(b) \\boxed" in container["args"]  # Kubernetes makes one dollar of two
    assert [each["name"] for each in container["env"]] == ["HOME", "AWS_REGION"]
    assert container["resources"]["limits"] == {"memory": "144Gi", "ephemeral-storage": "120Gi", "nvidia.com/gpu": "1"}


def test_a_job_reaches_the_network_as_its_task_does(cluster: JobsCluster, task: Callable[..., Future[str]]) -> None:
    spec = cluster.pods[OWN_POD]["spec"]
    container = spec["containers"][1]
    handed: list[dict[str, Any]] = [
        {"name": "https_proxy", "value": "http://proxy:3128"},
        {"name": "NO_PROXY", "value": ".svc"},
        {"name": "SSL_CERT_FILE", "value": "/etc/ca/ca.crt"},
        {"name": "REGION", "valueFrom": {"configMapKeyRef": {"name": "site", "key": "region"}}},
    ]
    own = [{"name": "KFP_POD_UID", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}}]
    whole, ca = {"configMapRef": {"name": "site"}}, {"name": "ca", "configMap": {"name": "site-ca"}}
    container |= {"env": [*handed, *own, {"name": "PLAIN", "value": "1"}], "envFrom": [whole]}
    container["volumeMounts"].append({"name": "ca", "mountPath": "/etc/ca"})
    spec["volumes"].append(ca)
    task()
    pod = cluster.jobs[job_of(cluster)]["spec"]["template"]["spec"]
    (of_job,) = pod["containers"]
    assert of_job["env"][1:] == handed
    assert of_job["envFrom"] == [whole]
    assert ca in pod["volumes"]
    assert {"name": "ca", "mountPath": "/etc/ca"} in of_job["volumeMounts"]


def test_a_job_that_is_made_from_no_pod_has_no_owner_and_the_charts_account(
    cluster: JobsCluster, task: Callable[..., Future[str]]
) -> None:
    del cluster.pods[OWN_POD]
    task()
    job = cluster.jobs[job_of(cluster)]
    assert "ownerReferences" not in job["metadata"]
    assert "scalequest.dev/run" not in job["metadata"]["labels"]
    assert job["spec"]["template"]["spec"]["serviceAccountName"] == "scalequest"


def test_a_job_without_a_range_may_be_scaled_while_it_runs(
    cluster: JobsCluster, workspace: Workspace, task: Callable[..., Future[str]]
) -> None:
    task(profile=json.dumps(QUEUED))
    annotations = cluster.jobs[job_of(cluster)]["metadata"]["annotations"]
    assert annotations["kueue.x-k8s.io/elastic-job"] == "true"


def test_a_job_without_a_gpu_waits_in_no_queue_and_runs_on_any_node(
    cluster: JobsCluster, task: Callable[..., Future[str]]
) -> None:
    without = {"tasks": {"inference": TASK | {"gpus": "0"}}, "priority_class": "low"}
    task(profile=json.dumps(QUEUED | without))
    metadata = cluster.jobs[job_of(cluster)]["metadata"]
    assert not {"nodeSelector", "tolerations"} & set(pod := cluster.jobs[metadata["name"]]["spec"]["template"]["spec"])
    assert "priorityClassName" not in pod, "it is the queue's"
    assert "kueue.x-k8s.io/queue-name" not in metadata["labels"]
    assert "kueue.x-k8s.io/elastic-job" not in metadata["annotations"]


def test_of_four_tasks_at_once_one_makes_the_job_and_all_end_with_it(
    cluster: JobsCluster, workspace: Workspace, task: Callable[..., Future[str]]
) -> None:
    results = [task() for _ in range(4)]
    cluster.await_asked("WATCH jobs", 4)
    assert list(cluster.jobs) == [job_of(cluster)]
    run(config(workspace), workspace)
    cluster.complete(job_of(cluster))
    assert len({result.result(WATCH_SECONDS) for result in results}) == 1


def test_a_job_of_another_run_becomes_this_runs_and_lives_as_long_as_one_of_both(
    cluster: JobsCluster, task: Callable[..., Future[str]]
) -> None:
    first = task()
    name = job_of(cluster)
    cluster.await_asked("WATCH jobs")
    second = own_pod()
    second["metadata"]["ownerReferences"][0] |= {"name": "run-y", "uid": "uid-of-run-y"}
    second["metadata"]["labels"]["pipeline/runid"] = "other-run"
    cluster.pods[OWN_POD] = second
    other = task()
    cluster.await_asked("WATCH jobs", 3)
    metadata = cluster.jobs[name]["metadata"]
    assert metadata["labels"]["scalequest.dev/run"] == "other-run"
    assert [each["uid"] for each in metadata["ownerReferences"]] == ["uid-of-run-x", "uid-of-run-y"]
    assert not any(each["controller"] for each in metadata["ownerReferences"])
    cluster.remove(name)
    for result in (first, other):
        with pytest.raises(UnavailableError):
            result.result(WATCH_SECONDS)


def test_a_job_that_runs_otherwise_than_wanted_is_followed_and_the_log_says_in_what_and_how_to_change_it(
    cluster: JobsCluster, task: Callable[..., Future[str]], caplog: pytest.LogCaptureFixture
) -> None:
    first = task()
    name = job_of(cluster)
    small = PROFILE | {"tasks": {"inference": TASK | {"memory": "64Gi"}}}
    second = task(image="registry/vllm@sha256:2", profile=json.dumps(small), pods="16")
    cluster.await_asked("WATCH jobs", 2)
    cluster.remove(name)
    for result in (first, second):
        with pytest.raises(UnavailableError):
            result.result(WATCH_SECONDS)
    (line,) = [each for each in caplog.messages if each.startswith("it has ")]
    assert "image registry/vllm@sha256:1 and not registry/vllm@sha256:2, limits {" in line
    assert ", pods 2 and not 16" in line
    assert line.endswith("`scalequest stop` its run, then submit again; the pods alone: `scalequest scale`")
    assert len(cluster.jobs) == 0, "no other one was made"


@pytest.mark.parametrize(
    ("wanted", "pods"),
    [
        (PROFILE, "2"),
        (PROFILE | {"queue": "other"}, "2"),
        (QUEUED | {"tasks": {"inference": TASK | {"gpus": "2"}}}, "2"),
        (QUEUED | {"node_selector": {}}, "2"),
        (QUEUED | {"tolerations": []}, "2"),
        (QUEUED, "16"),
        (QUEUED, "1..2"),
    ],
    ids=["no queue", "queue", "gpus", "node selector", "tolerations", "more pods", "fewer pods will do"],
)
def test_a_queued_job_that_is_wanted_otherwise_gives_way_and_its_run_does_not_take_the_next_away(
    wanted: dict[str, Any], pods: str, cluster: JobsCluster, task: Callable[..., Future[str]]
) -> None:
    first = task(profile=json.dumps(QUEUED))
    name = job_of(cluster)
    cluster.await_asked("WATCH jobs")
    pod = own_pod()
    pod["metadata"]["labels"]["pipeline/runid"] = "other-run"
    cluster.pods[OWN_POD] = pod
    second = task(profile=json.dumps(wanted), pods=pods)
    with pytest.raises(UnavailableError, match="was deleted"):
        first.result(WATCH_SECONDS)
    cluster.await_asked("POST jobs", 2)
    following = job_of(cluster)
    job = cluster.jobs[following]
    assert job["metadata"]["uid"] != "uid-100", name
    assert job["metadata"]["labels"].get("kueue.x-k8s.io/queue-name", "") == wanted.get("queue", "")
    cluster.pods[OWN_POD] = own_pod()
    adopted = cluster.count("PATCH jobs")
    again = task(profile=json.dumps(QUEUED))
    cluster.await_asked("PATCH jobs", adopted + 1)  # it has found the Job, which the other one may still begin to watch
    assert (cluster.live, cluster.count("POST jobs")) == ([following], 2)
    cluster.remove(following)
    for result in (second, again):
        with pytest.raises(UnavailableError):
            result.result(WATCH_SECONDS)


def test_a_job_that_a_queue_admits_while_it_is_to_give_way_is_followed(
    cluster: JobsCluster, task: Callable[..., Future[str]]
) -> None:
    first = task(profile=json.dumps(QUEUED))
    name = job_of(cluster)
    cluster.refusals["DELETE jobs"] = [refusal("error-409-conflict-resource-version")] * 2
    cluster.await_asked("WATCH jobs")
    second = task()
    cluster.await_asked("DELETE jobs")
    cluster.resume(name)
    cluster.await_asked("PATCH jobs")
    assert (cluster.live, cluster.count("POST jobs")) == ([name], 1)
    cluster.remove(name)
    for result in (first, second):
        with pytest.raises(UnavailableError):
            result.result(WATCH_SECONDS)


@pytest.mark.parametrize(
    ("situation", "error", "message"),
    [
        ("fail-job", InputError, "^--questions s3://scalequest/rec/nosuch does not exist$"),
        ("fail-index", InputError, "^--questions s3://scalequest/rec/nosuch does not exist$"),
        ("backoff-index-exceeded", UnavailableError, "exit code 75; the same command goes on where it was"),
        ("exit-137", UnavailableError, "killed, exit code 137"),
        ("oom-killed", UnavailableError, "out of memory: killed at its limit of"),
        ("deadline-exceeded", UnavailableError, "Job was active longer than specified deadline"),
        ("complete-indexed", UnavailableError, "is complete, but .* is not finished"),
    ],
)
def test_a_job_that_ends_without_the_folder_ends_the_task_as_the_step_would_have_ended(
    situation: str, error: type[Exception], message: str, cluster: JobsCluster, task: Callable[..., Future[str]]
) -> None:
    result = task()
    cluster.play(situation, job_of(cluster))
    with pytest.raises(error, match=message):
        result.result(WATCH_SECONDS)
    assert cluster.count("GET log") == (situation in ("backoff-index-exceeded", "exit-137", "oom-killed"))


def test_a_job_that_somebody_deletes_ends_the_task_so_that_the_next_attempt_makes_another(
    cluster: JobsCluster, task: Callable[..., Future[str]]
) -> None:
    first = task()
    name = job_of(cluster)
    cluster.await_asked("WATCH jobs")
    cluster.begin_removal(name)  # it stays until its pods are gone
    with pytest.raises(UnavailableError, match=f"the Job {name} was deleted; the same command makes the next one"):
        first.result(WATCH_SECONDS)
    second = task()
    assert job_of(cluster) == name.removesuffix("0") + "1"
    cluster.remove(job_of(cluster))
    with pytest.raises(UnavailableError, match="was deleted"):
        second.result(WATCH_SECONDS)


def test_why_a_job_gets_no_pods_is_found_behind_a_thousand_warnings_about_others(
    cluster: JobsCluster, task: Callable[..., Future[str]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    other = {"type": "Warning", "message": "m", "involvedObject": {"name": "another"}, "metadata": {}}
    cluster.events = [other] * 2500
    cluster.on_create = lambda name: cluster.events.append(
        other | {"message": "refused by policy 7", "involvedObject": {"name": name}}
    )
    result = task()
    name = job_of(cluster)
    cluster.await_asked("WATCH jobs")
    cluster.remove(name)
    with pytest.raises(UnavailableError):
        result.result(WATCH_SECONDS)
    assert any("refused by policy 7" in line for line in caplog.messages)


def test_a_job_that_waits_in_a_queue_costs_no_look_through_the_warnings_of_its_namespace(
    cluster: JobsCluster, task: Callable[..., Future[str]]
) -> None:
    task(profile=json.dumps(QUEUED))
    cluster.await_asked("WATCH jobs")
    assert cluster.count("GET workloads")
    assert not cluster.count("GET events")


def test_after_a_job_that_ended_badly_comes_the_next_attempt(
    cluster: JobsCluster, task: Callable[..., Future[str]]
) -> None:
    for attempt in range(3):
        result = task()
        name = job_of(cluster)
        assert name.endswith(f"-{attempt}")
        cluster.fail(name, "BackoffLimitExceeded")
        with pytest.raises(UnavailableError):
            result.result(WATCH_SECONDS)


def test_a_pod_that_ends_of_a_bug_is_named_with_its_message_and_its_last_lines(
    cluster: JobsCluster, task: Callable[..., Future[str]], caplog: pytest.LogCaptureFixture
) -> None:
    result = task()
    name = job_of(cluster)
    cluster.run_pods(name)
    cluster.end_pod(f"{name}-0", 75, "the store did not answer")
    cluster.end_pod(f"{name}-1", 1, "bug of ours: KeyError: 'x'")
    cluster.logs = {f"{name}-{index}": f"of {index}\nKeyError: 'x'\n" for index in range(2)}
    cluster.fail(name, "FailedIndexes")
    with pytest.raises(RuntimeError, match=f"^the Job {name} failed: KeyError: 'x'$"):
        result.result(WATCH_SECONDS)
    assert f"the last lines of {name}-1:\nof 1\nKeyError: 'x'" in caplog.messages


def test_pods_of_another_version_that_make_another_folder_are_no_reason_to_try_again(
    cluster: JobsCluster, task: Callable[..., Future[str]]
) -> None:
    result = task()
    name = job_of(cluster)
    cluster.run_pods(name)
    with cluster.lock:
        cluster.end_pod(f"{name}-0", 0, "unfinished: s3://b/generate_questions/other")
        cluster.end_pod(f"{name}-1", 0, "finished: s3://b/generate_questions/other")
        cluster.jobs[name]["status"] |= {"conditions": [{"type": "Complete", "status": "True"}], "succeeded": 2}
        cluster.change_job(name)
    message = r"made s3://b/generate_questions/other; is the image registry/vllm@sha256:1 of the same version"
    with pytest.raises(InputError, match=message):
        result.result(WATCH_SECONDS)


def test_a_job_whose_owners_this_account_may_not_change_is_followed_all_the_same(
    cluster: JobsCluster, workspace: Workspace, task: Callable[..., Future[str]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    first = task()
    name = job_of(cluster)
    cluster.refusals["PATCH jobs"] = [refusal("error-403-rbac-create")]
    second = task()
    cluster.await_asked("WATCH jobs", 2)
    folder = run(config(workspace), workspace)
    cluster.complete(name)
    assert first.result(WATCH_SECONDS) == second.result(WATCH_SECONDS) == folder
    assert any(f"the Job {name} stays that of the run which made it: " in line for line in caplog.messages)


def test_a_job_whose_folder_is_finished_gives_its_waiting_pods_a_last_minute(
    cluster: JobsCluster, workspace: Workspace, task: Callable[..., Future[str]]
) -> None:
    result = task(pods="8")
    name = job_of(cluster)
    cluster.run_pods(name, "Pending")
    folder = run(config(workspace), workspace)
    cluster.end_pod(f"{name}-0", 0)
    cluster.change_job(name, status={"succeeded": 1})
    assert result.result(WATCH_SECONDS) == folder
    left = cluster.seconds_left(cluster.jobs[name])
    assert left is not None
    assert 50 < left <= 65


@pytest.mark.parametrize(
    ("request_", "answer", "error", "message"),
    [
        ("POST jobs", "error-403-rbac-create", InputError, "Role scalequest-step .* has to allow it.*gpu_work: task"),
        (
            "GET jobs",
            "error-403-rbac-list",
            InputError,
            "looking for the Jobs with .*: not allowed .403",
        ),
        ("POST jobs", "error-422-invalid-field", InputError, "creating the Job .*: not accepted .422"),
        ("POST jobs", "error-403-quota-exceeded", UnavailableError, "the namespace's quota is used up .*try again"),
    ],
)
def test_what_the_cluster_refuses_is_said_with_what_would_allow_it(
    request_: str, answer: str, error: type[Exception], message: str, cluster: JobsCluster,
    task: Callable[..., Future[str]],
) -> None:  # fmt: skip
    cluster.refusals[request_] = [refusal(answer)]
    with pytest.raises(error, match=message):
        task().result(WATCH_SECONDS)


def test_a_webhook_that_is_down_passes_by_itself(
    cluster: JobsCluster, workspace: Workspace, task: Callable[..., Future[str]]
) -> None:
    cluster.refusals["POST jobs"] = [refusal("error-500-webhook-down")] * 3
    result = task()
    name = job_of(cluster)
    run(config(workspace), workspace)
    cluster.complete(name)
    assert result.result(WATCH_SECONDS)


@pytest.mark.parametrize(
    ("profile", "message"),
    [
        ("h100", "profile 'h100' is unknown; the ConfigMap scalequest-profiles has a100, odd"),
        ("odd", "odd.yaml of the ConfigMap scalequest-profiles is no YAML"),
        ('{"tasks": ', "is no JSON"),
        ('{"tasks": {"training": {"gpus": "8"}}}', "its task training lacks cpu, memory, ephemeral_storage, shm"),
        ('{"tasks": {}}', "profile in JSON has no task 'inference'; it has none"),
        ('{"tasks": [1]}', r"tasks is \[1\]; expected a mapping"),
    ],
)
def test_a_profile_that_says_no_hardware_is_refused_with_what_there_is(
    profile: str, message: str, cluster: JobsCluster, task: Callable[..., Future[str]]
) -> None:
    with pytest.raises(InputError, match=message):
        task(profile=profile).result(WATCH_SECONDS)
    assert not cluster.jobs


def test_a_name_of_a_profile_where_the_namespace_has_none_is_refused_with_what_makes_them(
    cluster: JobsCluster, task: Callable[..., Future[str]]
) -> None:
    cluster.config_maps.clear()
    with pytest.raises(InputError, match="no ConfigMap scalequest-profiles in the namespace team-a; the Helm chart"):
        task().result(WATCH_SECONDS)
    assert not cluster.jobs


def test_a_number_of_pods_that_is_none_is_refused(cluster: JobsCluster, task: Callable[..., Future[str]]) -> None:
    with pytest.raises(InputError, match=r"pods '16\.\.2' is not accepted"):
        task(pods="16..2").result(WATCH_SECONDS)
    assert not cluster.jobs


def test_a_spot_profile_takes_its_spot_nodes(cluster: JobsCluster, task: Callable[..., Future[str]]) -> None:
    task(profile="a100-spot")
    pod = cluster.jobs[job_of(cluster)]["spec"]["template"]["spec"]
    assert set(pod["nodeSelector"]) == {"cloud.google.com/gke-accelerator", "cloud.google.com/gke-spot"}


@pytest.mark.parametrize(
    ("situation", "told"),
    [
        ("waiting-for-quota", "queued in scalequest-gpu: .*insufficient unused quota.*2 more needed .nothing to do"),
        ("never-more-than-maximum", r"queued in .*maximum capacity \(4\) \(it never begins: ask for fewer"),
        ("no-such-queue", "queued in .*doesn't exist .it never begins: helm upgrade --set kueue.enabled=true"),
        ("no-such-cluster-queue", "ClusterQueue rec-nosuch doesn't exist .it never begins"),
        ("selector-mismatch", "doesn't match ClusterQueue selector .it never begins: let .*namespaceSelector"),
        ("resource-not-covered", "ephemeral-storage unavailable in ClusterQueue .it never begins: give"),
        ("cluster-queue-inactive", "is inactive .it never begins: the ClusterQueue is stopped"),
        ("quota-zero", r"maximum capacity \(0\) \(it never begins"),
        ("preempted", "queued in scalequest-gpu: preempted, then .*insufficient quota"),
        ("resumed-after-preemption", "4 of 4 pods run"),
        ("elastic-scale-up-pending", "1 of 2 pods run; 1 pod waits for quota: .*insufficient unused quota"),
        ("unschedulable-gpu", "1 pod waits for a node with .*: 0/1 nodes are available: 1 Insufficient nvidia"),
        ("image-pull", r"1 pod waits for its image registry.invalid/scalequest/cpu:0.1.0, which cannot be pulled"),
        ("secret-missing", 'to start: CreateContainerConfigError: secret "nosuch-secret" not found'),
        ("quota-refused", "it gets no pods: Error creating: pods .* exceeded quota: q, requested"),
        ("pod-security-refused", "it gets no pods: .*violates PodSecurity"),
        ("no-service-account", "it gets no pods: .*error looking up service account"),
        ("running-indexed", "2 of 2 pods run"),
        ("admitted", "4 of 4 pods run"),
        ("partial-admission", "4 of 4 pods run"),
        ("being-preempted", "queued in scalequest-gpu: preempted, then"),
        (
            "drained-by-hold-and-drain",
            "queued in scalequest-gpu: cluster queue stopped, then ClusterQueue rec-el",
        ),
        ("flavor-missing", "is inactive .it never begins"),
        ("image-name-invalid", "1 pod waits for its image .*invalid reference format"),
        ("suspended-midrun", "queued in scalequest-gpu"),
        ("evicted-ignored", "2 of 2 pods run"),
        ("fail-index-others-running", "2 of 3 pods run; 1 pod ended before the work did, the last: bad input: --quest"),
        ("backoff-index-waiting", "1 of 2 pods run; .*6 pods ended before the work did, the last: exit code 75"),
    ],
)
def test_whatever_the_job_is_at_the_log_says_it_another_task_attaches_and_both_end_with_the_folder(
    situation: str, told: str, cluster: JobsCluster, workspace: Workspace, task: Callable[..., Future[str]],
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    caplog.set_level(logging.INFO)
    first = task(profile=json.dumps(QUEUED))
    name = job_of(cluster)
    cluster.await_asked("WATCH jobs")
    cluster.play(situation, name)
    second = task(profile=json.dumps(QUEUED))
    cluster.await_asked("WATCH jobs", 3)
    folder = run(config(workspace), workspace)
    cluster.complete(name)
    assert first.result(WATCH_SECONDS) == second.result(WATCH_SECONDS) == folder
    assert list(cluster.jobs) == [name]
    assert f"found the Job {name}" in caplog.messages
    lines = [each for each in caplog.messages if each.startswith(f"Job {name}: ")]
    assert any(re.search(told, line) for line in lines), lines


def test_a_node_that_is_gone_is_told_and_costs_the_task_nothing(
    cluster: JobsCluster, workspace: Workspace, task: Callable[..., Future[str]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    result = task()
    name = job_of(cluster)
    cluster.run_pods(name)
    lost = {
        "type": "DisruptionTarget",
        "status": "True",
        "reason": "DeletionByPodGC",
        "message": "no such node",
    }
    cluster.pods[f"{name}-0"]["status"] |= {"phase": "Failed", "conditions": [lost]}
    cluster.change_job(name, status={"active": 1})
    cluster.await_asked("WATCH jobs", 2)
    folder = run(config(workspace), workspace)
    cluster.complete(name)
    assert result.result(WATCH_SECONDS) == folder
    assert any("the last: evicted: no such node" in line for line in caplog.messages), caplog.messages


def test_watches_that_end_are_cut_or_are_gone_change_nothing(
    cluster: JobsCluster, workspace: Workspace, task: Callable[..., Future[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coordinator, "Pace", lambda: Pace(poll=1))
    cluster.broken_watches = ["gone", "at once", "cut"]
    result = task()
    name = job_of(cluster)
    cluster.await_asked("WATCH jobs", 4)
    folder = run(config(workspace), workspace)
    cluster.complete(name)
    assert result.result(WATCH_SECONDS) == folder
