"""The card of a model that a step of ours made: what it was made from, by which steps and options."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from components.shared.publishing.jinja_templates import template
from components.shared.publishing.markdown import describe_options, describe_rejected, inert_text
from components.shared.workspace.lineage import Stage, sources_of, stages_of


def render_model_card(folder: str, title: str) -> str:
    """Return the card of a finished model folder: the same lineage gives the same text."""
    stages = stages_of(folder)
    filters = {"inert": inert_text, "options": describe_options, "rejected": describe_rejected}
    return template(Path(__file__).with_name("model_card.md.jinja"), filters).render(
        title=title, model=stages[-1], stages=stages, base=base_of(stages), sources=sources_of(stages)
    )


def base_of(stages: Sequence[Stage]) -> str:
    """Return the hub's model that the last stage's started from, over any number of trainings; "" for none."""
    by_folder = {stage.folder: stage for stage in stages}
    stage: Stage | None = stages[-1]
    while stage is not None:
        inputs = stage.manifest.inputs
        entries = inputs.get("model", ()) or inputs.get("source", ())
        if not entries:
            return ""
        uri = entries[0].uri
        if hub := re.fullmatch(r"hf://([\w.-]+/[\w.-]+)@[^/]+", uri):
            return hub[1]
        stage = by_folder.get(uri)
    return ""
