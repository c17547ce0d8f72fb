"""A compiled pipeline, read: its parameters, and the steps that a run with given arguments will take.

Needs no kfp: `scalequest run` looks at a preset's values before it loads anything heavy.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import yaml

from components.shared.config.values import STEP_OPTIONS, read_step_options
from components.shared.errors import InputError

COMPILED = Path(__file__).with_name("compiled")
CHECK = "pipelines.run_checks"  # the module that a run's first task runs; its folder is none of the workspace's
CHECK_NAME = "check_run"
LATER = object()  # a value that only the run brings forth: the address of a folder
_SELECTOR = re.compile(r'parseJson\(string_value\)\["([^"]+)"\]')
_IS_EMPTY = re.compile(r"^(!\()?inputs\.parameter_values\['([^']+)'\] == ''\)?$")

Spec = Mapping[str, Any]


@dataclass(frozen=True)
class PlannedStep:
    """One step that a run will take: its name and the options that are known beforehand."""

    name: str
    options: dict[str, Any]
    place: tuple[str, ...] = ()  # the tasks around it and its own, outermost first; in a loop the number of the round
    item: str = ""  # the source that the innermost loop over sources is at


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
        return declared_in(self.spec["root"])

    @property
    def steps(self) -> set[str]:
        """The steps that its tasks run."""
        executors = self.spec["deploymentSpec"]["executors"].values()
        return {step_of_command(executor["container"]["command"]) for executor in executors} - {CHECK_NAME}

    def planned_steps(self, arguments: Mapping[str, Any]) -> list[PlannedStep]:
        """Return every step that a run with these arguments takes, as they depend on each other."""
        return planned_steps(self.spec, arguments)


def planned_steps(spec: Spec, arguments: Mapping[str, Any]) -> list[PlannedStep]:
    """Return every step that a run of a pipeline takes with these arguments, what is first first."""
    return list(_walk(spec, spec["root"], arguments, _Surroundings()))


@dataclass(frozen=True)
class _Surroundings:
    place: tuple[str, ...] = ()
    item: str = ""

    def within(self, task: str, item: Any, *number: int) -> _Surroundings:
        source = item.get("source", "") if isinstance(item, Mapping) else ""
        return _Surroundings((*self.place, task, *map(str, number)), str(source) or self.item)


def _walk(spec: Spec, graph: Spec, given: Mapping[str, Any], around: _Surroundings) -> Iterator[PlannedStep]:
    values = _defaults(graph) | dict(given)
    for name, task in in_order(graph["dag"]["tasks"]):
        component = spec["components"][task["componentRef"]["name"]]
        kinds = declared_in(component)
        inputs = {
            each: _resolve(value, values, kinds.get(each, {}).get("parameterType", ""))
            for each, value in _inputs(task).items()
        }
        for place, iteration in _iterations(name, task, inputs, around):
            if not _runs(task, iteration):
                continue
            if "dag" in component:
                yield from _walk(spec, component, iteration, place)
            elif (step := _step_name(spec, component)) != CHECK_NAME:
                options = _defaults(component) | iteration
                options |= read_step_options(options.pop(STEP_OPTIONS, "")).get(step, {})
                yield PlannedStep(step, options, place.place, place.item)


def in_order(tasks: Spec) -> Iterator[tuple[str, Spec]]:
    """Yield the tasks of a graph, each behind those that it waits for, else by name."""
    sorter = TopologicalSorter({name: task.get("dependentTasks", []) for name, task in sorted(tasks.items())})
    for name in sorter.static_order():
        yield name, tasks[name]


def _step_name(spec: Spec, component: Spec) -> str:
    container = spec["deploymentSpec"]["executors"][component["executorLabel"]]["container"]
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


def graphs_of(spec: Spec) -> dict[str, Any]:
    """Return the graphs of a pipeline by the names of their components; the outermost is "root"."""
    components = {"root": spec["root"], **spec["components"]}
    return {name: component for name, component in components.items() if "dag" in component}


def declared_in(component: Spec) -> dict[str, Any]:
    """Return the declarations of a component's parameters by name: ``parameterType``, ``defaultValue``."""
    declared: dict[str, Any] = component.get("inputDefinitions", {}).get("parameters", {})
    return declared


def step_of_command(command: Sequence[str]) -> str:
    """Return the step that ``python3 -m components.<step>`` runs; CHECK_NAME for the task that checks a run."""
    module = command[command.index("-m") + 1]
    return CHECK_NAME if module == CHECK else module.removeprefix("components.")


def executor_input_of_command(command: Sequence[str]) -> dict[str, Any]:
    """Return what a step's command is told of its task: the values of its options, and where its outputs go."""
    told: dict[str, Any] = json.loads(command[command.index("--executor-input") + 1])
    return told


def _inputs(task: Spec) -> Spec:
    inputs: Spec = task.get("inputs", {}).get("parameters", {})
    return inputs


def _defaults(component: Spec) -> dict[str, Any]:
    declared = declared_in(component)
    return {name: declared[name]["defaultValue"] for name in declared if "defaultValue" in declared[name]}


def _resolve(value: Spec, values: Mapping[str, Any], kind: str) -> Any:
    if "taskOutputParameter" in value:
        return LATER
    if "runtimeValue" in value:
        return value["runtimeValue"]["constant"]
    return _select(value, values.get(value["componentInputParameter"], LATER), kind)


def _select(value: Spec, found: Any, kind: str) -> Any:
    """Return what an input takes of a value: of a loop's item one field, of the type that Kubeflow's driver accepts."""
    selector = value.get("parameterExpressionSelector")
    if found is LATER or not selector:
        return found
    match = _SELECTOR.search(selector)
    assert match, selector
    key, origin = match.group(1), value["componentInputParameter"].removeprefix("pipelinechannel--")
    field = found.get(key) if isinstance(found, dict) else None
    if kind.startswith("NUMBER"):
        is_right, what = (
            isinstance(field, int | float) and not isinstance(field, bool),
            f"number {key!r}, such as 1.0e-5",
        )
    else:
        is_right, what = isinstance(field, str), f"text {key!r}"
    if not is_right:
        raise InputError(f"{origin.removesuffix('-loop-item')}: {found!r} has to be a mapping with the {what}")
    return field


def _iterations(
    name: str, task: Spec, inputs: dict[str, Any], around: _Surroundings
) -> Iterator[tuple[_Surroundings, dict[str, Any]]]:
    iterator = task.get("parameterIterator")
    if iterator is None:
        yield around.within(name, None), inputs
        return
    items = inputs[iterator["items"]["inputParameter"]]
    for number, item in enumerate(items):
        yield around.within(name, item, number), inputs | {iterator["itemInput"]: item}


def _runs(task: Spec, inputs: Mapping[str, Any]) -> bool:
    condition = task.get("triggerPolicy", {}).get("condition", "")
    if not condition:
        return True
    match = _IS_EMPTY.match(condition)
    assert match, condition  # the pipelines ask only whether a parameter was given
    return bool(inputs[match.group(2)] == "") != bool(match.group(1))
