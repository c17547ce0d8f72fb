"""A document of mappings and lists, looked through as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def walk(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Yield a value and everything below it, each with its place: ``spec.containers[0].name``."""
    yield place, value
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from walk(item, f"{place}.{key}".removeprefix("."))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from walk(item, f"{place}[{number}]")
