"""How large a run is in Kubernetes, before it is submitted: its pods, the bytes of its Workflow, its sequential starts.

Argo keeps all that it knows of a run in one object, of at most 1 MiB: the spec, which Kubeflow makes of the compiled
pipeline, and ``status.nodes``, which grow as the run goes on. A run that outgrows it ends in Error, half way. So it is
computed here what the run will have at its end, without retries, from the compiled pipeline and its arguments.

What each thing takes was measured on Kubeflow Pipelines 2.17.0 with Argo 4.0.8; tests compare with runs of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from components.shared.errors import InputError
from pipelines.compiled_pipeline import (
    CompiledPipeline,
    PlannedStep,
    checks_of,
    declared_in,
    executors_on_kubernetes,
    graphs_of,
    in_order,
)

LIMIT = 1_048_576  # bytes of a Workflow, as Argo has it

_ATTEMPTS = 2  # nodes of what Argo may try again: the thing itself, and its attempt
_NODES_PER_STEP = 3 * _ATTEMPTS  # driver, task, pod
_SPEC_BYTES, _SPEC_BYTES_PER_TASK = 12_500, 1_200  # Argo's templates, besides what they say of each task
_NODE_BYTES = 750  # id, names, times, children
_PATCH_BYTES, _BYTES_PER_INPUT = 2_050, 25  # the launcher's command in a step's pod, besides what it is told
_PATCHES_PER_STEP = 6  # nodes of a step that repeat it
_DAG_DRIVER_BYTES = 1_900
_REQUEST_BYTES = 1_572_864  # etcd's limit; "request is too large" beyond it
_COMPRESSION = 0.125  # Argo's, of nodes in base64; 0.124 to 0.127 in three runs

Spec = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class RunSize:
    """What a run will be at its end, if no step is tried twice."""

    steps: int
    drivers: int  # Kubeflow's pods before each step, box, loop and round of a loop
    job_pods: int  # of the Jobs that steps make, at most at once each
    nodes: int  # of Argo
    spec_bytes: int
    node_bytes: int  # compressed
    starts: int  # of pods that wait for each other, along the longest way

    @property
    def pods(self) -> int:
        """All pods."""
        return self.steps + self.drivers + self.job_pods

    @property
    def kib(self) -> int:
        """KiB of the Workflow."""
        return (self.spec_bytes + self.node_bytes) // 1024

    @property
    def fits_a_retry(self) -> bool:
        """Whether Kubeflow's Retry works to the end: it sends the nodes uncompressed, in one request to etcd."""
        return self.spec_bytes + self.node_bytes / _COMPRESSION <= _REQUEST_BYTES

    @property
    def sentence(self) -> str:
        """Return it for people."""
        of_jobs = f", and at most {self.job_pods} of Jobs" if self.job_pods else ""
        retry = "" if self.fits_a_retry else "; Kubeflow's Retry button will fail on it: submit again instead"
        return (
            f"{self.steps + self.drivers} pods of Kubeflow{of_jobs}; its Workflow will have {self.kib} of the "
            f"{LIMIT // 1024} KiB that Argo takes{retry}"
        )


@dataclass(frozen=True)
class _Sum:
    steps: int = 0
    drivers: int = 0
    nodes: int = 0
    raw_bytes: int = 0
    starts: int = 0

    def __add__(self, other: _Sum) -> _Sum:
        """Add what follows it."""
        return _Sum(
            self.steps + other.steps,
            self.drivers + other.drivers,
            self.nodes + other.nodes,
            self.raw_bytes + other.raw_bytes,
            self.starts + other.starts,
        )


def size_of(pipeline: CompiledPipeline, arguments: Mapping[str, Any]) -> RunSize:
    """Return the size of a run of a pipeline with these arguments."""
    planned = pipeline.planned_steps(arguments)
    whole = _Measure(pipeline, planned).of_root(arguments)
    return RunSize(
        steps=whole.steps,
        drivers=whole.drivers,
        job_pods=sum(map(_job_pods, planned)) if _makes_jobs(arguments) else 0,
        nodes=whole.nodes,
        spec_bytes=_spec_bytes(pipeline),
        node_bytes=int(whole.raw_bytes * _COMPRESSION),
        starts=whole.starts,
    )


def check_size(size: RunSize) -> None:
    """Raise InputError for a run whose Workflow would outgrow Argo's limit, half way."""
    if size.spec_bytes + size.node_bytes <= LIMIT:
        return
    per_step = size.node_bytes / max(size.steps, 1)
    fits = int((LIMIT - size.spec_bytes) / per_step)
    raise InputError(
        f"the run has {size.steps} tasks and {size.drivers} drivers; at its end its Workflow would have about "
        f"{size.kib} KiB, and Argo ends a run in Error that reaches {LIMIT // 1024} KiB; about {fits} tasks fit: name "
        "fewer models or sources in the lists, or run the method in parts (--pipeline train_question_generator for "
        "each generator, then construct_dataset)"
    )


def _makes_jobs(arguments: Mapping[str, Any]) -> bool:
    return bool(arguments.get("profile")) and arguments.get("gpu_work") != "task"


def _job_pods(step: PlannedStep) -> int:
    """Return how many pods the Job of a step has at most; 0 where its task does the work itself."""
    if not step.options.get("profile") or step.options.get("endpoint") or step.passes_on:
        return 0
    return int(str(step.options.get("pods", "1")).rpartition("..")[2] or 1)


class _Measure:
    """Walks through a compiled pipeline as Argo will, along the planned steps."""

    def __init__(self, pipeline: CompiledPipeline, planned: list[PlannedStep]) -> None:
        self._spec = pipeline.spec
        self._kubernetes = executors_on_kubernetes(pipeline.documents)
        places = [step.place for step in planned] + checks_of(pipeline.spec)
        self._taken = {place[:length] for place in places for length in range(len(place) + 1)}

    def of_root(self, arguments: Mapping[str, Any]) -> _Sum:
        root, entry = self._spec["root"], _Sum(nodes=_ATTEMPTS, raw_bytes=_ATTEMPTS * _NODE_BYTES)
        told = _escaped(arguments)  # the driver of the whole is told all arguments
        return entry + self._graph(root, {}, extra=_ATTEMPTS * told) + self._tasks(root, ())

    def _tasks(self, graph: Spec, place: tuple[str, ...]) -> _Sum:
        """Return the sum of a graph's tasks, which begin when those that they wait for have ended."""
        done: dict[str, int] = {}
        total = _Sum()
        for name, task in in_order(graph["dag"]["tasks"]):
            each = self._task(task, (*place, name))
            before = max((done.get(other, 0) for other in task.get("dependentTasks", [])), default=0)
            done[name] = before + each.starts
            total += each
        return _Sum(total.steps, total.drivers, total.nodes, total.raw_bytes, max(done.values(), default=0))

    def _task(self, task: Spec, place: tuple[str, ...]) -> _Sum:
        component = self._spec["components"][task["componentRef"]["name"]]
        if "dag" not in component:
            return self._step(component, task) if place in self._taken else self._left_out(component, task)
        if "parameterIterator" in task:
            return self._loop(component, task, place)
        if place not in self._taken:
            return self._left_out(component, task)
        return self._graph(component, task) + self._tasks(component, place)

    def _loop(self, component: Spec, task: Spec, place: tuple[str, ...]) -> _Sum:
        rounds = [(*place, str(number)) for number in range(self._rounds(place))]
        group = _Sum(nodes=1, raw_bytes=_NODE_BYTES)  # that holds the rounds
        wrapped = _Sum(nodes=_ATTEMPTS, raw_bytes=_ATTEMPTS * _NODE_BYTES)
        each = [wrapped + self._graph(component, task) + self._tasks(component, number) for number in rounds]
        total = sum(each, start=self._graph(component, task) + group)
        longest = max((number.starts for number in each), default=0)
        return _Sum(total.steps, total.drivers, total.nodes, total.raw_bytes, 1 + longest)

    def _rounds(self, place: tuple[str, ...]) -> int:
        return sum(len(other) == len(place) + 1 and other[:-1] == place for other in self._taken)

    def _graph(self, component: Spec, task: Spec, extra: int = 0) -> _Sum:
        """Return what a box takes, without what is in it: its driver, and two nodes that hold the rest."""
        driver = _ATTEMPTS * (_escaped(component) + _escaped(task) + _DAG_DRIVER_BYTES)
        return _Sum(0, 1, 2 * _ATTEMPTS, driver + _ATTEMPTS * _NODE_BYTES + extra, 1)

    def _left_out(self, component: Spec, task: Spec) -> _Sum:
        """Return what a branch takes that is not gone: its driver finds that out."""
        raw = _ATTEMPTS * (_escaped(component) + _escaped(task) + _DAG_DRIVER_BYTES)
        return _Sum(0, 1, _ATTEMPTS + 1, raw + _NODE_BYTES, 1)

    def _step(self, component: Spec, task: Spec) -> _Sum:
        label = component["executorLabel"]
        container = self._spec["deploymentSpec"]["executors"][label]["container"]
        settings = self._kubernetes.get(label, {})
        told = sum(map(_escaped, (component, container, settings)))
        patch = _PATCH_BYTES + told + sum(len(name) + _BYTES_PER_INPUT for name in declared_in(component))
        raw = _ATTEMPTS * (told + _escaped(task)) + _PATCHES_PER_STEP * patch + _NODES_PER_STEP * _NODE_BYTES
        return _Sum(1, 1, _NODES_PER_STEP, raw, 2)


def _spec_bytes(pipeline: CompiledPipeline) -> int:
    """Return the bytes of the Workflow that Kubeflow makes: each component once, each task in its template."""
    spec, kubernetes = pipeline.spec, executors_on_kubernetes(pipeline.documents)
    graphs = graphs_of(spec).values()
    arguments = sum(map(_escaped, graphs)) + sum(_escaped(settings) for settings in kubernetes.values())
    executors = spec["deploymentSpec"]["executors"]
    alike = {
        json.dumps([component | {"executorLabel": ""}, container], sort_keys=True): _escaped(component)
        + _escaped(container)
        for component, container in _containers(spec["components"], executors)
    }
    tasks = [task for graph in graphs for task in graph["dag"]["tasks"].values()]
    templates = sum(_escaped(task) * (3 if "parameterIterator" in task else 1) for task in tasks)
    return arguments + sum(alike.values()) + templates + _SPEC_BYTES + _SPEC_BYTES_PER_TASK * len(tasks)


def _containers(components: Spec, executors: Spec) -> Iterator[tuple[dict[str, Any], Spec]]:
    for component in components.values():
        if "executorLabel" in component:
            yield dict(component), executors[component["executorLabel"]]["container"]


def _escaped(value: Any) -> int:
    """Return the length of a value that stands as JSON in a text of a JSON document."""
    return len(json.dumps(json.dumps(value, separators=(",", ":"))))
