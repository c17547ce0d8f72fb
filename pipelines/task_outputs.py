"""What the task that checks a run tells each task that may take a GPU to ask for: names, by the task's title."""

from __future__ import annotations

import re

RESOURCES = ("gpus", "cpu", "memory")
IMAGE, NODE_SELECTOR = "image", "node_selector"
TOLD = (*RESOURCES, IMAGE, NODE_SELECTOR)


def called(title: str) -> str:
    """Return what the outputs for the tasks with a title begin with."""
    return re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")


def task_output(title: str, what: str) -> str:
    """Return the name of the output that tells the tasks with a title ``what`` (of TOLD) to ask for."""
    return f"{called(title)}_{what}"


def parts_of(output: str) -> tuple[str, str]:
    """Return how an output begins, and what it tells."""
    what = next(each for each in TOLD if output.endswith(f"_{each}"))
    return output.removesuffix(f"_{what}"), what
