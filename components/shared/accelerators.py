"""The accelerators of this machine."""

from __future__ import annotations

import os
from itertools import takewhile
from pathlib import Path

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
