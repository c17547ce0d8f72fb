"""Which machine of a training on several machines this is, by the environment of Kubeflow Trainer's pods.

Its torch plugin sets what torchrun reads: PET_NNODES, PET_NODE_RANK, PET_MASTER_ADDR, PET_MASTER_PORT. A step that is
to train on several machines and has none of these starts the machines.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

from components.shared import speaking, stopping
from components.shared.config.training import TrainingConfig
from components.shared.errors import InputError, UnavailableError

VARIABLES = ("PET_NNODES", "PET_NODE_RANK", "PET_MASTER_ADDR", "PET_MASTER_PORT")
NODES_SECONDS = 7200  # until all machines are there: a node pool grows, an image is pulled, a checkpoint is fetched
POLL_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class Node:
    """One of the machines that train."""

    rank: int  # the first, 0, saves the model and finishes the folder
    address: str  # of the first one
    port: int


def starts_nodes(config: TrainingConfig) -> bool:
    """Tell whether this step only starts the machines that train."""
    return config.num_nodes > 1 and own_node(config) is None


def await_first_node(node: Node, is_finished: Callable[[], bool]) -> bool:
    """Wait until the first machine trains; False if the folder is finished before.

    The first machine opens its port once it has the lease on the folder. If it ends without the lease, because another
    training makes the same folder, the failure policy of the TrainingRuntime ends this machine too; without such a
    policy, this raises UnavailableError after NODES_SECONDS.
    """
    deadline = time.monotonic() + NODES_SECONDS
    place = f"{node.address}:{node.port}"
    with speaking.phase(f"waiting for the first node ({place})"):
        while not is_finished():
            if _is_open(node):
                return True
            if time.monotonic() > deadline:
                raise UnavailableError(
                    f"the first node ({place}) did not start training within {NODES_SECONDS} s; see its log. The same "
                    "command continues from the last checkpoint"
                )
            stopping.sleep(POLL_SECONDS)
    return False


def _is_open(node: Node) -> bool:
    try:
        socket.create_connection((node.address, node.port), timeout=POLL_SECONDS).close()
    except OSError:  # also while the first pod has no address yet
        return False
    return True


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
