"""The task that checks a run, as a component of Kubeflow Pipelines: its inputs are all parameters of the pipeline."""

from __future__ import annotations

import dataclasses
import json
import typing
from collections.abc import Iterator, Mapping
from inspect import Parameter
from typing import Any

from kfp import dsl
from kfp.dsl import PipelineTask

from components.kubeflow import container_component, declared
from components.shared.images import image
from pipelines.compiled_pipeline import CHECK, CHECK_NAME
from pipelines.parameters import Importing, parameters_of
from pipelines.resources import on_cpu_for_checks
from pipelines.run_checks.hardware_outputs import CheckedHardware
from pipelines.run_checks.told import ASKED_PROFILE, IMAGES, REPORT

OUTPUTS = [field.name for field in dataclasses.fields(CheckedHardware)]


def checked_run(run: Importing, *, pipeline: str, preset: str, preset_values: Mapping[str, Any]) -> PipelineTask:
    """Make the task that checks a run before anything else starts: every task that is first in its branch awaits it.

    ``pipeline`` and ``preset`` are their names, and ``preset_values`` what the task compiles its own pipeline again
    from. The outputs are those of CheckedHardware, and the artifact ``report``.
    """
    names = _given_names(type(run))
    given = {name: getattr(run, name) for name in names}
    if hasattr(run, "profile"):
        given[ASKED_PROFILE] = run.profile
    task = _component_of(type(run))(pipeline=pipeline, preset=preset, preset_values=json.dumps(preset_values), **given)
    return on_cpu_for_checks(task.set_display_name("Check"), run)


def _component_of(run: type[Importing]) -> Any:
    """Return the component for runs with the parameters of a group."""
    return container_component(
        CHECK_NAME,
        "Check everything of a run before it starts, and resolve its hardware.",
        image=image("cpu"),
        module=CHECK,
        declared=[*_outputs(), *_inputs(run)],
    )


def _given_names(run: type[Importing]) -> list[str]:
    """Return the parameters that the task gets under their own names: an input cannot be called as an output is."""
    return [field.name for field in parameters_of(run) if field.name not in OUTPUTS]


def _outputs() -> Iterator[Parameter]:
    hints = typing.get_type_hints(CheckedHardware)
    for name in OUTPUTS:
        yield declared(name, dsl.OutputPath(hints[name]))
    yield declared(REPORT, dsl.Output[dsl.Markdown])


def _inputs(run: type[Importing]) -> Iterator[Parameter]:
    hints = typing.get_type_hints(run)
    required = {"pipeline": str} | {name: hints[name] for name in _given_names(run)}
    for name, kind in required.items():
        yield declared(name, kind)
    defaults = {"preset": "", "preset_values": "{}", ASKED_PROFILE: ""} | {
        name: image(ours) for name, ours in IMAGES.items()
    }
    for name, text in defaults.items():
        yield declared(name, str, text)
