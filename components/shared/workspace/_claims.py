"""A folder in the making: the plan that was written first, and the manifest that is written last."""

from __future__ import annotations

import dataclasses
import logging
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from components.shared.stores import storage
from components.shared.workspace._lost_races import accept_manifest
from components.shared.workspace.manifests import (
    FORMAT,
    MANIFEST,
    PLAN,
    Manifest,
    PartEntry,
    package_versions,
    read_manifest_or_none,
    read_plan_or_none,
)
from components.shared.workspace.plans import explain_difference, refuse_remade_inputs, standing_plan

DESCRIPTION = ("step", "version", "fingerprint", "kind", "options", "inputs", "prompts")  # of plan and manifest

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Claim:
    """A folder's address, its plan as it stands there, and its manifest once it is finished."""

    uri: str
    plan: Mapping[str, Any]
    manifest: Manifest | None

    @property
    def fingerprint(self) -> str:
        """The last name of the address."""
        return cast(str, self.plan["fingerprint"])

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
        """Write the manifest, if the ledger adds up; a second writer loses the race and is content."""
        assert rows_in == rows_out + sum(rejected.values()), (self.uri, rows_in, rows_out, rejected)
        manifest = Manifest(
            format=FORMAT,
            **{name: self.plan[name] for name in DESCRIPTION},
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
            storage.create_json(storage.join(self.uri, MANIFEST), dataclasses.asdict(manifest))
            logger.info("finished %s: %d in, %d out, rejected %s", self.uri, rows_in, rows_out, manifest.rejected)
        except FileExistsError:
            accept_manifest(self.uri, manifest)


def claim_folder(workspace: str, plan: dict[str, Any]) -> Claim:
    """Write the plan of a new folder of a workspace, or find the one that stands there and, perhaps, its manifest."""
    step = storage.join(workspace, plan["step"])
    uri = storage.join(step, plan["fingerprint"])
    manifest = read_manifest_or_none(uri)
    if manifest is not None:
        logger.info("reused %s: finished on %s, %d rows", uri, manifest.written_at, manifest.rows_out)
        return Claim(uri, read_plan_or_none(uri) or plan, manifest)
    try:
        storage.create_json(storage.join(uri, PLAN), plan)
        siblings = [name for name in storage.list_names(step) if name != plan["fingerprint"]]
        logger.info("new folder %s%s", uri, explain_difference(workspace, siblings, plan))
    except FileExistsError:
        standing = standing_plan(uri, plan)
        refuse_remade_inputs(uri, standing, plan)
        plan = standing
        logger.info("continued %s", uri)
    return Claim(uri, plan, None)


def _finite(metrics: Mapping[str, float]) -> dict[str, float]:
    """Leave out what JSON cannot say (the loss of a training that diverged), with a warning."""
    for name in sorted(name for name, value in metrics.items() if not math.isfinite(value)):
        logger.warning("the metric %s is %s; the manifest leaves it out", name, metrics[name])
    return {name: round(value, 6) for name, value in sorted(metrics.items()) if math.isfinite(value)}
