"""Whether a workspace can be written: as far as that shows without writing, and by what a store does with an object."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from components.shared.errors import InputError, UnavailableError
from components.shared.stores import storage
from pipelines.cluster.bucket_checks import probe_bucket
from pipelines.cluster.findings import Finding

KERNELS = (("proc",), ("sys",))


def check_writable(workspace: str) -> None:
    """Raise InputError where a workspace cannot be written; a store is asked only whether it answers."""
    if storage.is_remote(workspace):
        storage.exists(workspace)
        return
    path = storage.local_path(workspace).absolute()
    standing = next(parent for parent in (path, *path.parents) if parent.exists())
    is_kernels = standing.parts[1:2] in KERNELS  # where root may write, and nothing is kept
    if not standing.is_dir() or is_kernels or not os.access(standing, os.W_OK | os.X_OK):
        raise InputError(f"workspace {workspace}: {standing} cannot be written; give a writable directory")


def check_workspace(workspace: str) -> list[Finding]:
    """Return what was found of a workspace; InputError or UnavailableError where a run could not work in it.

    In a store an object is written, and deleted again.
    """
    with said_of_workspace():
        check_writable(workspace)
        findings = list(probe_bucket(workspace)) if storage.is_remote(workspace) else []
        for finding in findings:
            if finding.passed is False:
                raise InputError(finding.text)
    return findings


@contextlib.contextmanager
def said_of_workspace() -> Iterator[None]:
    """Say errors in terms of the parameter ``workspace``."""
    try:
        yield
    except (InputError, UnavailableError) as error:
        said = str(error)
        raise type(error)(said if said.startswith("workspace") else f"workspace: {said}") from error
