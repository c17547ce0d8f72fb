"""Stages for tests of what a page says of them."""

from __future__ import annotations

from typing import Any

from components.shared.workspace._descriptions import Input
from components.shared.workspace.lineage import Stage
from components.shared.workspace.manifests import Manifest


def stage(step: str, rows_in: int = 10, rows_out: int = 10, **values: Any) -> Stage:
    """Return a stage at ``w/{step}/1``; ``reads``: names of stages; inputs as (option, address, kind)."""
    reads = values.pop("reads", ())
    inputs: dict[str, tuple[Input, ...]] = {}
    for option, uri, kind in values.pop("inputs", ()):
        inputs[option] = (*inputs.get(option, ()), Input(uri=uri, fingerprint="1", kind=kind))
    content: dict[str, Any] = {
        "format": 1,
        "step": step,
        "version": 1,
        "fingerprint": "1",
        "kind": "question",
        "options": {},
        "inputs": inputs,
        "prompts": {},
        "rows_in": rows_in,
        "rows_out": rows_out,
        "rejected": {"long": rows_in - rows_out} if rows_in > rows_out else {},
        "parts": [],
        "files": {},
        "metrics": {},
        "image": "",
        "versions": {},
        "written_at": "2026-11-30T12:00:00+00:00",
    }
    manifest = Manifest(**content | values)
    return Stage(folder=f"w/{step}/1", manifest=manifest, reads=tuple(f"w/{name}/1" for name in reads))
