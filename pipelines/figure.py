"""The pipelines: functions of a run's parameters, compiled for a preset.

A figure's parameters are the fields of its ``run``, a group of parameters.py. Compiled for a preset, each has the
preset's value as its default, and the preset's options of steps are constants of their tasks. Every run begins with the
task that checks it, whose outputs say what the other tasks ask for, and with the import of its models.
"""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kfp import dsl

from components.kubeflow import model_imports
from components.shared.model_imports import NamedModels
from components.shared.passing_on import MODELS
from pipelines.parameters import Importing, default_of, parameters_of
from pipelines.resources import on_cpu_with_hub
from pipelines.run_checks.check_component import CheckedOutputs, checked_run


@dataclass(frozen=True)
class Preset:
    """What a pipeline is compiled for; the default leaves every parameter open that has no default of its own."""

    name: str = ""
    parameters: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    options: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)  # by step, or what a task is for

    @property
    def has_benchmarks(self) -> bool:
        """Whether it has questions that no dataset may hold."""
        return self.parameters.get("benchmarks") != []

    @property
    def values(self) -> dict[str, Any]:
        """What of it a file holds besides defaults: the options of tasks, and which lists a run may leave empty."""
        options = {f"{task}.{name}": value for task, of in self.options.items() for name, value in of.items()}
        return options | {name: value for name, value in self.parameters.items() if value == []}


@dataclass(frozen=True)
class Figure:
    """A pipeline that is not compiled yet."""

    name: str
    function: Callable[[Any], None]

    @property
    def group(self) -> type[Importing]:
        """The group of its parameters."""
        group: type[Importing] = typing.get_type_hints(self.function)["run"]
        return group

    def for_preset(self, preset: Preset) -> Any:
        """Return it as kfp's compiler takes it: called as its file is, after the preset."""
        fields = parameters_of(self.group)
        name = f"{self.name}-{preset.name}".strip("-")

        def build(*channels: Any) -> None:
            given = {each.name: channel for each, channel in zip(fields, channels, strict=True)}
            run = self.group(**given, fixed=preset.options, has_benchmarks=preset.has_benchmarks)
            check = checked_run(run, pipeline=self.function.__name__, preset=preset.name, preset_values=preset.values)
            self.function(with_models(dataclasses.replace(run, hardware=CheckedOutputs(check))))

        hints = typing.get_type_hints(self.group)
        build.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [
                inspect.Parameter(
                    each.name,
                    inspect.Parameter.KEYWORD_ONLY,
                    annotation=hints[each.name],
                    default=_default(each, preset),
                )
                for each in fields
            ]
        )
        lines = [f"    {each.name}: {each.metadata['help']}" for each in fields]
        build.__doc__ = "\n".join([inspect.getdoc(self.function) or "", "", "Args:", *lines])
        return dsl.pipeline(build, name=name)


def figure(name: str) -> Callable[[Callable[[Any], None]], Figure]:
    """Make ``function(run)`` a pipeline."""
    return lambda function: Figure(name, function)


def with_models(run: Importing) -> Importing:
    """Import every model that the run names, once, before any other step: not each pod is to ask the hub."""
    names = [field.name for field in dataclasses.fields(NamedModels) if hasattr(run, field.name)]
    task = model_imports()(workspace=run.workspace, **{name: getattr(run, name) for name in names})
    return dataclasses.replace(run, models=on_cpu_with_hub(task.set_display_name("Models"), run).outputs[MODELS])


def _default(field: dataclasses.Field[Any], preset: Preset) -> Any:
    default = preset.parameters.get(field.name, default_of(field))
    return inspect.Parameter.empty if default is dataclasses.MISSING else default
