"""The hardware profiles of ``pipelines/profiles``, and what a Job takes over from one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from components.shared.jobs.pod_hardware import Placement, Task

PROFILES = Path(__file__).with_name("profiles")


@dataclass(frozen=True, kw_only=True)
class Node:
    """What one node leaves to pods."""

    machine: str
    gpus: int
    cpu: str
    memory: str
    ephemeral_storage: str


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A kind of cluster: its nodes, how pods get onto them, and what each kind of task asks for."""

    name: str
    platform: Literal["gke", "eks", "local"]
    node: Node
    cpu_node: Node  # for steps without an accelerator
    on_demand: Placement
    spot: Placement  # both empty where there is no such thing
    tasks: dict[str, Task]
    price_per_gpu_hour: float | None = None  # US dollars for one GPU; None: not known


def profile_names() -> list[str]:
    """Return the names of all profiles, sorted."""
    return sorted(path.stem for path in PROFILES.glob("*.yaml"))


def read_profile(name: str) -> Profile:
    """Read a profile; a key too many or too few is a mistake of ours."""
    document: dict[str, Any] = yaml.safe_load((PROFILES / f"{name}.yaml").read_text(encoding="utf-8"))
    on_demand = Placement(node_selector=document.pop("node_selector"), tolerations=document.pop("tolerations"))
    extra = Placement(**document.pop("spot"))
    return Profile(
        name=name,
        node=Node(**document.pop("node")),
        cpu_node=Node(**document.pop("cpu_node")),
        on_demand=on_demand,
        spot=Placement(
            node_selector=on_demand.node_selector | extra.node_selector,
            tolerations=on_demand.tolerations + extra.tolerations,
        ),
        tasks={size: Task(**task) for size, task in document.pop("tasks").items()},
        **document,
    )
