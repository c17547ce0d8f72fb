"""A pipeline inside another one: a box of the figure, with the outer pipeline's parameters handed through."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kfp.dsl import PipelineTask
from kfp.dsl.base_component import BaseComponent


def box(pipeline: BaseComponent, parameters: Mapping[str, Any], **inputs: Any) -> PipelineTask:
    """Call ``pipeline`` with ``inputs``, and with each of the outer pipeline's ``parameters`` that it has as well.

    A parameter means the same in every box: what is called ``solver_top_p`` outside is ``solver_top_p`` inside. Steps
    are called with each option written out instead; their names are their own.
    """
    names = pipeline.component_spec.inputs or {}
    return pipeline(**{name: parameters[name] for name in names if name in parameters} | inputs)
