"""Takes out of a compiled pipeline what a run with its arguments never needs: Argo has 1 MiB for all of a run.

- branches that the arguments do not take, and loops over nothing (models of which the run has none);
- descriptions, which neither Kubeflow nor its page reads;
- parameters that nothing reads any more, at each level that passed them on.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from pipelines.compiled_pipeline import PlannedStep, checks_of, declared_in, executors_on_kubernetes, graphs_of
from pipelines.nested import walk

_READ = re.compile(r"inputs\.parameter(?:_value)?s\['([^']+)'\]")  # in a condition, or in a placeholder

Document = dict[str, Any]


def trimmed(documents: Sequence[Mapping[str, Any]], planned: Iterable[PlannedStep]) -> list[Document]:
    """Return a compiled pipeline that takes the same steps; it may declare fewer parameters."""
    changed: list[Document] = copy.deepcopy([dict(document) for document in documents])
    spec, kubernetes = changed[0], cast(Document, executors_on_kubernetes(changed))
    for _, value in walk(spec):
        if isinstance(value, dict):
            value.pop("description", None)
    _drop_what_never_runs(spec, planned)
    _drop_unused(spec, kubernetes)
    _drop_unread(spec, spec["root"], kubernetes)
    return changed


def _drop_what_never_runs(spec: Document, planned: Iterable[PlannedStep]) -> None:
    # Of a loop's rounds, only what none of them takes is never needed.
    places = [tuple(name for name in step.place if not name.isdigit()) for step in planned]
    places += checks_of(spec)
    taken = {place[:length] for place in places for length in range(len(place) + 1)}
    _keep(spec, spec["root"], (), taken)


def _keep(spec: Document, graph: Document, place: tuple[str, ...], taken: set[tuple[str, ...]]) -> None:
    tasks = graph["dag"]["tasks"]
    for name in [name for name in tasks if (*place, name) not in taken]:
        del tasks[name]
    for name, task in tasks.items():
        if "dependentTasks" in task:
            task["dependentTasks"] = [other for other in task["dependentTasks"] if other in tasks]
        component = spec["components"][task["componentRef"]["name"]]
        if "dag" in component:
            _keep(spec, component, (*place, name), taken)
    for output in graph["dag"].get("outputs", {}).get("parameters", {}).values():
        if "valueFromOneof" in output:
            selectors = output["valueFromOneof"]["parameterSelectors"]
            selectors[:] = [each for each in selectors if each["producerSubtask"] in tasks]


def _drop_unused(spec: Document, kubernetes: Document) -> None:
    """Take out components that no task names any more, and what they run."""
    before = -1
    while before != len(spec["components"]):
        before = len(spec["components"])
        tasks = [task for graph in graphs_of(spec).values() for task in graph["dag"]["tasks"].values()]
        used = {task["componentRef"]["name"] for task in tasks}
        spec["components"] = {name: each for name, each in spec["components"].items() if name in used}
    labels = {each["executorLabel"] for each in spec["components"].values() if "executorLabel" in each}
    executors: list[Document] = [spec["deploymentSpec"]["executors"], kubernetes]
    for each in executors:
        for label in [label for label in each if label not in labels]:
            del each[label]


def _drop_unread(spec: Document, graph: Document, kubernetes: Document) -> None:
    """Take out the inputs of a graph that nothing in it reads, from the innermost graphs on."""
    read: set[str] = set()
    for task in graph["dag"]["tasks"].values():
        component = spec["components"][task["componentRef"]["name"]]
        inputs = task.get("inputs", {}).get("parameters", {})
        if "dag" in component:
            _drop_unread(spec, component, kubernetes)
        else:
            read |= set(_sources(kubernetes.get(component["executorLabel"], {})))
        needed = declared_in(component).keys() | _needed_by_task(spec, component, task)
        for name in [name for name in inputs if name not in needed]:
            del inputs[name]
        read |= set(_sources(inputs))
    parameters = declared_in(graph)
    for name in [name for name in parameters if name not in read]:
        del parameters[name]


def _needed_by_task(spec: Document, component: Document, task: Document) -> set[str]:
    """Return the inputs that a task has for itself: of its condition, of its loop, of what it asks of Kubernetes.

    The compiler gives a task more than that (``cpu_request`` and the like), which Kubeflow's driver does not read.
    """
    iterator = task.get("parameterIterator", {})
    of_loop = {iterator.get("itemInput", ""), iterator.get("items", {}).get("inputParameter", "")}
    executor = spec["deploymentSpec"]["executors"].get(component.get("executorLabel", ""), {})
    return of_loop | set(_READ.findall(str([task.get("triggerPolicy"), executor])))


def _sources(value: Any) -> Iterator[str]:
    return (found for place, found in walk(value) if place.endswith("componentInputParameter"))
