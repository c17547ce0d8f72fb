"""A folder in the making: the plan that was written first, and the manifest that is written last."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from components.shared.workspace._descriptions import DESCRIPTION, FORMAT, package_versions
from components.shared.workspace._lost_races import accept_manifest
from components.shared.workspace.manifests import Manifest, PartEntry, write_manifest
from components.shared.workspace.plans import Plan

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Claim:
    """A folder's address, its plan as it stands there, and its manifest once it is finished."""

    uri: str
    plan: Plan
    manifest: Manifest | None

    def write_manifest(
        self,
        *,
        rows_in: int,
        rows_out: int,
        rejected: Mapping[str, int],
        parts: Sequence[PartEntry],
        files: Mapping[str, str],
        metrics: Mapping[str, float],
        arithmetic: str = "",
        rejects: str = "",
        rejects_digest: str = "",
    ) -> None:
        """Write the manifest, if the ledger adds up; if another process has written the same one, that one counts."""
        assert rows_in == rows_out + sum(rejected.values()), (self.uri, rows_in, rows_out, rejected)
        manifest = Manifest(
            format=FORMAT,
            **{name: getattr(self.plan, name) for name in DESCRIPTION},
            rows_in=rows_in,
            rows_out=rows_out,
            rejected=dict(sorted(rejected.items())),
            parts=list(parts),
            files=dict(sorted(files.items())),
            rejects=rejects,
            rejects_digest=rejects_digest,
            metrics=_finite(metrics),
            arithmetic=arithmetic,
            image=os.environ.get("SCALEQUEST_IMAGE", ""),
            versions=package_versions(),
            written_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        try:
            write_manifest(self.uri, manifest)
            logger.info("finished %s: %d in, %d out, rejected %s", self.uri, rows_in, rows_out, manifest.rejected)
        except FileExistsError:
            accept_manifest(self.uri, manifest)


def _finite(metrics: Mapping[str, float]) -> dict[str, float]:
    """Leave out what JSON cannot say (the loss of a training that diverged), with a warning."""
    for name in sorted(name for name, value in metrics.items() if not math.isfinite(value)):
        logger.warning("the metric %s is %s; the manifest leaves it out", name, metrics[name])
    return {name: round(value, 6) for name, value in sorted(metrics.items()) if math.isfinite(value)}
