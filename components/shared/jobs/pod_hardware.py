"""What a pod asks of its node, as the files of a hardware profile say it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Task:
    """What one pod asks for; quantities as Kubernetes writes them."""

    gpus: str
    cpu: str
    memory: str
    ephemeral_storage: str
    shm: str


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Which nodes a GPU pod goes to."""

    node_selector: dict[str, str]
    tolerations: list[dict[str, str]]
