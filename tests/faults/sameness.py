"""What two workspaces have to have in common where the same work was done in both, however often it was disturbed."""

from __future__ import annotations

from typing import Any

from components.shared.stores import storage
from components.shared.upkeep.garbage import survey
from components.shared.upkeep.verification import verify_folder
from components.shared.workspace.manifests import Manifest, read_manifest
from tests.smoke_runs import Finished, folders_of

CLOCKED = ("seconds", "accelerator_seconds", "tokens_per_second")  # metrics that no two runs share


def assert_same(workspace: str, undisturbed: Finished) -> None:
    """Every folder stands in both, finished, with the same rows in the same parts and the same ledger."""
    assert folders_of(workspace) == undisturbed.folders
    expected = {folder: _rows_and_ledger(manifest) for folder, manifest in undisturbed.manifests().items()}
    for folder, rows_and_ledger in expected.items():
        found = _rows_and_ledger(read_manifest(storage.join(workspace, folder)))
        assert found == rows_and_ledger, f"{folder}: {found}, expected {rows_and_ledger}"


def _rows_and_ledger(manifest: Manifest) -> dict[str, Any]:
    return {
        "rows": [manifest.rows_in, manifest.rows_out, manifest.rejected],
        "parts": manifest.parts,  # the digests of rows and rejects
        # A dataset's documents say where it stands and what it took.
        "files": manifest.files if manifest.kind == "model" else sorted(manifest.files),
        "metrics": {name: value for name, value in manifest.metrics.items() if name not in CLOCKED},
    }


def assert_accounted_for(workspace: str) -> None:
    """Every folder is what its manifest says, and no object stands there that nothing explains."""
    for folder in folders_of(workspace):
        verification = verify_folder(storage.join(workspace, folder))
        assert verification.sound, verification.findings
    unexplained = [each.object.name for each in survey(workspace, min_age_hours=0) if each.status == "unknown"]
    assert unexplained == []
