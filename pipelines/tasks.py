"""A step as a task of a run: it gets the run's workspace, and what a person set for single steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kfp.dsl import PipelineTask

from components.kubeflow import component_of
from pipelines.parameters import Common


def task_of(step: str) -> Callable[..., PipelineTask]:
    """Return what makes a task of a step: a function of the run and of the step's other options by name."""
    component = component_of(step)

    def task(run: Common, **options: Any) -> PipelineTask:
        return component(workspace=run.workspace, options=run.options, **options)

    return task
