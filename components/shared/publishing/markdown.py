"""Texts in Markdown. What models wrote, and options that people gave, is untrusted there."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from components.shared.plain_text import inert
from components.shared.redaction import redacted
from components.shared.workspace.lineage import Stage

_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")  # of ASCII: what a backslash may stand before
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def inert_text(value: Any) -> Markup:
    """Escape a text for one line of any Markdown, a table's cell included: it is shown as it is, and does nothing.

    Each mark of punctuation is escaped, so nothing becomes markup, or a link. There is no ``<`` or ``&`` of its own
    either, so that the text is as inert where the Markdown is taken for HTML. Secrets are masked first.
    """
    escaped = _PUNCTUATION.sub(lambda found: _ENTITIES.get(found[0], f"\\{found[0]}"), inert(redacted(str(value))))
    return Markup(escaped)  # noqa: S704 -- escaped above


def inert_quote(value: Any, max_chars: int) -> Markup:
    """Escape a text of several lines as a quotation, cut where it is longer than ``max_chars`` characters."""
    text = redacted(str(value))  # before it is cut: half a secret would not be recognised
    cut = text if len(text) <= max_chars else f"{text[:max_chars].rstrip()} … ({len(text):,} characters)"
    lines = [line for line in map(inert_text, cut.splitlines()) if line] or [Markup("(empty)")]
    return Markup("\n>\n".join(f"> {line}" for line in lines))  # noqa: S704 -- escaped above


def describe_options(stage: Stage) -> str:
    """Return a stage's options in one line; empty ones say nothing and are left out."""
    options = {name: value for name, value in stage.manifest.options.items() if value != ""}
    return ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in options.items())


def describe_rejected(stage: Stage) -> str:
    """Return a stage's rejects in one line."""
    return describe_counts(stage.manifest.rejected)


def describe_counts(counts: Mapping[str, int]) -> str:
    """Return numbers of rows by reason in one line."""
    return ", ".join(f"{reason} {count}" for reason, count in counts.items())
