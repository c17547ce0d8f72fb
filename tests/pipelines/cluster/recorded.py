"""What the APIs of a real cluster answered: Kubernetes 1.34, Kubeflow Pipelines 2.17, Kueue 0.19."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RECORDINGS = Path(__file__).with_name("recordings")


def body_of(name: str) -> Any:
    """Return an answer: the body of one with its request, or the object itself."""
    document = json.loads((RECORDINGS / f"{name}.json").read_text(encoding="utf-8"))
    return document["body"] if {"request", "body"} <= set(document) else document


def status_of(name: str) -> int:
    """Return the HTTP status of an answer with its request."""
    return int(json.loads((RECORDINGS / f"{name}.json").read_text(encoding="utf-8"))["status"])
