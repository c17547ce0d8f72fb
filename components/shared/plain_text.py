"""Makes texts of pods, of Kubernetes, of Argo and of users safe to print: they may contain anything."""

from __future__ import annotations


def inert(text: object) -> str:
    """Return a text in one line, without what a terminal would obey: control characters, marks of direction."""
    return " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())


def shortened(text: str, length: int) -> str:
    """Return a text, cut where it is too long for a line of a table."""
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"
