"""A compiled pipeline, read: its parameters, and the steps that a run with given arguments will take.

Needs no kfp: `scalequest run` looks at a preset's values before it loads anything heavy.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from components.shared.errors import InputError

COMPILED = Path(__file__).with_name("compiled")
LATER = object()  # a value that only the run brings forth: the address of a folder
_SELECTOR = re.compile(r'parseJson\(string_value\)\["([^"]+)"\]')
_IS_EMPTY = re.compile(r"^(!\()?inputs\.parameter_values\['([^']+)'\] == ''\)?$")

Spec = Mapping[str, Any]


@dataclass(frozen=True)
class PlannedStep:
    """One step that a run will take: its name and the options that are known beforehand."""

    name: str
    options: dict[str, Any]


@dataclass(frozen=True)
class CompiledPipeline:
    """A pipeline as Kubeflow gets it."""

    path: Path

    @cached_property
    def documents(self) -> list[dict[str, Any]]:
        """The file, read once: the pipeline itself, and what it asks of Kubernetes."""
        return read_documents(self.path)

    @property
    def spec(self) -> Spec:
        """The pipeline itself."""
        return self.documents[0]

    @property
    def parameters(self) -> dict[str, dict[str, Any]]:
        """The declarations of the parameters by name: ``parameterType``, ``defaultValue``."""
        return dict(self.spec["root"].get("inputDefinitions", {}).get("parameters", {}))

    def planned_steps(self, arguments: Mapping[str, Any]) -> list[PlannedStep]:
        """Return every step that a run with these arguments takes, one entry a shard, in no particular order."""
        return list(self._walk(self.spec["root"], arguments))

    def _walk(self, graph: Spec, given: Mapping[str, Any]) -> Iterator[PlannedStep]:
        values = _defaults(graph) | dict(given)
        for task in graph["dag"]["tasks"].values():
            component = self.spec["components"][task["componentRef"]["name"]]
            inputs = {name: _resolve(value, values) for name, value in _inputs(task).items()}
            for iteration in _iterations(task, inputs):
                if not _runs(task, iteration):
                    continue
                if "dag" in component:
                    yield from self._walk(component, iteration)
                else:
                    yield PlannedStep(self._step_name(component), _defaults(component) | iteration)

    def _step_name(self, component: Spec) -> str:
        container = self.spec["deploymentSpec"]["executors"][component["executorLabel"]]["container"]
        return step_of_command(container["command"])


def find(name: str) -> CompiledPipeline:
    """Return the compiled pipeline of that name; InputError names those that there are."""
    names = sorted(path.stem for path in COMPILED.glob("*.yaml"))
    if name not in names:
        raise InputError(f"unknown pipeline {name!r}; expected one of {', '.join(names)}")
    return CompiledPipeline(COMPILED / f"{name}.yaml")


def read_documents(path: Path) -> list[dict[str, Any]]:
    """Return the YAML documents of a file; with libyaml where it is there, ten times as fast."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return list(yaml.load_all(path.read_text(encoding="utf-8"), Loader=loader))


def executors_on_kubernetes(documents: Sequence[Spec]) -> Spec:
    """Return what a pipeline asks of Kubernetes for each executor, by label: a compiled file's second document."""
    executors: Spec = documents[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"] if documents[1:] else {}
    return executors


def step_of_command(command: Sequence[str]) -> str:
    """Return the step that ``python3 -m components.<step>`` runs."""
    return command[command.index("-m") + 1].removeprefix("components.")


def executor_input_of_command(command: Sequence[str]) -> dict[str, Any]:
    """Return what a step's command is told of its task: the values of its options, and where its outputs go."""
    told: dict[str, Any] = json.loads(command[command.index("--executor-input") + 1])
    return told


def _inputs(task: Spec) -> Spec:
    inputs: Spec = task.get("inputs", {}).get("parameters", {})
    return inputs


def _defaults(component: Spec) -> dict[str, Any]:
    declared = component.get("inputDefinitions", {}).get("parameters", {})
    return {name: declared[name]["defaultValue"] for name in declared if "defaultValue" in declared[name]}


def _resolve(value: Spec, values: Mapping[str, Any]) -> Any:
    if "taskOutputParameter" in value:
        return LATER
    if "runtimeValue" in value:
        return value["runtimeValue"]["constant"]
    return _select(value, values.get(value["componentInputParameter"], LATER))


def _select(value: Spec, found: Any) -> Any:
    selector = value.get("parameterExpressionSelector")
    if found is LATER or not selector:
        return found
    match = _SELECTOR.search(selector)
    assert match, selector
    key, origin = match.group(1), value["componentInputParameter"].removeprefix("pipelinechannel--")
    text = found.get(key) if isinstance(found, dict) else None
    if not isinstance(text, str):
        raise InputError(f"{origin.removesuffix('-loop-item')}: {found!r} has to be a mapping with the text {key!r}")
    return text


def _iterations(task: Spec, inputs: dict[str, Any]) -> Iterator[dict[str, Any]]:
    iterator = task.get("parameterIterator")
    if iterator is None:
        yield inputs
        return
    items = inputs[iterator["items"]["inputParameter"]]
    for item in items:
        yield inputs | {iterator["itemInput"]: item}


def _runs(task: Spec, inputs: Mapping[str, Any]) -> bool:
    condition = task.get("triggerPolicy", {}).get("condition", "")
    if not condition:
        return True
    match = _IS_EMPTY.match(condition)
    assert match, condition  # the pipelines ask only whether a parameter was given
    return bool(inputs[match.group(2)] == "") != bool(match.group(1))
