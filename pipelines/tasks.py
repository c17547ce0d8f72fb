"""A step as a task of a run: it gets what all have in common.

That is the run's workspace, what a person set for single steps and, where it runs a model of ours, by how many pods
and on which hardware a Job does the work. A served model runs elsewhere: the task's own pod asks it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kfp.dsl import PipelineTask

from components.kubeflow import component_of
from components.shared.config import SharedConfig
from components.steps import config_of, may_be_a_job
from pipelines.parameters import Common, Importing


def task_of(step: str) -> Callable[..., PipelineTask]:
    """Return what makes a task of a step: a function of the run and of the step's other options by name."""
    component = component_of(step)
    is_shared = issubclass(config_of(step), SharedConfig)

    def task(run: Importing, **options: Any) -> PipelineTask:
        given = {"workspace": run.workspace, "options": run.options, **options}
        if may_be_a_job(step) and "endpoint" not in options:
            assert isinstance(run, Common)
            given |= {"profile": run.profile} | ({"pods": run.pods} if is_shared else {})
        return component(**given)

    return task
