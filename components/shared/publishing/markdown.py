"""Cells of a card's tables. What models wrote, and options that people gave, is untrusted there."""

from __future__ import annotations

import html
import json
from typing import Any

from markupsafe import Markup

from components.shared.workspace.lineage import Stage


def cell(value: Any) -> Markup:
    """Escape a text for a cell of a Markdown table: no markup, no column of its own, one line."""
    text = html.escape(" ".join(str(value).split()), quote=False)
    return Markup(text.replace("\\", "\\\\").replace("|", "\\|").replace("`", "\\`"))  # noqa: S704 -- escaped above


def describe_options(stage: Stage) -> str:
    """Return a stage's options in one line; empty ones say nothing and are left out."""
    options = {name: value for name, value in stage.manifest.options.items() if value != ""}
    return ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in options.items())


def describe_rejected(stage: Stage) -> str:
    """Return a stage's rejects in one line."""
    return ", ".join(f"{reason} {count}" for reason, count in stage.manifest.rejected.items())
