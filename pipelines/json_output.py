"""What a command with ``--json`` prints: one JSON document, in ASCII, so that a terminal obeys nothing in it."""

from __future__ import annotations

import dataclasses
import json
import sys
from typing import Any

from components.shared.redaction import redacted


def print_json(content: Any) -> None:
    """Print a document of plain values and dataclasses on standard output, without secrets."""
    text = json.dumps(content, default=_plain, indent=1)
    sys.stdout.write(f"{redacted(text)}\n")


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return str(value)
