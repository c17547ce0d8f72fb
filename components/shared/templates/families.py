"""The names of chat templates and the files of the families: all that options and addresses need."""

from __future__ import annotations

from pathlib import Path

OWN = "own"  # the model's own chat template
FAMILIES = tuple(sorted(path.stem for path in Path(__file__).parent.glob("*.yaml")))
CHAT_TEMPLATES = (OWN, *FAMILIES)


def template_file(name: str) -> Path:
    """Return the file of the family ``name``."""
    return Path(__file__).with_name(f"{name}.yaml")
