"""Stages as pipelines: Kubeflow shows each as one box with its tasks inside.

A box's inputs are the fields of its ``run``, a group of parameters.py, and what else its function takes. Boxes have to
be pipelines and not plain functions: where a loop uses what another loop has collected, kfp 2.17 compiles only that.
"""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, cast

from kfp import dsl

from pipelines.executor_labels import corrected_merging

Function = TypeVar("Function", bound=Callable[..., Any])


def box(name: str) -> Callable[[Function], Function]:
    """Make ``function(run, **inputs)`` a pipeline, and a box in others: there it is called with their ``run``.

    A parameter means the same in every box: what is ``solver_top_p`` outside is ``solver_top_p`` inside. The function
    that is returned has the pipeline itself, for the compiler, as its attribute ``pipeline``. A box with several
    outputs returns a NamedTuple.
    """

    def decorate(function: Function) -> Function:
        types = typing.get_type_hints(function)
        returned = types.pop("return")
        run_type = types.pop("run")
        parameters = [field.name for field in dataclasses.fields(run_type)]

        def build(*channels: Any) -> Any:
            given = dict(zip((*types, *parameters), channels, strict=True))
            run = run_type(**{name: given.pop(name) for name in parameters})
            return function(run, **given)

        def call(run: Any, **inputs: Any) -> Any:
            task = pipeline(**{name: getattr(run, name) for name in parameters}, **inputs)
            if hasattr(returned, "_fields"):
                return returned(**task.outputs)
            return task.output if task.outputs else None

        build.__signature__ = _signature(run_type, types, function)  # type: ignore[attr-defined]
        build.__doc__ = _documented(function, run_type)
        with corrected_merging():
            pipeline = dsl.pipeline(build, name=name)
        _without_help(pipeline.pipeline_spec.components.values())
        call.pipeline = pipeline  # type: ignore[attr-defined]
        return cast(Function, call)

    return decorate


def _signature(run_type: type[Any], inputs: Mapping[str, Any], function: Callable[..., Any]) -> inspect.Signature:
    parameters = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=inputs[name]) for name in inputs]
    types = typing.get_type_hints(run_type)
    for field in dataclasses.fields(run_type):
        parameters.append(
            inspect.Parameter(
                field.name, inspect.Parameter.KEYWORD_ONLY, annotation=types[field.name], default=_default_of(field)
            )
        )
    returned = typing.get_type_hints(function)["return"]
    return inspect.Signature(parameters, return_annotation=None if returned is type(None) else returned)


def _without_help(components: Iterable[Any]) -> None:
    """Leave out what parameters of inner boxes mean: Kubeflow shows it of a run's own, and Argo holds a tenth less."""
    for component in components:
        for declared in component.input_definitions.parameters.values():
            declared.ClearField("description")


def _default_of(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default


def _documented(function: Callable[..., Any], run_type: type[Any]) -> str:
    """Return the function's docstring with what Kubeflow is to show beside each parameter."""
    lines = [f"    {field.name}: {field.metadata['help']}" for field in dataclasses.fields(run_type)]
    return "\n".join([inspect.getdoc(function) or "", "", "Args:", *lines])
