"""The Workflow of a run, as Kubeflow's API (v1beta1) gives it: Argo's nodes, of which each pod, loop and retry is one.

Kubeflow's own record of the tasks (``task_details`` of v2beta1) stands still from the moment on that Argo compresses
its nodes, so the nodes are read themselves: ``status.nodes``, or ``status.compressedNodes`` (base64 of gzip of JSON).
"""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

# Argo's types of nodes that hold others; every other one is an attempt of something: a pod, in most installations.
_HOLDERS = {"Retry", "DAG", "TaskGroup", "Steps", "StepGroup", "Skipped"}
_ATTEMPT = re.compile(r"\(\d+\)(?=\.|$)")
_ROUND = re.compile(r"iteration-iterations\((\d+):.*\)")
ENDED = {"Succeeded", "Failed", "Error", "Skipped", "Omitted"}


def place_of(name: str) -> tuple[str, ...]:
    """Return where a node's full name says that it is, as ``Node.place`` does."""
    names = _ATTEMPT.sub("", name).split(".")[2:]  # the Workflow's, the pipeline's
    rounds = (_ROUND.sub(r"\1", each) for each in names)
    return tuple(each for each in rounds if each != "iteration-item")


@dataclass(frozen=True)
class Node:
    """One node of Argo."""

    raw: Mapping[str, Any]

    @property
    def id(self) -> str:
        """Its name in the Workflow; its pod has it as an annotation."""
        return str(self.raw.get("id", ""))

    @property
    def phase(self) -> str:
        """Pending, Running, or one of ENDED."""
        return str(self.raw.get("phase", ""))

    @property
    def template(self) -> str:
        """What it was made from."""
        return str(self.raw.get("templateName", ""))

    @property
    def message(self) -> str:
        """Why it waits, failed or was left out, in Argo's words; most often none."""
        return str(self.raw.get("message") or "")

    @property
    def is_retry(self) -> bool:
        """Whether its children are attempts at one thing."""
        return self.raw.get("type") == "Retry"

    @property
    def is_attempt(self) -> bool:
        """Whether it does something itself."""
        return self.raw.get("type") not in _HOLDERS

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.phase in ENDED

    @property
    def started(self) -> datetime | None:
        """When it began."""
        return _time(self.raw.get("startedAt"))

    @property
    def finished(self) -> datetime | None:
        """When it ended, None before."""
        return _time(self.raw.get("finishedAt"))

    @cached_property
    def place(self) -> tuple[str, ...]:
        """The tasks around it and its own, from the outermost, without attempts; in a loop the number of the round."""
        return place_of(str(self.raw.get("name", "")))

    def given(self, name: str) -> str:
        """Return one of its inputs, "" where it has none of that name."""
        return _value(self.raw.get("inputs"), name)

    def gave(self, name: str) -> str:
        """Return one of its outputs, "" where it has none of that name."""
        return _value(self.raw.get("outputs"), name)


@dataclass(frozen=True)
class Workflow:
    """A run's Workflow; with no nodes where Kubeflow has not made it yet."""

    name: str = ""
    namespace: str = ""
    message: str = ""
    nodes: tuple[Node, ...] = ()


def read_workflow(run: Mapping[str, Any]) -> Workflow:
    """Read the Workflow of a run as v1beta1 gives it."""
    manifest = (run.get("pipeline_runtime") or {}).get("workflow_manifest")
    document = json.loads(manifest) if manifest else {}
    metadata, status = document.get("metadata") or {}, document.get("status") or {}
    nodes = status.get("nodes") or {}
    if status.get("compressedNodes"):
        nodes = json.loads(gzip.decompress(base64.b64decode(status["compressedNodes"])))
    return Workflow(
        name=str(metadata.get("name", "")),
        namespace=str(metadata.get("namespace", "")),
        message=str(status.get("message") or ""),
        nodes=tuple(sorted(map(Node, nodes.values()), key=lambda node: (node.raw.get("startedAt") or "", node.id))),
    )


def _value(side: Any, name: str) -> str:
    parameters = (side or {}).get("parameters") or []
    return str(next((each.get("value", "") for each in parameters if each.get("name") == name), ""))


def _time(text: Any) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
