"""What a command with ``--json`` prints: one JSON document, in ASCII, so that a terminal obeys nothing in it.

Nothing else stands on standard output then: what a command says while it works goes to standard error.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping
from typing import Any, TextIO

from components.shared.redaction import redacted


def print_json(content: Any) -> None:
    """Print a document of plain values and dataclasses on standard output, without secrets."""
    sys.stdout.write(f"{json.dumps(without_secrets(content), indent=1)}\n")


def stream_for_people(*, as_json: bool) -> TextIO:
    """Return where a command says what it does: beside a document, standard error."""
    return sys.stderr if as_json else sys.stdout


def without_secrets(value: Any) -> Any:
    """Return plain data whose texts have no secrets: these are masked before JSON escapes them, or a text is cut.

    Numbers stay, so that a key of digits breaks no document; dataclasses become objects, and other values texts.
    """
    if value is None or isinstance(value, int | float):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {redacted(key) if isinstance(key, str) else key: without_secrets(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_secrets(item) for item in value]
    return redacted(str(value))
