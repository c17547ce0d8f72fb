"""Each step as a component of Kubeflow Pipelines, made from its config. Nothing else below ``components`` imports kfp.

A task passes the executor input alone: KFP 2.17.0 cannot resolve an argument whose parameter is left at its default.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator
from functools import cache
from inspect import Parameter, Signature
from typing import Any

from kfp import dsl

from components.shared.config import METRICS, StepConfig, options_of, step_name
from components.shared.config.values import STEP_OPTIONS
from components.shared.images import image
from components.shared.jobs import JobRequest
from components.steps import config_of, may_be_a_job


@cache
def component_of(step: str) -> Any:
    """Return the component that runs a step.

    Its inputs are the step's options, what a person set for single steps and, where it runs a model, what is said of
    the Job that may do its work (JobRequest). Its outputs are the folder's address, what the config names as artifacts,
    and the metrics.
    """
    config = config_of(step)

    def container(*_: Any) -> dsl.ContainerSpec:
        return dsl.ContainerSpec(
            image=image(config.IMAGE),
            command=["python3", "-m", f"components.{step}"],
            args=["--executor-input", dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER],
        )

    container.__name__, container.__doc__ = step, config.__doc__
    container.__signature__ = Signature([*_outputs(config), *_inputs(config)])  # type: ignore[attr-defined]
    return dsl.container_component(container)


def _outputs(config: type[StepConfig]) -> Iterator[Parameter]:
    kinds = {"folder": dsl.OutputPath(str)}
    kinds |= {name: dsl.Output[getattr(dsl, artifact.kind)] for name, artifact in config.ARTIFACTS.items()}
    kinds |= {METRICS: dsl.Output[dsl.Metrics]}
    for name, kind in kinds.items():
        yield Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, annotation=kind)


def _inputs(config: type[StepConfig]) -> Iterator[Parameter]:
    hints = typing.get_type_hints(config)
    for field in options_of(config):
        default = Parameter.empty if field.default is dataclasses.MISSING else field.default
        yield Parameter(field.name, Parameter.POSITIONAL_OR_KEYWORD, annotation=hints[field.name], default=default)
    given = {STEP_OPTIONS: ""} | (_job_defaults(config) if may_be_a_job(step_name(config)) else {})
    for name, text in given.items():
        yield Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, annotation=str, default=text)


def _job_defaults(config: type[StepConfig]) -> dict[str, str]:
    """Return what a task says of a Job where it leaves that open: none, and the step's own image if there is one."""
    return dataclasses.asdict(JobRequest(profile="", pods="1", image=image(config.IMAGE)))
