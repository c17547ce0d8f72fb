"""Whether a workspace can be written, as far as that shows without writing."""

from __future__ import annotations

import os

from components.shared.errors import InputError
from components.shared.stores import storage

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
