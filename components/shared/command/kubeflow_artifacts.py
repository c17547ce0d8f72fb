"""What Kubeflow shows of a step's folder, made as the step's task ends: figures, pages, and where the folder is.

None of it stands in the folder, so one that an earlier version made is shown as a new one is. Metrics are numbers
alone: later versions of Kubeflow take no text among them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from components.shared.config import METRICS
from components.shared.config.artifacts import Artifact
from components.shared.stores import storage
from components.shared.stores.browsing import page_of
from components.shared.workspace.manifests import Manifest, read_manifest_or_none

PAGE_NAME = "report.html"  # the page of a step that writes one into its folder
TIMES = ("seconds", "accelerator_seconds")  # what a folder that is found takes none of

Content = bytes | Mapping[str, float]  # a page; the figures of an output that is Metrics
View = Callable[[str], Content]  # of a finished folder, by its address
C = TypeVar("C")
Views = Mapping[str, Callable[[C, str], Content]]  # what a step makes of its config and finished folder, by output


@dataclass(frozen=True, kw_only=True)
class ShownFolder:
    """The folder of a task that ends, and what is shown of it, by the name of the output."""

    folder: str
    artifacts: Mapping[str, Artifact]  # that the step's config declares
    views: Mapping[str, View] = field(default_factory=dict)  # what of these the step makes
    is_reused: bool = False  # it stood finished when the task looked

    @cached_property
    def manifest(self) -> Manifest | None:
        """The folder's manifest; None while other pods work on it."""
        return read_manifest_or_none(self.folder)

    def output(self, name: str) -> tuple[dict[str, Any], bytes]:
        """Return an output's metadata, and the content of its file."""
        if name == METRICS:
            return _as_both(self._metrics())
        content = self.views[name](self.folder) if self.manifest is not None and name in self.views else None
        if self.artifacts[name].kind == "Metrics":
            return _as_both(_numbers(content) if isinstance(content, Mapping) else {})
        metadata = self._metadata(self.artifacts[name])
        if content is None and self.artifacts[name].kind == "HTML":
            page = storage.join(self.folder, PAGE_NAME)
            content = storage.read_bytes(page) if storage.exists(page) else None
        return metadata, content if isinstance(content, bytes) else _as_json(metadata)

    def _metadata(self, artifact: Artifact) -> dict[str, Any]:
        """Return what Kubeflow's page has of an artifact: ``display_name`` is the name that it shows."""
        link = page_of(self.folder)
        told = {"display_name": artifact.title, "description": artifact.description, "folder": self.folder}
        told |= {"link": link} if link else {}
        if (manifest := self.manifest) is None:
            return told
        return told | {"rows_in": manifest.rows_in, "rows_out": manifest.rows_out, "rejected": manifest.rejected}

    def _metrics(self) -> dict[str, float]:
        """Return a step's figures: rows, those rejected in all and by reason, and what the step counted itself.

        The times of a folder that was found are nothing that its task took.
        """
        if (manifest := self.manifest) is None:
            return {}
        rows = {
            "rows_in": manifest.rows_in,
            "rows_out": manifest.rows_out,
            "rows_rejected": sum(manifest.rejected.values()),
        }
        reasons = {f"rejected_{reason}": number for reason, number in manifest.rejected.items()}
        times = dict.fromkeys(TIMES, 0.0) if self.is_reused else {}
        return _numbers(rows | reasons | manifest.metrics | times | {"reused": int(self.is_reused)})


def _numbers(figures: Mapping[str, Any]) -> dict[str, float]:
    return {name: value for name, value in figures.items() if isinstance(value, int | float) and math.isfinite(value)}


def _as_both(figures: dict[str, float]) -> tuple[dict[str, Any], bytes]:
    return figures, _as_json(figures)


def _as_json(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, indent=2).encode()
