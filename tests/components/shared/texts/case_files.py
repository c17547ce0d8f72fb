"""The cases beside this file: one JSON object a line, with the right value."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent / "cases"


def cases_of(name: str) -> list[Any]:
    """Return the rows of a file as parameters of a test: what goes in, and the right value."""
    rows = [json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
    return [pytest.param(row["input"], row["expected"], id=row["id"]) for row in rows]
