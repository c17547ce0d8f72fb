"""The accelerators of this machine."""

from __future__ import annotations

import os
from itertools import takewhile
from pathlib import Path

from components.shared.processes import KUBERNETES, RUNNER

VISIBLE = "CUDA_VISIBLE_DEVICES"  # limits a process to some of them, by number or name


def accelerators() -> list[str]:
    """Return the NVIDIA devices that this process may use, as VISIBLE names them, without loading a GPU library."""
    numbers = [str(number) for number, _ in enumerate(Path("/dev").glob("nvidia[0-9]*"))]
    if (limit := os.environ.get(VISIBLE)) is None:
        return numbers
    named = [name.strip() for name in limit.split(",")]
    return list(takewhile(lambda name: name not in ("", "-1"), named))[: len(numbers)]  # as CUDA reads it


def num_accelerators() -> int:
    """Return how many NVIDIA devices this process may use."""
    return len(accelerators())


def num_held(num_used: int | None) -> int:
    """Return how many devices this process keeps from others, if it uses ``num_used`` of them (None: all it may use).

    A pod keeps all that it was given. Processes that share a machine, or one pod, see devices that others work on.
    """
    there = num_accelerators()
    is_alone = KUBERNETES in os.environ and RUNNER not in os.environ
    return there if num_used is None or is_alone else min(there, num_used)
