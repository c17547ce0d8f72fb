"""Runs that are going on with the same values: they make the same folders."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import kfp

from components.shared.plain_text import inert
from pipelines.arguments import Run
from pipelines.cluster.kubeflow_api import parameters_of
from pipelines.secret_names import ACCEPTED

LOOKED_AT = 20  # the newest runs; each comes with its whole pipeline
_GOING_ON = {"PENDING", "RUNNING", "PAUSED"}
# How the work is done does not change a folder.
_OF_NO_ROW = {"profile", "gpu_work", "pods", "gates", "max_gpu_hours", "max_cost", "price_per_gpu_hour", *ACCEPTED}


def same_runs(client: kfp.Client, namespace: str | None, run: Run) -> Iterator[str]:
    """Yield a name for each of the newest runs that is going on with the same pipeline and values, the newest first."""
    found = client.list_runs(page_size=LOOKED_AT, sort_by="created_at desc", namespace=namespace).runs or []
    for other in found:
        given = parameters_of(other)
        state = other.state or "PENDING"
        if state in _GOING_ON and given and _values(given, given) == _values(run.arguments, given):
            yield f"{inert(other.run_id)} ({inert(other.display_name or '')}, {state.lower()})"


def short_fingerprint(run: Run) -> str:
    """Return what tells runs apart by what they make: runs of the same folders have the same."""
    values = [run.pipeline.name, _values(run.arguments, run.arguments)]
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:6]


def _values(arguments: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if name in names and name not in _OF_NO_ROW}
