"""A step as a task of a run: it gets what all have in common, and a place.

That is the run's workspace, its models, what a preset and a person set for single steps and, where it runs a model, by
how many pods and on which hardware a Job does the work.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from kfp import dsl
from kfp.dsl import PipelineTask

from components.kubeflow import component_of
from components.shared.config import SharedConfig, StepConfig
from components.shared.config.values import STEP_OPTIONS, names_of_task
from components.shared.passing_on import MODELS
from components.steps import config_of, may_be_a_job
from pipelines.parameters import Common, Importing
from pipelines.resources import on_cpu, on_cpu_with_hub, on_inference_gpus, on_training_gpus, with_endpoint_key


def task_of(step: str, title: str) -> Callable[..., Any]:
    """Return what makes a task of a step: a function of the run and of the step's other options by name.

    ``title`` is what the graph shows. What the function returns stands for the address of the task's folder.
    """
    component, config = component_of(step), config_of(step)

    def task(run: Importing, **options: Any) -> Any:
        fixed: dict[str, Any] = {}
        for name in names_of_task(config, options):
            fixed |= run.fixed.get(name, {})
        # kfp's compiler changes what a loop has collected where a task takes it: each takes a copy.
        own = {name: copy.copy(value) if isinstance(value, dsl.Collected) else value for name, value in options.items()}
        given = {"workspace": run.workspace, STEP_OPTIONS: run.options, **own, **fixed}
        given |= {"gates": run.gates, "max_gpu_hours": run.hardware["gpu_hours_limit"]}
        if may_be_a_job(step):
            assert isinstance(run, Common)
            given |= {"profile": run.hardware["profile"], MODELS: run.models}
            given |= {"pods": run.pods} if issubclass(config, SharedConfig) else {}
        made = _placed(component(**given).set_display_name(title), run, config, title)
        if "endpoint" in options:
            assert isinstance(run, Common)
            with_endpoint_key(made, run)
        return made.outputs["folder"]

    return task


def _placed(task: PipelineTask, run: Importing, config: type[StepConfig], title: str) -> PipelineTask:
    """Give a task the pod that its step's image asks for; what reads questions may read them from the hub."""
    if isinstance(run, Common) and config.IMAGE == "vllm":
        return on_inference_gpus(task, run, title)
    if isinstance(run, Common) and config.IMAGE == "train":
        return on_training_gpus(task, run, title)
    return on_cpu_with_hub(task, run) if config.__name__.startswith("Import") else on_cpu(task, run)
