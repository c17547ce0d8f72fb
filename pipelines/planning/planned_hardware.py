"""On what a run is planned to go: this machine, or the nodes of a profile; the price of its GPUs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from kubernetes.utils import parse_quantity

from components.shared.accelerators import num_accelerators
from components.shared.config import SharedConfig, StepConfig
from components.shared.config.training import TrainingConfig
from components.shared.jobs.body import SIZES
from components.shared.jobs.pod_hardware import Task
from components.shared.jobs.pod_numbers import read_pod_numbers
from components.steps import may_be_a_job
from pipelines.cluster.hardware import with_shared_pods
from pipelines.hardware_profiles import Node, Profile
from pipelines.planning.figures import Figure

RESOURCES = ("gpus", "cpu", "memory", "ephemeral_storage")


@dataclass(frozen=True, kw_only=True)
class PlannedPods:
    """The pods of the largest step of a size, against the nodes of the profile."""

    size: str  # cpu, inference or training
    pods: int
    asks: Task  # each of them
    machine: str
    on_a_node: int  # pods that one node takes at once
    nodes: int  # that take all of them at once


@dataclass(frozen=True, kw_only=True)
class PlannedHardware:
    """What the steps of a run hold."""

    profile: Profile | None  # None: this machine
    pods: int  # that share a step with a model
    training_nodes: int = 1
    price: Figure | None = None  # US dollars for one GPU for one hour
    asked: Mapping[str, Any] = field(default_factory=dict)  # sizes of pods in place of the profile's own

    def size_of(self, config: StepConfig) -> str:
        """Return which task of a profile a step's pods are."""
        return SIZES[config.IMAGE] if may_be_a_job(config.step) else "cpu"

    def pods_of(self, config: StepConfig) -> int:
        """Return how many pods, or processes, work on a step at once."""
        if isinstance(config, TrainingConfig):
            return self.training_nodes
        return self.pods if isinstance(config, SharedConfig) and self.size_of(config) != "cpu" else 1

    def gpus_of(self, config: StepConfig) -> int:
        """Return how many GPUs each of its pods holds; 0 where an endpoint does the work, or no GPU is used here."""
        size, endpoint = self.size_of(config), str(getattr(config, "endpoint", ""))
        if size == "cpu" or endpoint:
            return 0
        if self.profile is None:
            there = num_accelerators()
            return min(there, config.num_gpus) if isinstance(config, SharedConfig) else there
        return int(self._asks(size).gpus)

    def planned_pods(self, configs: Sequence[StepConfig]) -> list[PlannedPods]:
        """Return the pods of a run by size; [] on this machine."""
        most: dict[str, int] = {}
        for config in configs:
            size = self.size_of(config)
            most[size] = max(most.get(size, 0), self.pods_of(config))
        return [self._planned(size, number) for size, number in sorted(most.items())] if self.profile else []

    def _planned(self, size: str, pods: int) -> PlannedPods:
        assert self.profile
        node, asks = self.profile.cpu_node if size == "cpu" else self.profile.node, self._asks(size)
        on_a_node = _fitting(asks, node)
        nodes = -(-pods // on_a_node) if on_a_node else 0
        return PlannedPods(size=size, pods=pods, asks=asks, machine=node.machine, on_a_node=on_a_node, nodes=nodes)

    def _asks(self, size: str) -> Task:
        assert self.profile
        own = self.profile.tasks[size]
        prefix = "cpu_step" if size == "cpu" else size
        given = {name: str(self.asked[f"{prefix}_{name}"]) for name in RESOURCES if f"{prefix}_{name}" in self.asked}
        return Task(**{**vars(own), **given})


def planned_hardware(
    arguments: Mapping[str, Any],
    profile: Profile | None,
    asked: Mapping[str, Any],
) -> PlannedHardware:
    """Return the hardware of a run with these arguments. The price among them goes before the profile's.

    ``asked``: as ``asked_hardware`` returns it. Where tasks do the work themselves, one pod is as large as all.
    """
    pods, nodes = read_pod_numbers(str(arguments["pods"])).most, int(asked.get("training_nodes", 1))
    if profile is not None and arguments.get("gpu_work") == "task":
        # On several nodes, other pods train than the task's own, as large as ever.
        asked = with_shared_pods({**asked, "pods": str(pods), "training_nodes": 1})
        pods = 1
    price = None
    if given := arguments.get("price_per_gpu_hour"):
        price = Figure(value=float(given), sources=("the parameter price_per_gpu_hour",))
    elif profile is not None and profile.price_per_gpu_hour is not None:
        price = Figure(value=profile.price_per_gpu_hour, sources=(f"the profile {profile.name}",))
    return PlannedHardware(
        profile=profile,
        pods=pods,
        training_nodes=nodes,
        price=price,
        asked=asked,
    )


def _fitting(asks: Task, node: Node) -> int:
    """Return how many such pods a node takes at once."""
    fits = []
    for name in RESOURCES:
        each, has = (Decimal(parse_quantity(str(vars(of)[name]))) for of in (asks, node))
        if each:
            fits.append(int(has // each))
    return min(fits, default=0)
