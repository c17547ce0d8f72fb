"""Corrects how kfp 2.17 merges a pipeline into another one.

Where a step stands in both, kfp renames the inner one's executor while it merges the others: what Kubernetes is asked
for (node choice, secrets) ends up with another task, which may not have such an input, and a different one each time it
compiles. Here all labels are chosen first and merged after. The tests hold the original behaviour as a strict expected
failure, so that this goes when kfp is fixed.

It also numbers components of one name by chance, so that two compilations differ in hundreds of lines. Here they are
numbered in the order of their names.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

from google.protobuf import json_format
from kfp.compiler import pipeline_spec_builder
from kfp.pipeline_spec import pipeline_spec_pb2


@contextlib.contextmanager
def corrected_merging() -> Iterator[None]:
    """Let pipelines that are made in this block keep each executor's settings for Kubernetes."""
    originals = pipeline_spec_builder._merge_deployment_spec, pipeline_spec_builder._merge_component_spec
    pipeline_spec_builder._merge_deployment_spec = _merge_executors
    pipeline_spec_builder._merge_component_spec = _merge_components
    try:
        yield
    finally:
        pipeline_spec_builder._merge_deployment_spec, pipeline_spec_builder._merge_component_spec = originals


def _merge_executors(
    main_deployment_config: Any, sub_pipeline_spec: Any, main_platform_spec: Any, sub_platform_spec: Any
) -> None:
    inner = pipeline_spec_pb2.PipelineDeploymentConfig()
    json_format.ParseDict(json_format.MessageToDict(sub_pipeline_spec.deployment_spec), inner)
    labels = _free_names(inner.executors, main_deployment_config.executors)
    for component in sub_pipeline_spec.components.values():
        if component.executor_label:
            component.executor_label = labels[component.executor_label]
    for label, executor in inner.executors.items():
        main_deployment_config.executors[labels[label]].CopyFrom(executor)
    for platform, settings in sub_platform_spec.platforms.items():
        merged = main_platform_spec.platforms[platform].deployment_spec.executors
        for label, executor in settings.deployment_spec.executors.items():
            merged[labels[label]].CopyFrom(executor)


def _merge_components(main_pipeline_spec: Any, sub_pipeline_spec: Any) -> None:
    names = _free_names(sub_pipeline_spec.components, main_pipeline_spec.components)
    for graph in (sub_pipeline_spec.root, *sub_pipeline_spec.components.values()):
        for task in graph.dag.tasks.values():
            task.component_ref.name = names[task.component_ref.name]
    for name, component in sub_pipeline_spec.components.items():
        main_pipeline_spec.components[names[name]].CopyFrom(component)


def _free_names(names: Iterable[str], taken: Iterable[str]) -> dict[str, str]:
    """Return for each name one that is not taken: itself, or with a number."""
    free: dict[str, str] = {}
    for name in sorted(names):
        free[name] = _free(name, {*taken, *free.values()})
    return free


def _free(label: str, taken: set[str]) -> str:
    number = 2
    name = label
    while name in taken:
        name, number = f"{label}-{number}", number + 1
    return name
