"""Each step as a component of Kubeflow Pipelines, made from its config. Nothing else below ``components`` imports kfp.

A task passes the executor input alone: KFP 2.17.0 cannot resolve an argument whose parameter is left at its default.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterable, Iterator
from functools import cache
from inspect import Parameter, Signature
from typing import Any

from kfp import dsl

from components.shared.config import METRICS, StepConfig, options_of, step_name
from components.shared.config.values import STEP_OPTIONS
from components.shared.images import image
from components.shared.jobs import JobRequest
from components.shared.model_imports import COMMAND, NamedModels
from components.shared.passing_on import MODELS, RESULTS
from components.steps import config_of, may_be_a_job


@cache
def component_of(step: str) -> Any:
    """Return the component that runs a step.

    Its inputs are the step's options, what a person set for single steps and, where it runs a model, what is said of
    the Job that may do its work (JobRequest), the run's models, and what is its result where it has nothing to do. Its
    outputs are the folder's address, what the config names as artifacts, and the metrics.
    """
    config = config_of(step)
    return container_component(
        step,
        config.__doc__ or "",
        image=image(config.IMAGE),
        module=f"components.{step}",
        declared=[*_outputs(config), *_inputs(config)],
    )


@cache
def model_imports() -> Any:
    """Return the component that imports all models of a run; its output names the folder of each."""
    hints = typing.get_type_hints(NamedModels)
    given = {name: getattr(NamedModels(), name) for name in hints}
    return container_component(
        COMMAND,
        "Import every model of a run, each once.",
        image=image(config_of("import_model").IMAGE),
        module="components.import_model.several",
        declared=[
            declared(MODELS, dsl.OutputPath(str)),
            declared("workspace", str),
            *(declared(name, hints[name], given[name]) for name in hints),
        ],
    )


def container_component(name: str, doc: str, *, image: str, module: str, declared: Iterable[Parameter]) -> Any:
    """Return a component that runs ``python3 -m module --executor-input {{$}}`` in an image.

    ``declared``: its outputs, then its inputs.
    """

    def container(*_: Any) -> dsl.ContainerSpec:
        return dsl.ContainerSpec(
            image=image,
            command=["python3", "-m", module],
            args=["--executor-input", dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER],
        )

    container.__name__, container.__doc__ = name, doc
    container.__signature__ = Signature([*declared])  # type: ignore[attr-defined]
    return dsl.container_component(container)


def declared(name: str, kind: Any, default: Any = Parameter.empty) -> Parameter:
    """Return an output or an input of a component; an input without a default has to be given."""
    return Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, annotation=kind, default=default)


def _outputs(config: type[StepConfig]) -> Iterator[Parameter]:
    kinds = {"folder": dsl.OutputPath(str)}
    kinds |= {name: dsl.Output[getattr(dsl, artifact.kind)] for name, artifact in config.ARTIFACTS.items()}
    kinds |= {METRICS: dsl.Output[dsl.Metrics]}
    for name, kind in kinds.items():
        yield declared(name, kind)


def _inputs(config: type[StepConfig]) -> Iterator[Parameter]:
    hints = typing.get_type_hints(config)
    for field in options_of(config):
        default = Parameter.empty if field.default is dataclasses.MISSING else field.default
        yield declared(field.name, hints[field.name], default)
    given = {STEP_OPTIONS: ""}
    if may_be_a_job(step_name(config)):
        given |= _job_defaults(config) | dict.fromkeys((MODELS, *RESULTS), "")
    for name, text in given.items():
        yield declared(name, str, text)


def _job_defaults(config: type[StepConfig]) -> dict[str, str]:
    """Return what a task says of a Job where it leaves that open: none, and the step's own image if there is one."""
    return dataclasses.asdict(JobRequest(profile="", pods="1", image=image(config.IMAGE)))
