"""What each task that may take a GPU asks for, where tasks do the work themselves: nothing of one that has none to do.

That is a task that only names a folder, one whose folder is finished, and one that asks a served model. It asks for no
GPU, fits any node and runs the image cpu, as the task does that only follows a Job.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from components.shared.jobs.body import SIZES, Size
from components.steps import config_of
from pipelines.arguments import Run
from pipelines.cluster.hardware import WAITING
from pipelines.run_checks.hardware_outputs import CheckedHardware
from pipelines.run_checks.looking import Looked
from pipelines.task_outputs import IMAGE, NODE_SELECTOR, called, parts_of


def told_tasks(outputs: Iterable[str], hardware: CheckedHardware, steps: Iterable[Looked]) -> dict[str, Any]:
    """Return the value of each output, of CheckedHardware or for the tasks with a title."""
    values, sizes = dataclasses.asdict(hardware), sizes_at_work(steps)
    return {name: values[name] if name in values else _of_task(name, values, sizes) for name in outputs}


def sizes_at_work(steps: Iterable[Looked]) -> dict[str, Size]:
    """Return the sizes of pods that have work to do with a model, by what their tasks are called.

    In a loop, the tasks of all rounds are alike: one that has work is enough.
    """
    busy = [each.step for each in steps if each.state != "reused" and not each.step.options.get("endpoint")]
    sizes = {called(step.title): SIZES[config_of(step.name).IMAGE] for step in busy}
    return {title: size for title, size in sizes.items() if size != "cpu"}


def idle_tasks(run: Run, steps: Iterable[Looked]) -> set[str]:
    """Return what those tasks of a run are called that have no work with a model; ``steps``: what stands of it."""
    return {called(step.title) for step in run.steps} - sizes_at_work(steps).keys()


def _of_task(output: str, values: Mapping[str, Any], sizes: Mapping[str, str]) -> Any:
    title, what = parts_of(output)
    if title in sizes:
        return values["gpu_node_selector" if what == NODE_SELECTOR else f"{sizes[title]}_{what}"]
    return {**WAITING, IMAGE: values["waiting_image"], NODE_SELECTOR: {}}[what]
