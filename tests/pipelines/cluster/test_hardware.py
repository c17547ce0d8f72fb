import re
from typing import Any

import pytest

from components.shared.errors import InputError
from pipelines.cluster.hardware import (
    arguments_of,
    check_fits,
    check_nodes,
    check_nodes_at_once,
    check_placement,
    find_profile,
    nodes_at_once,
)
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


def test_gpus_of_a_step_that_only_waits_for_other_nodes_are_refused() -> None:
    arguments = arguments_of(find_profile("gke-a100-80g"), spot=False)
    check_nodes(arguments | {"training_nodes": 1})
    check_nodes(arguments | {"training_nodes": 2, "training_gpus": "0"})
    with pytest.raises(InputError, match="the 8 GPUs of the step that waits for them would be idle: add --set train"):
        check_nodes(arguments | {"training_nodes": 2})


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
