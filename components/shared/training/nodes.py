"""Which machine of a training on several machines this is, by the environment of Kubeflow Trainer's pods.

Its torch plugin sets what torchrun reads: PET_NNODES, PET_NODE_RANK, PET_MASTER_ADDR, PET_MASTER_PORT. A step that is
to train on several machines and has none of these starts the machines.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from components.shared.config.training import TrainingConfig
from components.shared.errors import InputError

VARIABLES = ("PET_NNODES", "PET_NODE_RANK", "PET_MASTER_ADDR", "PET_MASTER_PORT")


@dataclass(frozen=True, kw_only=True)
class Node:
    """One of the machines that train."""

    rank: int  # the first, 0, saves the model and finishes the folder
    address: str  # of the first one
    port: int


def starts_nodes(config: TrainingConfig) -> bool:
    """Tell whether this step only starts the machines that train."""
    return config.num_nodes > 1 and own_node(config) is None


def is_first_node(config: TrainingConfig) -> bool:
    """Tell whether this machine finishes the folder: the first of several, or the only one."""
    node = own_node(config)
    return node is None or node.rank == 0


def own_node(config: TrainingConfig) -> Node | None:
    """Return which of the machines this is; None if there is only one, or if this step only starts them.

    Raises InputError if the environment and ``--num-nodes`` contradict each other.
    """
    given = {name: os.environ.get(name, "") for name in VARIABLES}
    num_nodes = given["PET_NNODES"] or "1"
    if not any(given.values()) or num_nodes == str(config.num_nodes) == "1":
        return None
    if num_nodes != str(config.num_nodes):
        raise InputError(
            f"--num-nodes is {config.num_nodes}, but this pod belongs to a training on {num_nodes} nodes (PET_NNODES); "
            "give the number that the TrainJob has"
        )
    missing = [name for name, value in given.items() if not value]
    if missing:
        raise InputError(
            f"--num-nodes {config.num_nodes}: {', '.join(missing)} must be set as well; Kubeflow Trainer sets them in "
            "the pods of a runtime with mlPolicy.torch"
        )
    return Node(rank=_number("PET_NODE_RANK"), address=given["PET_MASTER_ADDR"], port=_number("PET_MASTER_PORT"))


def _number(name: str) -> int:
    text = os.environ[name]
    if not text.isdecimal():
        raise InputError(f"{name} is {text!r}; expected a whole number")
    return int(text)
