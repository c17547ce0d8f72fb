"""Checks a compiled pipeline for traps of Kubeflow 2.17 that neither the compiler nor the server reports.

1. A resource (or image) that comes from a parameter which is not text: the pod starts without its GPU.
2. A task that reads an input which its own graph does not declare, itself or for what it asks of Kubernetes: the driver
   fails when the task is due.
3. A retry that ends before a long step has run once: it is never retried.
4. A step that loads a model and asks for no accelerator: it starts on a node without one, and fails there.
5. A step that is given an input as an argument: where a task leaves it at its default, the driver of 2.17.0 finds no
   such parameter. The executor input has all of them.

And, once images are released, for what the compiled file leaves open: an image without a digest, also where it is a
parameter's default. What must not be in it at all, secrets, compiled_secrets.py looks for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from components.steps import may_be_a_job, step_names
from pipelines.compiled_pipeline import declared_in, executors_on_kubernetes, graphs_of, step_of_command
from pipelines.nested import walk

SECONDS_PER_DAY = 86_400
_NAMES_AN_IMAGE = re.compile(r"(^|_)image$")  # a parameter whose value is one
_PINNED = re.compile(r"@sha256:[0-9a-f]{64}$")
_PLACEHOLDER = re.compile(r"\{\{\$\.inputs\.parameters\['([^']+)'\]\}\}")

Spec = Mapping[str, Any]


def find_defects(documents: Sequence[Spec]) -> list[str]:
    """Return one line a defect of a compiled file, naming the task; [] for a sound pipeline."""
    defects: list[str] = []
    spec, kubernetes = documents[0], executors_on_kubernetes(documents)
    for graph, component in graphs_of(spec).items():
        declared = declared_in(component)
        for name, task in component["dag"]["tasks"].items():
            place = f"{graph}/{name}"
            settings = kubernetes.get(_executor_label(spec, task), {})
            sources = [*_sources(task).values(), *_inputs_read_by(settings)]
            defects += _undeclared_inputs(place, sources, declared)
            defects += _resources_not_text(spec, place, task, declared)
            defects += _short_retry(place, task)
            defects += _no_accelerator(spec, place, task)
            defects += _inputs_as_arguments(spec, place, task)
    return defects


def find_images_without_digest(documents: Sequence[Spec]) -> list[str]:
    """Return one line an image that is named by its tag: what it holds may change between two pods of a run."""
    return [
        f"the image {image!r} has no digest; release it (python -m images.release)"
        for image in images_without_digest(documents)
    ]


def images_without_digest(documents: Sequence[Spec]) -> list[str]:
    """Return the images that are named by their tag, sorted."""
    return sorted(image for image in images_of(documents) if not is_pinned(image))


def is_pinned(image: str) -> bool:
    """Tell whether an image is named by its digest, which nobody can change."""
    return bool(_PINNED.search(image))


def images_of(documents: Sequence[Spec]) -> set[str]:
    """Return the images of a compiled pipeline: those of tasks, and the defaults of those that a parameter names."""
    spec = documents[0]
    executors = spec["deploymentSpec"]["executors"].values()
    images = {executor["container"]["image"] for executor in executors if "container" in executor}
    for component in (spec["root"], *spec["components"].values()):
        for name, declared in declared_in(component).items():
            if _NAMES_AN_IMAGE.search(name) and "defaultValue" in declared:
                images.add(declared["defaultValue"])
    return {image for image in images if not _PLACEHOLDER.search(image)}


def _undeclared_inputs(place: str, sources: Sequence[str], declared: Spec) -> list[str]:
    return [
        f"{place}: input {source!r} is not declared by its graph; "
        "register it with the task (register_pipeline_channels)"
        for source in sources
        if source not in declared
    ]


def _resources_not_text(spec: Spec, place: str, task: Spec, declared: Spec) -> list[str]:
    sources = _sources(task)
    types = {channel: declared.get(source, {}).get("parameterType", "STRING") for channel, source in sources.items()}
    return [
        f"{place}: {channel!r} sets a resource and has the type {types[channel]}; the backend reads only STRING"
        for channel in sorted(_resource_channels(spec, task))
        if types.get(channel, "STRING") != "STRING"
    ]


def _short_retry(place: str, task: Spec) -> list[str]:
    policy = task.get("retryPolicy")
    if policy is None:
        return []
    seconds = float(policy.get("backoffMaxDuration", "0s").removesuffix("s"))
    if seconds >= SECONDS_PER_DAY:
        return []
    return [f"{place}: retries end {seconds:g} s after the first start; set backoff_max_duration to days"]


def _no_accelerator(spec: Spec, place: str, task: Spec) -> list[str]:
    """Look for an accelerator where the task loads a model."""
    container = _container(spec, task)
    if not _loads_a_model(container, task):
        return []
    asked = container.get("resources", {}).get("accelerator", {})
    if asked.get("resourceType") and asked.get("resourceCount", "0") not in ("", "0"):
        return []
    return [f"{place}: loads a model but requests no accelerator; use on_inference_gpus or the like"]


def _inputs_as_arguments(spec: Spec, place: str, task: Spec) -> list[str]:
    container = _container(spec, task)
    words = (word for _, word in walk([container.get("command", []), container.get("args", [])]))
    names = {name for word in words if isinstance(word, str) for name in _PLACEHOLDER.findall(word)}
    return [
        f"{place}: passes the input {name!r} as an argument; the step reads it from the executor input ({{{{$}}}})"
        for name in sorted(names)
    ]


def _loads_a_model(container: Spec, task: Spec) -> bool:
    command = container.get("command", [])
    if "-m" not in command or (step := step_of_command(command)) not in step_names() or not may_be_a_job(step):
        return False
    endpoint = task.get("inputs", {}).get("parameters", {}).get("endpoint", {})
    served_elsewhere = "runtimeValue" not in endpoint or endpoint["runtimeValue"]["constant"] != ""
    return not (endpoint and served_elsewhere)


def _executor_label(spec: Spec, task: Spec) -> str:
    label: str = spec["components"][task["componentRef"]["name"]].get("executorLabel", "")
    return label


def _container(spec: Spec, task: Spec) -> Spec:
    """Return what a task's pod runs; {} for a graph and an importer."""
    container: Spec = spec["deploymentSpec"]["executors"].get(_executor_label(spec, task), {}).get("container", {})
    return container


def _sources(task: Spec) -> dict[str, str]:
    """Return which input of the graph each input of the task reads."""
    inputs = task.get("inputs", {}).get("parameters", {}).items()
    return {name: value["componentInputParameter"] for name, value in inputs if "componentInputParameter" in value}


def _inputs_read_by(settings: Spec) -> list[str]:
    """Return the names of the inputs of a graph that a task's settings for Kubernetes read."""
    return [value for place, value in walk(settings) if place.endswith("componentInputParameter")]


def _resource_channels(spec: Spec, task: Spec) -> set[str]:
    container = _container(spec, task)
    asked = [container.get("image", ""), container.get("resources", {})]
    texts = (text for _, text in walk(asked) if isinstance(text, str))
    return {name for text in texts for name in _PLACEHOLDER.findall(text)}
