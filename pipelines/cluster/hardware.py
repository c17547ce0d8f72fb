"""What a run requests from a cluster's nodes: a profile of pipelines/profiles as arguments of a pipeline."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import yaml
from kubernetes.utils import parse_quantity

from components.shared.errors import InputError
from components.shared.jobs.body import ACCELERATOR
from components.shared.jobs.job_profiles import JobProfile
from components.shared.jobs.pod_numbers import read_pod_numbers
from pipelines.compiled_pipeline import PlannedStep
from pipelines.hardware_profiles import Profile, profile_names, read_profile
from pipelines.nested import walk

# The sizes of pods in a profile, and how the pipelines' parameters of that size begin.
SIZES = {"cpu": "cpu_step", "inference": "inference", "training": "training"}
RESOURCES = ("gpus", "cpu", "memory")
WAITING = {"gpus": "0", "cpu": "250m", "memory": "2Gi"}  # what the task of a step takes whose work is done elsewhere
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


def profile_of(
    profile: Profile,
    asked: Mapping[str, Any],
    *,
    queue: str,
    priority_class: str,
    account: str,
    parallel_trainings: bool = False,
) -> str:
    """Return as JSON the profile of a run: the parameter ``profile``, with what was ``asked`` in place of its own.

    ``account``: that the run is submitted with. ``parallel_trainings``: there are nodes for all of them at once.
    """
    sizes = {
        size: dataclasses.asdict(profile.tasks[size])
        | {resource: asked[f"{prefix}_{resource}"] for resource in RESOURCES if f"{prefix}_{resource}" in asked}
        for size, prefix in SIZES.items()
    }
    document = {
        "node_selector": asked["gpu_node_selector"],
        "tolerations": asked["gpu_tolerations"],
        "tasks": sizes,
        "queue": queue,
        "priority_class": priority_class,
        "training_nodes": asked["training_nodes"],
        "parallel_trainings": parallel_trainings,
        "accelerator": asked["accelerator"],
        "service_account": account,
        **_price_of(profile),
    }
    return json.dumps(document, separators=(",", ":"))


def _price_of(profile: Profile | JobProfile) -> dict[str, float]:
    price = profile.price_per_gpu_hour
    return {} if price is None else {"price_per_gpu_hour": price}


def check_fits(profile: Profile, arguments: Mapping[str, Any]) -> None:
    """Raise InputError if a pod requests more than one node of the profile has: it would wait forever."""
    for size, prefix in SIZES.items():
        node = profile.cpu_node if size == "cpu" else profile.node
        for resource in RESOURCES:
            asked = arguments.get(f"{prefix}_{resource}", "0")
            left = str(getattr(node, resource))
            if quantity(f"{prefix}_{resource}", asked) > parse_quantity(left):
                machine = "node" if node.machine == "any" else node.machine
                raise InputError(
                    f"{prefix}_{resource} {asked} fits no node: a {machine} of the profile {profile.name} "
                    f"leaves {left} to pods; request less, or use another profile"
                )


def with_jobs(
    profile: Profile | JobProfile,
    arguments: Mapping[str, Any],
    *,
    image: str,
    queue: str,
    priority_class: str,
    own_images: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Any]:
    """Return the arguments of a run whose GPU steps are done by Jobs.

    What their tasks would ask for goes into the Jobs' profile, with ``own_images`` that Jobs run in place of the
    release's. The tasks run ``image``, on any node, and wait in no queue. InputError for an accelerator that Jobs do
    not ask for.
    """
    if arguments["accelerator"] != ACCELERATOR:
        raise InputError(
            f"accelerator {arguments['accelerator']}: Jobs ask for {ACCELERATOR}; only the steps' own pods ask for "
            "another: submit --gpu-work task, plan --set gpu_work=task"
        )
    sizes = {size: prefix for size, prefix in SIZES.items() if size != "cpu"}
    asked = {
        size: {resource: arguments[f"{prefix}_{resource}"] for resource in RESOURCES} for size, prefix in sizes.items()
    }
    of_jobs = {
        "node_selector": arguments["gpu_node_selector"],
        "tolerations": arguments["gpu_tolerations"],
        "tasks": {size: dataclasses.asdict(profile.tasks[size]) | asked[size] for size in sizes},
        "queue": queue,
        "priority_class": priority_class,
        **({"images": dict(own_images)} if own_images else {}),
        **_price_of(profile),
    }
    of_tasks = {f"{prefix}_{resource}": WAITING[resource] for prefix in sizes.values() for resource in RESOURCES}
    images = {f"{prefix}_image": image for prefix in sizes.values()}
    placement: dict[str, Any] = {"gpu_node_selector": {}, "gpu_tolerations": []}
    return {**arguments, **of_tasks, **images, **placement, "profile": json.dumps(of_jobs, separators=(",", ":"))}


def check_quantities(arguments: Mapping[str, Any]) -> None:
    """Raise InputError for a size of a pod that Kubernetes would not read."""
    for prefix in SIZES.values():
        gpus = str(arguments.get(f"{prefix}_gpus", "0"))
        if quantity(f"{prefix}_gpus", gpus) < 0 or not gpus.isdecimal():
            raise InputError(f"parameter {prefix}_gpus: {gpus!r} is not accepted; expected a whole number, at least 0")
        for name in (f"{prefix}_cpu", f"{prefix}_memory"):
            if name in arguments and quantity(name, arguments[name]) <= 0:
                raise InputError(f"parameter {name}: {arguments[name]!r} is not accepted; expected more than 0")


def processes_of_a_node(profile: Profile, gpus: str) -> dict[str, str]:
    """Return as arguments how many processes fill a node with GPUs, each with so many; nothing where that is none."""
    return {"pods": str(max(1, profile.node.gpus // int(gpus)))} if gpus.isdecimal() and int(gpus) else {}


def hardware_value(name: str, text: str, kind: type) -> Any:
    """Return the value that a person sets for what a profile says, from its text; InputError if it is another kind."""
    if kind is str:
        return text
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"--set {name}: {text!r} is not a valid value: {error}") from error
    if not isinstance(value, kind) or isinstance(value, bool) or (isinstance(value, int) and value < 1):
        accepted = {int: "a whole number, at least 1", dict: "a mapping", list: "a list"}[kind]
        raise InputError(f"parameter {name}: {text!r} is not accepted; expected {accepted}")
    return value


def check_tensor_parallel(steps: Iterable[PlannedStep], arguments: Mapping[str, Any]) -> None:
    """Raise InputError for a step whose model is to be shared by more GPUs than one of its pods, or processes, has."""
    gpus = arguments["inference_gpus"]
    for step in steps:
        size = step.options.get("tensor_parallel_size") or 1
        if max(Decimal(1), quantity("inference_gpus", gpus)) < int(size):
            raise InputError(
                f"{step.name}: tensor_parallel_size {size} with inference_gpus {gpus}: a pod has too few GPUs; let "
                f"the profile's task inference ask for {size} (--set inference_gpus={size})"
            )


def with_shared_pods(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a run whose GPU steps are done by their tasks' pods.

    Each pod is as large as the ``pods`` that its processes stand for; without GPUs, they share what one asks for. A
    step that trains on several nodes only waits for them. InputError for a range of pods.
    """
    numbers = read_pod_numbers(arguments["pods"])
    if numbers.is_range:
        raise InputError(f"pods {arguments['pods']!r} is a range, which only Jobs take; with gpu_work=task, a number")
    times = numbers.most if arguments["inference_gpus"] != "0" else 1
    names = [f"{SIZES['inference']}_{resource}" for resource in RESOURCES]
    together = {name: _times(name, arguments[name], times) for name in names}
    trains_elsewhere = arguments["training_nodes"] > 1
    waiting = {f"{SIZES['training']}_{resource}": WAITING[resource] for resource in RESOURCES if trains_elsewhere}
    return {**arguments, **together, **waiting}


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
    """Raise InputError if, without a queue, trainings get nodes one by one: with too few, each waits for others'."""
    per_training, nodes = arguments.get("training_nodes", 1), nodes_at_once(arguments)
    if 1 < per_training < nodes:
        raise InputError(
            f"training_nodes {per_training} for {nodes // per_training} models, which are trained in "
            "parallel, needs "
            f"{nodes} nodes at once; without a queue, each training takes the nodes that it gets, and with fewer than "
            f"{nodes} all wait forever. Let Kueue admit all nodes of a training together (helm upgrade --set "
            "kueue.enabled=true, and no --no-queue), train each model in a run of its own (generators: --pipeline "
            "train_question_generator, then construct_dataset), or, if the pool has that many nodes, add "
            "--allow-parallel-trainings (in a profile: parallel_trainings: true)"
        )


def _times(name: str, text: str, number: int) -> str:
    """Return a quantity so many times, in its own unit."""
    quantity(name, text)
    match = re.match(r"[+-]?[0-9.]+", text)
    assert match, text
    product = Decimal(match[0]) * number
    return f"{product.normalize():f}{text[match.end() :]}"


def quantity(name: str, text: str) -> Decimal:
    """Return a size in Kubernetes' notation as a number; InputError names what it is of."""
    try:
        return Decimal(parse_quantity(text))
    except ValueError as error:
        raise InputError(
            f"parameter {name}: {text!r} is not a quantity; expected one in Kubernetes' notation: 8, 96Gi"
        ) from error
