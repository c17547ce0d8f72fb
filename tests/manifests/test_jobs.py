from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.kubeflow import component_of
from components.shared.command.step_command import parse_config
from components.shared.config import flag_of, options_of
from components.shared.config.values import default_text
from components.shared.errors import ExitCode
from components.shared.jobs.body import SIZE_LABEL
from manifests.jobs import OPTIONS, read_steps
from pipelines import store_secret
from pipelines.compiled_pipeline import COMPILED, executors_on_kubernetes, read_documents
from pipelines.hardware_profiles import read_profile
from tests.manifests.mounts import mount_of, write_mounted
from tests.manifests.pod_security import pod_metadata_of
from tests.manifests.tools import MANIFESTS, Tools, write_overlay
from tests.source_tree import ROOT, STEPS

BY_NAME = {step.name: step for step in read_steps()}
JOB_FILES = {path.parent.name: path for path in (MANIFESTS / "jobs").glob("*/job.yaml")}
SHARED = [name for name in STEPS if BY_NAME[name].is_shared]


def test_there_is_a_job_for_each_step() -> None:
    assert sorted(JOB_FILES) == sorted(name.replace("_", "-") for name in STEPS)
    assert sorted(BY_NAME) == STEPS


@pytest.mark.parametrize("name", STEPS)
def test_the_job_repeats_name_and_default_of_every_option(name: str) -> None:
    step, (options, _) = BY_NAME[name], _objects(name)
    wanted = {f.name: default_text(f) for f in options_of(step.config)}
    assert options["data"] == wanted


@pytest.mark.parametrize("name", STEPS)
def test_the_steps_own_command_line_reads_the_jobs_options_as_its_defaults(name: str, tmp_path: Path) -> None:
    step = BY_NAME[name]
    required = {f.name: "1" for f in options_of(step.config) if f.default is dataclasses.MISSING}
    alone = [word for option, value in required.items() for word in (flag_of(option), value)]
    arguments = _container(name)["args"]
    mounted = mount_of(_objects(name)[1], OPTIONS)
    assert mounted["configMap"]["name"] == _objects(name)[0]["metadata"]["name"]
    given = write_mounted(tmp_path, _objects(name)[0]["data"] | required)
    assert parse_config(step.config, [given if word == OPTIONS else word for word in arguments]) == parse_config(
        step.config, alone
    )


@pytest.mark.parametrize("name", STEPS)
def test_only_shared_steps_are_indexed_and_their_default_is_one_pod(name: str) -> None:
    _, job = _objects(name)
    spec = job["spec"]
    if name in SHARED:
        assert spec["completionMode"] == "Indexed"
        assert spec["completions"] == spec["parallelism"] == 1
        assert spec["backoffLimitPerIndex"] > 0
    else:
        assert spec["backoffLimit"] > 0
        assert not {"completionMode", "completions", "backoffLimitPerIndex"} & set(spec)


@pytest.mark.parametrize("name", STEPS)
def test_pods_that_end_badly_are_treated_by_what_their_exit_code_means(name: str) -> None:
    _, job = _objects(name)
    rules = job["spec"]["podFailurePolicy"]["rules"]
    # A pod that was evicted ends with a code as well: whose fault it was has to be asked first.
    assert rules[0] == {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
    actions = {code: rule["action"] for rule in rules[1:] for code in rule["onExitCodes"]["values"]}
    assert actions == {
        ExitCode.BAD_INPUT: "FailJob",
        ExitCode.BUDGET_SPENT: "FailJob",
        ExitCode.GATE_CLOSED: "FailJob",
        ExitCode.UNAVAILABLE: "Count",
        ExitCode.KILLED: "Count",
        ExitCode.STOPPED: "Count",
    }
    assert {rule["onExitCodes"]["containerName"] for rule in rules[1:]} == {"step"}
    assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never"  # which the policy asks for
    assert job["spec"]["podReplacementPolicy"] == "Failed"
    assert job["spec"]["ttlSecondsAfterFinished"] > 86400


@pytest.mark.parametrize("name", STEPS)
def test_a_job_takes_the_stores_endpoint_and_keys_with_no_patch_and_beside_its_options(name: str) -> None:
    (_, job), container = _objects(name), _container(name)
    variables = [each for each in container["env"] if each["name"] in store_secret.KEYS]
    assert variables == store_secret.variables("scalequest-store")
    assert store_secret.MOUNT in container["volumeMounts"]
    assert store_secret.volume("scalequest-store") in job["spec"]["template"]["spec"]["volumes"]
    assert "envFrom" not in container


@pytest.mark.parametrize("name", STEPS)
def test_all_pods_of_a_job_have_the_same_options_and_end_some_day(name: str) -> None:
    options, job = _objects(name)
    assert options["immutable"] is True
    assert 7 * 86_400 <= job["spec"]["activeDeadlineSeconds"] <= 30 * 86_400


@pytest.mark.parametrize("name", STEPS)
def test_the_job_runs_the_image_and_command_of_the_component(name: str) -> None:
    container = component_of(name).component_spec.implementation.container
    (step,) = _objects(name)[1]["spec"]["template"]["spec"]["containers"]
    assert step["image"] == container.image
    assert step["command"] == list(container.command)


def test_a_job_has_a_gpu_where_the_pipelines_give_the_step_one() -> None:
    text = (ROOT / "pipelines/compiled/scalequest-paper.yaml").read_text(encoding="utf-8")
    spec = next(yaml.safe_load_all(text))
    executors = spec["deploymentSpec"]["executors"].values()
    accelerated = {_step_of(each) for each in executors if "accelerator" in each["container"].get("resources", {})}
    with_gpu = {name for name in STEPS if "nvidia.com/gpu" in _container(name)["resources"]["limits"]}
    assert with_gpu & {_step_of(each) for each in executors} == accelerated


@pytest.mark.parametrize("name", STEPS)
def test_what_a_job_needs_is_asked_for_and_written_where_it_may_be(name: str) -> None:
    container = _container(name)
    assert set(container["resources"]["requests"]) == {"cpu", "memory", "ephemeral-storage"}
    for limited in ("memory", "ephemeral-storage"):
        assert container["resources"]["limits"][limited] == container["resources"]["requests"][limited]
    mounts = {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")}
    assert mounts == {"/tmp", "/dev/shm"}
    folders = [item["value"] for item in container["env"] if "value" in item]
    assert all(folder.startswith("/tmp") for folder in folders)


@pytest.mark.parametrize("name", STEPS)
def test_a_jobs_pods_get_no_proxy_and_are_not_evicted_to_save_nodes(name: str) -> None:
    ((_, metadata),) = pod_metadata_of(_objects(name))
    assert metadata["labels"]["sidecar.istio.io/inject"] == "false"
    (of_run, *_) = executors_on_kubernetes(read_documents(COMPILED / "scalequest-paper.yaml")).values()
    assert metadata["annotations"] == of_run["podMetadata"]["annotations"]


@pytest.mark.parametrize("name", STEPS)
def test_secrets_are_named_and_never_written(name: str) -> None:
    env = {item["name"]: item for item in _container(name)["env"]}
    for variable in {"HF_TOKEN", "OPENAI_API_KEY"} & set(env):
        assert env[variable]["valueFrom"]["secretKeyRef"]["optional"] is True
    assert ("OPENAI_API_KEY" in env) == ("api_key_env" in _objects(name)[0]["data"])


@pytest.mark.parametrize("profile", ["gke-a100-80g-spot", "eks-p4d", "local"])
@pytest.mark.parametrize("name", ["train_sft", "generate_responses", "package_dataset"])
def test_a_profile_sizes_a_job_and_sends_only_gpu_jobs_to_its_nodes(
    name: str, profile: str, tools: Tools, tmp_path: Path
) -> None:
    pod = _built(name, [f"jobs-on-{profile}"], tools, tmp_path)["spec"]["template"]["spec"]
    hardware = read_profile(profile.removesuffix("-spot"))
    placement = hardware.spot if profile.endswith("-spot") else hardware.on_demand
    task = hardware.tasks[BY_NAME[name].size]
    (container,) = pod["containers"]
    assert container["resources"]["requests"]["memory"] == task.memory
    assert container["resources"]["limits"].get("nvidia.com/gpu", "0") == task.gpus
    has_gpu_nodes = name != "package_dataset"
    assert pod.get("nodeSelector", {}) == (placement.node_selector if has_gpu_nodes else {})
    assert pod.get("tolerations", []) == (placement.tolerations if has_gpu_nodes else [])
    (shm,) = [volume for volume in pod["volumes"] if volume["name"] == "shm"]
    assert shm["emptyDir"]["sizeLimit"] == task.shm


@pytest.mark.parametrize(
    ("name", "queue"),
    [("deduplicate", None), ("generate_responses", "scalequest-gpu"), ("train_dpo", "scalequest-gpu")],
)
def test_only_jobs_with_a_gpu_wait_in_the_queue(name: str, queue: str | None, tools: Tools, tmp_path: Path) -> None:
    job = _built(name, ["jobs-queued"], tools, tmp_path)
    assert job["metadata"]["labels"].get("kueue.x-k8s.io/queue-name") == queue
    (localqueue,) = yaml.safe_load_all((MANIFESTS / "options/kueue/localqueue.yaml").read_text(encoding="utf-8"))
    assert localqueue["metadata"]["name"] == "scalequest-gpu"


@pytest.mark.parametrize(("name", "is_queued"), [("deduplicate", False), ("train_dpo", True)])
def test_jobs_may_have_their_nodes_from_a_queue_of_their_own(
    name: str, is_queued: bool, tools: Tools, tmp_path: Path
) -> None:
    metadata = _built(name, ["jobs-queued-dws"], tools, tmp_path)["metadata"]
    *_, local = yaml.safe_load_all((MANIFESTS / "cluster-admin/gke/dws.yaml").read_text(encoding="utf-8"))
    queue = local["metadata"]["name"] if is_queued else None
    assert metadata["labels"].get("kueue.x-k8s.io/queue-name") == queue
    assert ("provreq.kueue.x-k8s.io/maxRunDurationSeconds" in metadata.get("annotations", {})) == is_queued


def test_a_training_runtime_that_is_queued_queues_its_train_jobs(tools: Tools, tmp_path: Path) -> None:
    components = ["options/trainer", "options/jobs-queued"]
    built = tools.build(write_overlay(tmp_path, resources=["base"], components=components))
    (runtime,) = [document for document in built if document["kind"] == "TrainingRuntime"]
    assert runtime["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "scalequest-gpu"


@pytest.mark.parametrize(("name", "starts_nodes"), [("train_dpo", True), ("generate_responses", False)])
def test_a_training_on_several_nodes_asks_the_cluster_and_no_gpu(
    name: str, starts_nodes: bool, tools: Tools, tmp_path: Path
) -> None:
    job = _built(name, ["jobs-on-gke-a100-80g", "jobs-starting-nodes"], tools, tmp_path)
    pod = job["spec"]["template"]["spec"]
    limits = pod["containers"][0]["resources"]["limits"]
    assert (pod["automountServiceAccountToken"], "nvidia.com/gpu" in limits) == (starts_nodes, not starts_nodes)
    assert ("nodeSelector" in pod) == (not starts_nodes)


def test_the_example_runs_all_its_pods_at_once(tools: Tools) -> None:
    options, job = tools.build(MANIFESTS / "examples/eight-pods")
    assert job["spec"]["completions"] == job["spec"]["parallelism"] == 8
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert mount_of(job, OPTIONS)["configMap"]["name"] == options["metadata"]["name"]  # both renamed together
    assert re.search("@sha256:[0-9a-f]{64}$", container["image"])


def _objects(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(JOB_FILES[name.replace("_", "-")].read_text(encoding="utf-8")))


def _container(name: str) -> dict[str, Any]:
    (container,) = _objects(name)[1]["spec"]["template"]["spec"]["containers"]
    assert _objects(name)[1]["metadata"]["labels"][SIZE_LABEL] == BY_NAME[name].size
    return dict(container)


def _built(name: str, options: list[str], tools: Tools, folder: Path) -> dict[str, Any]:
    components = [f"options/{option}" for option in options]
    overlay = write_overlay(folder, resources=[f"jobs/{name.replace('_', '-')}"], components=components)
    (job,) = [built for built in tools.build(overlay) if built["kind"] == "Job"]
    return job


def _step_of(executor: dict[str, Any]) -> str:
    return str(executor["container"]["command"][-1]).rpartition(".")[2]
