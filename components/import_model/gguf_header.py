"""What the head of a GGUF file says of the model's licence; neither weights nor tokenizer are read.

A head is a count of keys with values of a type. Writers put those that are named ``general.…`` first.
Source: the specification of GGUF, version 3.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import IO, Any

MAGIC = b"GGUF"
GENERAL = "general."
STATED = {"general.license": "license", "general.license.name": "license_name", "general.license.link": "license_link"}
_TEXT, _LIST = 8, 9
_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
MOST = 1 << 20  # bytes of a text, or items of a list: more is no head


def license_in_gguf(file: IO[bytes]) -> str:
    """Return what states the licence, a line each, as a card's front matter does; "" where nothing does."""
    try:
        return "".join(f"{STATED[key]}: {json.dumps(value)}\n" for key, value in _general(file) if key in STATED)
    except (struct.error, ValueError, KeyError):  # no GGUF, or cut off: the import says so
        return ""


def _general(file: IO[bytes]) -> Iterator[tuple[str, Any]]:
    if file.read(4) != MAGIC:
        return
    _, _, num_keys = _unpack(file, "IQQ")
    for _ in range(num_keys):
        key = _text(file)
        if not key.startswith(GENERAL):
            return
        (kind,) = _unpack(file, "I")
        yield key, _value(file, kind)


def _value(file: IO[bytes], kind: int) -> Any:
    if kind == _TEXT:
        return _text(file)
    if kind == _LIST:
        of, number = _unpack(file, "IQ")
        return [_value(file, of) for _ in range(_bounded(number))]
    return _unpack(file, _NUMBERS[kind])[0]


def _text(file: IO[bytes]) -> str:
    (length,) = _unpack(file, "Q")
    return file.read(_bounded(length)).decode("utf-8", "replace")


def _bounded(number: int) -> int:
    if number > MOST:
        raise ValueError(f"{number} is no length in a head")
    return number


def _unpack(file: IO[bytes], form: str) -> tuple[Any, ...]:
    return struct.unpack(f"<{form}", file.read(struct.calcsize(f"<{form}")))
