"""What a run requests from a cluster's nodes: a profile of pipelines/profiles as arguments of a pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from kubernetes.utils import parse_quantity

from components.shared.errors import InputError
from pipelines.hardware_profiles import Profile, profile_names, read_profile
from pipelines.nested import walk

# The sizes of pods in a profile, and how the pipelines' parameters of that size begin.
SIZES = {"cpu": "cpu_step", "inference": "inference", "training": "training"}
RESOURCES = ("gpus", "cpu", "memory")
TOLERATION = {"key", "operator", "value", "effect"}  # tolerationSeconds is for another effect than that of our nodes


def find_profile(name: str) -> Profile:
    """Return the profile of that name; InputError names those that there are."""
    if name not in profile_names():
        raise InputError(f"--profile {name!r} is unknown; expected one of {', '.join(profile_names())}")
    return read_profile(name)


def arguments_of(profile: Profile, *, spot: bool) -> dict[str, Any]:
    """Return the arguments by which a pipeline asks for the hardware; InputError where spot nodes are unknown."""
    if spot and profile.spot == profile.on_demand:
        raise InputError(f"--spot: the profile {profile.name} has no spot nodes; leave it out")
    place = profile.spot if spot else profile.on_demand
    sizes = {
        f"{prefix}_{resource}": getattr(profile.tasks[size], resource)
        for size, prefix in SIZES.items()
        for resource in RESOURCES
        if (size, resource) != ("cpu", "gpus")
    }
    return sizes | {"gpu_node_selector": place.node_selector, "gpu_tolerations": place.tolerations}


def check_fits(profile: Profile, arguments: Mapping[str, Any]) -> None:
    """Raise InputError if a pod requests more than one node of the profile has: it would wait forever."""
    for size, prefix in SIZES.items():
        node = profile.cpu_node if size == "cpu" else profile.node
        for resource in RESOURCES:
            asked = arguments.get(f"{prefix}_{resource}", "0")
            left = str(getattr(node, resource))
            if _quantity(f"{prefix}_{resource}", asked) > parse_quantity(left):
                machine = "node" if node.machine == "any" else node.machine
                raise InputError(
                    f"{prefix}_{resource} {asked} fits no node: a {machine} of the profile {profile.name} "
                    f"leaves {left} to pods; request less, or use another profile"
                )


def check_nodes(arguments: Mapping[str, Any]) -> None:
    """Raise InputError if a step that only starts the nodes of a training would reserve GPUs itself."""
    nodes, gpus = arguments.get("training_nodes", 1), arguments.get("training_gpus", "0")
    if nodes > 1 and gpus != "0":
        raise InputError(
            f"training_nodes {nodes} trains in the pods of a TrainJob, whose size the TrainingRuntime sets; "
            f"the {gpus} GPUs of the step that waits for them would be idle: add --set training_gpus=0 "
            "--set training_cpu=1 --set training_memory=4Gi"
        )


def check_placement(arguments: Mapping[str, Any]) -> None:
    """Raise InputError for labels and taints that Kubernetes does not take: no pod of a GPU step would ever be made."""
    selector, tolerations = arguments.get("gpu_node_selector", {}), arguments.get("gpu_tolerations", [])
    for toleration in tolerations:
        if not isinstance(toleration, Mapping) or not set(toleration) <= TOLERATION:
            accepted = ", ".join(sorted(TOLERATION))
            raise InputError(f"gpu_tolerations: {toleration!r} is not a toleration; expected a mapping with {accepted}")
    for place, value in walk({"gpu_node_selector": selector, "gpu_tolerations": tolerations}):
        if not isinstance(value, str | Mapping | list):
            raise InputError(f"{place}: {value!r} is not text, which Kubernetes expects; put it in quotes")


def nodes_at_once(arguments: Mapping[str, Any]) -> int:
    """Return how many nodes train at the same time: all generators, or all solvers; other trainings by themselves."""
    most = max(len(arguments.get(models, ())) for models in ("generators", "solvers"))
    return int(arguments.get("training_nodes", 1)) * max(1, most)


def check_nodes_at_once(arguments: Mapping[str, Any]) -> None:
    """Raise InputError if several trainings get their nodes one by one: with too few, each waits for the others'."""
    per_training, nodes = arguments.get("training_nodes", 1), nodes_at_once(arguments)
    if 1 < per_training < nodes:
        raise InputError(
            f"training_nodes {per_training} for {nodes // per_training} models, which are trained in "
            "parallel, needs "
            f"{nodes} nodes at once; without a queue, each training takes the nodes that it gets, and with fewer than "
            f"{nodes} all wait forever. Let Kueue admit all nodes of a training together (helm upgrade --set "
            "kueue.enabled=true, and no --no-queue), train each model in a run of its own (generators: --pipeline "
            "train_question_generator, then construct_dataset), or, if the pool has that many nodes, add "
            "--allow-parallel-trainings"
        )


def _quantity(name: str, text: str) -> Decimal:
    try:
        return Decimal(parse_quantity(text))
    except ValueError as error:
        raise InputError(
            f"parameter {name}: {text!r} is not a quantity; expected one in Kubernetes' notation: 8, 96Gi"
        ) from error
