"""Folders of models that are being made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from components.shared.counters import count_work
from components.shared.records import Reject, Row, count_reasons
from components.shared.stores import storage, transfers
from components.shared.workspace._claims import Claim
from components.shared.workspace._leases import Leases
from components.shared.workspace.ledgers import write_rejects
from components.shared.workspace.manifests import read_manifest_or_none

CHECKPOINTS = "checkpoints"


class ModelFolder:
    """The folder of a model: safetensors, tokenizer and chat template in a subfolder named by content."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.uri = claim.uri
        self.checkpoints_uri = storage.join(claim.uri, CHECKPOINTS)
        self.leases = Leases(claim.uri)

    @property
    def finished(self) -> bool:
        """Whether the manifest stands: nothing is left to do."""
        return self.claim.manifest is not None

    def look_finished(self) -> bool:
        """Look whether another process has finished the folder by now."""
        return read_manifest_or_none(self.uri) is not None

    def take(self) -> bool:
        """Take the lease on the folder, so that no other process makes it too; False if one finishes it before.

        Raises UnavailableError if another live process has the lease, and this one has an accelerator.
        """
        return self.leases.wait_for_folder(self.look_finished)

    def finish(
        self,
        local_folder: Path,
        *,
        metrics: Mapping[str, float],
        arithmetic: str = "",
        rows_in: int = 0,
        rejects: Sequence[Reject] = (),
        record: type[Row] | None = None,
    ) -> str:
        """Upload the model, then write the manifest; return the folder's address.

        Files of the same model that a killed attempt has uploaded are not uploaded again.
        ``rows_in`` counts the examples that were read; those not trained on are ``rejects``, of the kind ``record``.
        ``arithmetic`` is what it was trained in.
        """
        paths = sorted(path for path in local_folder.rglob("*") if path.is_file())
        digests = {path.relative_to(local_folder).as_posix(): storage.digest_file(path) for path in paths}
        subfolder = "model-" + hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()[:8]
        transfers.upload_folder(local_folder, storage.join(self.uri, subfolder), replace=False)
        rejects_name, rejects_digest = write_rejects(self.uri, 0, rejects, record) if record else ("", "")
        assert bool(rejects) == bool(rejects_name), "rejects need their kind of record"
        rejected = count_reasons(rejects)
        self.claim.write_manifest(
            rows_in=rows_in,
            rows_out=rows_in - len(rejects),
            rejected=rejected,
            parts=[],
            files={f"{subfolder}/{name}": digest for name, digest in digests.items()},
            metrics=metrics,
            arithmetic=arithmetic,
            rejects=rejects_name,
            rejects_digest=rejects_digest,
        )
        count_work(rows_in=rows_in, rows_out=rows_in - len(rejects), rejected=rejected, figures=metrics)
        self.leases.clear()
        return self.uri

    def delete_checkpoints(self) -> None:
        """Remove what only an unfinished training needs."""
        delete_checkpoints(self.uri)


def delete_checkpoints(uri: str) -> None:
    """Remove the checkpoints of a finished model folder, if any stand there."""
    checkpoints = storage.join(uri, CHECKPOINTS)
    if storage.exists(checkpoints):  # a process that only finds a finished model need not be allowed to delete
        storage.delete_folder_if_allowed(checkpoints)
