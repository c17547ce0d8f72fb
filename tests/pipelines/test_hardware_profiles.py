from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from kubernetes.utils import parse_quantity

from components.shared.jobs.pod_hardware import Placement
from manifests.jobs import SMALLEST_PROFILE
from pipelines.hardware_profiles import Profile, profile_names, read_profile
from pipelines.resources import INFERENCE_SHM, TRAINING_SHM
from tests.manifests.tools import MANIFESTS

PROFILES = {name: read_profile(name) for name in profile_names()}
WITH_GPUS = [name for name, profile in PROFILES.items() if profile.node.gpus]
# What else runs on a node: the cloud's own daemons, and a few containers of Argo beside each step.
KEPT_CPU, KEPT_GIB = 4, 12


def test_the_profiles_of_both_clouds_are_there() -> None:
    assert set(PROFILES) >= {"gke-a100-40g", "gke-a100-80g", "eks-p4d", "eks-p4de"}


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_sizes_each_kind_of_task_and_says_so_in_text(name: str) -> None:
    profile = PROFILES[name]
    assert set(profile.tasks) == {"cpu", "inference", "training"}
    # Kubeflow's backend reads a whole number as "" and starts the pod without its GPU.
    assert {type(value) for task in profile.tasks.values() for value in vars(task).values()} == {str}
    assert profile.platform in name


@pytest.mark.parametrize("name", PROFILES)
def test_no_released_profile_states_a_price_for_which_there_is_no_source(name: str) -> None:
    assert PROFILES[name].price_per_gpu_hour is None


@pytest.mark.parametrize("name", WITH_GPUS)
def test_eight_steps_with_one_gpu_fit_a_node_and_leave_room_for_what_runs_beside_them(name: str) -> None:
    profile = PROFILES[name]
    assert profile.node.gpus == 8
    assert profile.tasks["inference"].gpus == "1"
    assert _fits(profile, "inference", 8)
    assert not _fits(profile, "inference", 10)  # a node is used


@pytest.mark.parametrize("name", PROFILES)
def test_a_step_without_a_gpu_fits_a_node_without_one(name: str) -> None:
    node, task = PROFILES[name].cpu_node, PROFILES[name].tasks["cpu"]
    assert (node.gpus, task.gpus) == (0, "0")
    for resource in ("cpu", "memory", "ephemeral_storage"):
        assert parse_quantity(getattr(task, resource)) < parse_quantity(getattr(node, resource)), resource


@pytest.mark.parametrize(("platform", "how"), [("gke", "--machine-type="), ("eks", "instanceType: ")])
def test_the_nodes_without_a_gpu_are_those_that_the_guide_makes(platform: str, how: str) -> None:
    guide = (MANIFESTS / f"{platform.upper()}.md").read_text(encoding="utf-8")
    (machine,) = re.findall(rf"{how}([\w.-]+)", guide)
    assert {each.cpu_node.machine for each in PROFILES.values() if each.platform == platform} == {machine}


@pytest.mark.parametrize("name", WITH_GPUS)
def test_one_training_fills_a_node(name: str) -> None:
    profile = PROFILES[name]
    assert profile.tasks["training"].gpus == str(profile.node.gpus)
    assert _fits(profile, "training", 1)
    assert not _fits(profile, "training", 2)


@pytest.mark.parametrize("name", WITH_GPUS)
def test_shared_memory_is_what_the_pipelines_mount_which_take_it_at_compile_time_only(name: str) -> None:
    tasks = PROFILES[name].tasks
    assert (tasks["inference"].shm, tasks["training"].shm) == (INFERENCE_SHM, TRAINING_SHM)


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("size", ["cpu", "inference", "training"])
def test_shared_memory_is_part_of_a_tasks_memory(name: str, size: str) -> None:
    task = PROFILES[name].tasks[size]
    assert parse_quantity(task.shm) <= parse_quantity(task.memory) / 2


@pytest.mark.parametrize("name", WITH_GPUS)
@pytest.mark.parametrize("size", ["inference", "training"])
def test_a_job_without_a_profile_fits_a_node_of_any(name: str, size: str) -> None:
    assert _fits(PROFILES[name], size, 8 if size == "inference" else 1, PROFILES[SMALLEST_PROFILE])


@pytest.mark.parametrize("name", WITH_GPUS)
def test_gpu_pods_name_their_nodes_and_tolerate_the_taint_of_gpus(name: str) -> None:
    profile = PROFILES[name]
    for placement in (profile.on_demand, profile.spot):
        assert placement.node_selector
        assert {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"} in placement.tolerations
    assert profile.spot != profile.on_demand


def test_the_node_pool_of_karpenter_makes_the_nodes_that_the_profiles_name() -> None:
    text = (MANIFESTS / "cluster-admin/eks/karpenter-p4.yaml").read_text(encoding="utf-8")
    pool, node_class = yaml.safe_load_all(text)
    template = pool["spec"]["template"]["spec"]
    wanted = {item["key"]: item["values"] for item in template["requirements"]}
    eks = [profile for profile in PROFILES.values() if profile.platform == "eks"]
    assert {profile.node.machine for profile in eks} == set(wanted["node.kubernetes.io/instance-type"])
    assert template["taints"] == [{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}]
    for profile in eks:
        assert _is_let_in(profile.on_demand, template["taints"])
        assert _is_let_in(profile.spot, template["taints"])
    assert node_class["spec"]["instanceStorePolicy"] == "RAID0"
    assert template["nodeClassRef"]["name"] == node_class["metadata"]["name"]


def test_karpenter_also_makes_nodes_without_a_gpu_that_the_profiles_cpu_tasks_fit() -> None:
    text = (MANIFESTS / "cluster-admin/eks/karpenter-cpu.yaml").read_text(encoding="utf-8")
    pool, node_class = yaml.safe_load_all(text)
    template = pool["spec"]["template"]["spec"]
    wanted = {item["key"]: item["values"] for item in template["requirements"]}
    assert {PROFILES[name].cpu_node.machine for name in PROFILES if PROFILES[name].platform == "eks"} <= set(
        wanted["node.kubernetes.io/instance-type"]
    )
    assert "taints" not in template  # Kubeflow's drivers tolerate none
    assert wanted["karpenter.sh/capacity-type"] == ["on-demand"]
    assert template["nodeClassRef"]["name"] == node_class["metadata"]["name"]


@pytest.mark.parametrize("name", [name for name in WITH_GPUS if PROFILES[name].platform == "gke"])
@pytest.mark.parametrize("kind", ["on-demand", "spot", "dws"])
def test_a_node_pool_of_gke_makes_the_nodes_that_a_profile_names(name: str, kind: str, tmp_path: Path) -> None:
    profile = PROFILES[name]
    gpu = profile.on_demand.node_selector["cloud.google.com/gke-accelerator"]
    options = _gcloud_options(kind, profile.node.machine, gpu, tmp_path)
    assert options["--machine-type"] == profile.node.machine
    assert options["--accelerator"] == f"type={gpu},count={profile.node.gpus},gpu-driver-version=latest"
    assert options["--num-nodes"] == "0"  # grows from nothing
    key, value = "nvidia.com/gpu", "present"  # GKE's own taint
    taints = [{"key": key, "value": value, "effect": "NoSchedule"}]
    if kind == "spot":
        key, value, effect = re.split("[=:]", options["--node-taints"])
        taints.append({"key": key, "value": value, "effect": effect})
        assert "--spot" in options
    if kind == "dws":
        asked = {"--flex-start", "--enable-queued-provisioning", "--no-enable-autorepair"}
        assert asked <= set(options)
        assert (options["--reservation-affinity"], options["--location-policy"]) == ("none", "ANY")
    assert _is_let_in(profile.spot if kind == "spot" else profile.on_demand, taints)


def test_an_unknown_kind_of_node_pool_is_refused(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refused:
        _gcloud_options("flex", "a2-ultragpu-8g", "nvidia-a100-80gb", tmp_path)
    assert (refused.value.returncode, refused.value.stderr) == (2, "usage: node-pools.sh on-demand|spot|dws\n")


def test_the_queue_of_dws_holds_the_nodes_of_its_pool() -> None:
    *_, queue, local = yaml.safe_load_all((MANIFESTS / "cluster-admin/gke/dws.yaml").read_text(encoding="utf-8"))
    assert local["spec"]["clusterQueue"] == queue["metadata"]["name"] == local["metadata"]["name"] == "scalequest-dws"
    (group,) = queue["spec"]["resourceGroups"]
    quotas = {each["name"]: each["nominalQuota"] for each in group["flavors"][0]["resources"]}
    node = PROFILES["gke-a100-80g"].node
    assert {name: parse_quantity(quota) for name, quota in quotas.items()} == {
        "nvidia.com/gpu": 2 * node.gpus,
        "cpu": 2 * parse_quantity(node.cpu),
        "memory": 2 * parse_quantity(node.memory),
        "ephemeral-storage": 2 * parse_quantity(node.ephemeral_storage),
    }


def _gcloud_options(kind: str, machine: str, gpu: str, folder: Path) -> dict[str, str]:
    """Return the options that the script calls gcloud with; a flag's value is empty."""
    gcloud = folder / "gcloud"
    gcloud.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    gcloud.chmod(0o755)
    place = {"PROJECT": "p", "CLUSTER": "c", "LOCATION": "us-central1-a", "MACHINE": machine, "GPU": gpu}
    done = subprocess.run(
        ["sh", str(MANIFESTS / "cluster-admin/gke/node-pools.sh"), kind],
        env={**os.environ, **place, "PATH": f"{folder}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    words = done.stdout.splitlines()
    assert words[:4] == ["container", "node-pools", "create", words[3]]
    return {name: value for name, _, value in (word.partition("=") for word in words[4:])}


def _is_let_in(placement: Placement, taints: list[dict[str, str]]) -> bool:
    """Return whether pods of a placement tolerate every taint of a node."""
    return all(any(_tolerates(each, taint) for each in placement.tolerations) for taint in taints)


def _tolerates(toleration: dict[str, str], taint: dict[str, str]) -> bool:
    same = toleration["key"] == taint["key"] and toleration["effect"] == taint["effect"]
    return same and (toleration["operator"] == "Exists" or toleration.get("value") == taint.get("value"))


def _fits(profile: Profile, size: str, count: int, sized_by: Profile | None = None) -> bool:
    node, task = profile.node, (sized_by or profile).tasks[size]
    return (
        count * int(task.gpus) <= node.gpus
        and count * parse_quantity(task.cpu) + KEPT_CPU <= parse_quantity(node.cpu)
        and count * parse_quantity(task.memory) + KEPT_GIB * 2**30 <= parse_quantity(node.memory)
        and count * parse_quantity(task.ephemeral_storage) <= parse_quantity(node.ephemeral_storage)
    )
