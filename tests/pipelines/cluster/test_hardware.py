import re
from dataclasses import replace
from typing import Any

import pytest

from components.shared.errors import InputError
from components.shared.jobs.job_profiles import profile_of_json
from pipelines.cluster.hardware import (
    arguments_of,
    check_fits,
    check_nodes_at_once,
    check_placement,
    check_tensor_parallel,
    find_profile,
    nodes_at_once,
    processes_of_a_node,
    with_jobs,
    with_shared_pods,
)
from pipelines.compiled_pipeline import PlannedStep
from pipelines.hardware_profiles import profile_names


@pytest.mark.parametrize("name", profile_names())
def test_what_a_profile_asks_for_fits_its_own_nodes_and_one_gpu_more_than_they_have_does_not(name: str) -> None:
    profile = find_profile(name)
    check_fits(profile, arguments_of(profile, spot=False))
    one_more = str(profile.node.gpus + 1)
    with pytest.raises(InputError, match=f"training_gpus {one_more} fits no node"):
        check_fits(profile, arguments_of(profile, spot=False) | {"training_gpus": one_more})


def test_a_profile_names_nodes_and_sizes_as_text() -> None:
    arguments = arguments_of(find_profile("eks-p4d"), spot=True)
    assert arguments["training_gpus"] == "8"
    assert arguments["inference_memory"] == "120Gi"
    assert arguments["gpu_node_selector"]["karpenter.sh/capacity-type"] == "spot"
    assert all(isinstance(arguments[name], str) for name in arguments if not name.startswith("gpu_"))


def test_an_unknown_profile_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(InputError, match="--profile 'gke-h100' is unknown; expected one of eks-p4d, eks-p4de, gke-"):
        find_profile("gke-h100")


def test_spot_where_there_are_no_spot_nodes_is_refused() -> None:
    with pytest.raises(InputError, match="--spot: the profile local has no spot nodes"):
        arguments_of(find_profile("local"), spot=True)


@pytest.mark.parametrize(
    ("name", "value", "machine"),
    [
        ("training_gpus", "16", "a2-ultragpu-8g"),
        ("inference_cpu", "96", "a2-ultragpu-8g"),
        ("training_memory", "2Ti", "a2-ultragpu-8g"),
        ("cpu_step_cpu", "8", "n2-highmem-8"),
        ("cpu_step_memory", "500Gi", "n2-highmem-8"),
    ],
)
def test_a_pod_that_fits_no_node_is_refused(name: str, value: str, machine: str) -> None:
    profile = find_profile("gke-a100-80g")
    with pytest.raises(InputError, match=f"{name} {value} fits no node: a {machine} of the profile gke-a100-80g"):
        check_fits(profile, arguments_of(profile, spot=False) | {name: value})


def arguments_on(name: str, **settings: Any) -> dict[str, Any]:
    """Return the arguments of a run of eight pods a step on a profile's nodes."""
    defaults = {"pods": "8", "training_nodes": 1, "accelerator": "nvidia.com/gpu"}
    return defaults | arguments_of(find_profile(name), spot=False) | settings


def with_jobs_on(name: str, **settings: Any) -> dict[str, Any]:
    given = arguments_on(name, **settings)
    return with_jobs(find_profile(name), given, image="a/cpu:1", queue="scalequest-gpu", priority_class="low")


def test_what_gpu_steps_ask_for_goes_into_the_profile_of_their_jobs() -> None:
    profile = profile_of_json(with_jobs_on("gke-a100-80g", inference_gpus="2", training_memory="900Gi")["profile"])
    standing = find_profile("gke-a100-80g")
    assert profile.placement == standing.on_demand
    assert profile.tasks == {
        "inference": replace(standing.tasks["inference"], gpus="2"),
        "training": replace(standing.tasks["training"], memory="900Gi"),
    }
    assert (profile.queue, profile.priority_class) == ("scalequest-gpu", "low")


@pytest.mark.parametrize("name", profile_names())
def test_the_task_of_a_step_that_a_job_does_is_small_goes_to_any_node_and_runs_an_image_without_models(
    name: str,
) -> None:
    arguments = with_jobs_on(name)
    for size in ("inference", "training"):
        assert [arguments[f"{size}_{what}"] for what in ("gpus", "cpu", "memory")] == ["0", "250m", "2Gi"]
        assert arguments[f"{size}_image"] == "a/cpu:1"
    assert (arguments["gpu_node_selector"], arguments["gpu_tolerations"]) == ({}, [])
    assert arguments["pods"] == "8"
    check_fits(find_profile(name), arguments)


def test_an_accelerator_that_jobs_do_not_ask_for_is_refused() -> None:
    remedy = "submit --gpu-work task, plan --set gpu_work=task"
    with pytest.raises(InputError, match=rf"accelerator amd\.com/gpu: Jobs ask for nvidia\.com/gpu; .*: {remedy}$"):
        with_jobs_on("gke-a100-80g", accelerator="amd.com/gpu")


@pytest.mark.parametrize("name", profile_names())
def test_a_pod_that_takes_all_gpus_of_its_node_fits_it(name: str) -> None:
    profile = find_profile(name)
    arguments = with_shared_pods(arguments_on(name) | processes_of_a_node(profile, profile.tasks["inference"].gpus))
    assert arguments["inference_gpus"] == str(profile.node.gpus)
    check_fits(profile, arguments)


def test_a_node_is_filled_with_processes_of_the_size_that_a_run_sets() -> None:
    profile = find_profile("gke-a100-80g")
    assert processes_of_a_node(profile, "2") == {"pods": "4"}
    arguments = with_shared_pods(arguments_on("gke-a100-80g", inference_gpus="2") | processes_of_a_node(profile, "2"))
    assert arguments["inference_gpus"] == "8"
    assert processes_of_a_node(profile, "two") == {}, "the check of arguments says what is wrong"


def test_a_model_that_needs_more_gpus_than_a_pod_has_is_refused_before_the_run() -> None:
    step = PlannedStep("generate_responses", {"tensor_parallel_size": 4})
    refusal = (
        r"generate_responses: tensor_parallel_size 4 with inference_gpus 1: .* ask for 4 \(--set inference_gpus=4\)$"
    )
    with pytest.raises(InputError, match=refusal):
        check_tensor_parallel([step], {"inference_gpus": "1"})
    check_tensor_parallel([step, PlannedStep("filter_language", {})], {"inference_gpus": "4"})
    check_tensor_parallel([PlannedStep("generate_responses", {"tensor_parallel_size": 1})], {"inference_gpus": "0"})


def test_a_pod_is_as_large_as_the_pods_that_its_processes_stand_for() -> None:
    arguments = with_shared_pods(arguments_on("gke-a100-80g", pods="3", inference_cpu="1500m"))
    sizes = [arguments[f"inference_{what}"] for what in ("gpus", "cpu", "memory")]
    assert sizes == ["3", "4500m", "432Gi"]
    assert arguments["training_gpus"] == "8"


def test_processes_without_gpus_share_what_one_asks_for() -> None:
    arguments = with_shared_pods(arguments_on("local", pods="2"))
    assert [arguments[f"inference_{what}"] for what in ("gpus", "cpu", "memory")] == ["0", "2", "8Gi"]


def test_more_processes_than_a_node_has_gpus_are_refused() -> None:
    with pytest.raises(InputError, match="inference_gpus 9 fits no node: a a2-ultragpu-8g of the profile"):
        check_fits(find_profile("gke-a100-80g"), with_shared_pods(arguments_on("gke-a100-80g", pods="9")))


def test_a_range_of_pods_is_for_jobs_alone() -> None:
    with pytest.raises(
        InputError, match=r"pods '2\.\.16' is a range, which only Jobs take; with gpu_work=task, a number"
    ):
        with_shared_pods(arguments_on("gke-a100-80g", pods="2..16"))


def test_a_task_that_only_waits_for_the_nodes_of_a_training_takes_no_gpus() -> None:
    arguments = with_shared_pods(arguments_on("gke-a100-80g", training_nodes=2))
    assert [arguments[f"training_{what}"] for what in ("gpus", "cpu", "memory")] == ["0", "250m", "2Gi"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"gpu_node_selector": {"spot": True}}, "gpu_node_selector.spot: True is not text, which Kubernetes expects"),
        ({"gpu_tolerations": [{"key": "a", "value": 1}]}, "gpu_tolerations[0].value: 1 is not text, which Kubernetes"),
        (
            {"gpu_tolerations": [{"keys": "a"}]},
            "{'keys': 'a'} is not a toleration; expected a mapping with effect, key",
        ),
        ({"gpu_tolerations": ["a=b:NoSchedule"]}, "'a=b:NoSchedule' is not a toleration; expected a mapping with"),
    ],
)
def test_labels_and_taints_that_no_pod_can_have_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        check_placement(arguments)


@pytest.mark.parametrize("name", profile_names())
def test_labels_and_taints_of_a_profile_are_accepted(name: str) -> None:
    profile = find_profile(name)
    check_placement(arguments_of(profile, spot=profile.spot != profile.on_demand))


@pytest.mark.parametrize("models", ["generators", "solvers"])
def test_models_that_train_side_by_side_need_nodes_for_all_of_them(models: str) -> None:
    both = {models: [{"source": "a"}, {"source": "b"}], "training_nodes": 2}
    assert nodes_at_once(both) == 4
    with pytest.raises(InputError, match="training_nodes 2 for 2 models, which are trained in parallel, needs 4 nodes"):
        check_nodes_at_once(both)


@pytest.mark.parametrize(
    ("arguments", "nodes"),
    [
        ({"generators": [{"source": "a"}, {"source": "b"}], "training_nodes": 1}, 2),
        ({"generators": [{"source": "a"}], "training_nodes": 2}, 2),
        ({"training_nodes": 2}, 2),
        ({}, 1),
    ],
)
def test_a_training_that_waits_for_no_other_is_let_through(arguments: dict[str, Any], nodes: int) -> None:
    check_nodes_at_once(arguments)
    assert nodes_at_once(arguments) == nodes


def test_what_is_no_quantity_is_refused() -> None:
    profile = find_profile("gke-a100-80g")
    with pytest.raises(
        InputError, match="parameter training_cpu: 'many' is not a quantity; expected one in Kubernetes"
    ):
        check_fits(profile, arguments_of(profile, spot=False) | {"training_cpu": "many"})
