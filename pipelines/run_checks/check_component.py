"""The task that checks a run, as a component of Kubeflow Pipelines: its inputs are all parameters of the pipeline."""

from __future__ import annotations

import dataclasses
import json
import typing
from collections.abc import Iterator, Mapping
from inspect import Parameter
from typing import Any

from kfp import dsl
from kfp.dsl import PipelineTask, structures
from kfp.dsl.pipeline_channel import create_pipeline_channel

from components.kubeflow import container_component, declared
from components.shared.images import image
from pipelines.compiled_pipeline import CHECK, CHECK_NAME
from pipelines.parameters import Importing, parameters_of
from pipelines.resources import on_cpu_for_checks
from pipelines.run_checks.hardware_outputs import CheckedHardware
from pipelines.run_checks.told import ASKED_PROFILE, IMAGES, REPORT
from pipelines.task_outputs import NODE_SELECTOR

OUTPUTS = [field.name for field in dataclasses.fields(CheckedHardware)]
_KINDS = {str: "String", int: "Integer", float: "Float", dict: "Dict", list: "List"}  # kfp's words


def checked_run(run: Importing, *, pipeline: str, preset: str, preset_values: Mapping[str, Any]) -> PipelineTask:
    """Make the task that checks a run before anything else starts: every task that is first in its branch awaits it.

    ``pipeline`` and ``preset`` are their names, and ``preset_values`` what the task compiles its own pipeline again
    from. Its outputs are CheckedOutputs, and the artifact ``report``.
    """
    names = _given_names(type(run))
    given = {name: getattr(run, name) for name in names}
    if hasattr(run, "profile"):
        given[ASKED_PROFILE] = run.profile
    task = _component_of(type(run))(pipeline=pipeline, preset=preset, preset_values=json.dumps(preset_values), **given)
    return on_cpu_for_checks(task.set_display_name("Check"), run)


class CheckedOutputs(Mapping[str, Any]):
    """What the task that checks a run tells the others, by name; each is declared as soon as somebody asks for it.

    So a pipeline has as many as its tasks need: those of CheckedHardware and, of each task that may take a GPU, those
    of ``task_output``.
    """

    def __init__(self, check: PipelineTask) -> None:
        self._check = check
        self._kinds = typing.get_type_hints(CheckedHardware)

    def __getitem__(self, name: str) -> Any:
        """Return the output; kfp has no way of its own to add one to a task."""
        outputs = self._check.component_spec.outputs
        if name not in outputs:
            declared_kind = self._kinds.get(name, dict if name.endswith(NODE_SELECTOR) else str)
            kind = _KINDS[typing.get_origin(declared_kind) or declared_kind]
            outputs[name] = structures.OutputSpec(kind)
            self._check._outputs[name] = create_pipeline_channel(
                name=name, channel_type=kind, task_name=self._check.name
            )
        return self._check.outputs[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._check.outputs)

    def __len__(self) -> int:
        return len(self._check.outputs)


def _component_of(run: type[Importing]) -> Any:
    """Return the component for runs with the parameters of a group."""
    return container_component(
        CHECK_NAME,
        "Check everything of a run before it starts, and resolve its hardware.",
        image=image("cpu"),
        module=CHECK,
        declared=[declared(REPORT, dsl.Output[dsl.Markdown]), *_inputs(run)],
    )


def _given_names(run: type[Importing]) -> list[str]:
    """Return the parameters that the task gets under their own names: an input cannot be called as an output is."""
    return [field.name for field in parameters_of(run) if field.name not in OUTPUTS]


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
