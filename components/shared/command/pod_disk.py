"""Whether a workspace would be gone with its pod: a directory of the container itself, or of a volume for scratch."""

from __future__ import annotations

import os
from pathlib import Path

from components.shared.errors import InputError
from components.shared.processes import KUBERNETES, RUNNER
from components.shared.stores import storage

_FIRST_PROCESS = 1
# What ends with the pod, as the Jobs and Kubeflow mount it.
_SCRATCH = {"/", "/tmp", "/dev/shm", "/gcs", "/s3", "/minio"}  # noqa: S108


def refuse_pod_disk(workspace: str, *, of_kubeflow: bool) -> None:
    """Raise InputError if this is the step of a pod and its workspace a directory that no volume keeps.

    A step that somebody starts by hand in a pod, such as in a notebook, may write where it likes.
    """
    is_the_pods = KUBERNETES in os.environ and (of_kubeflow or os.getpid() == _FIRST_PROCESS)
    if not is_the_pods or RUNNER in os.environ or storage.is_remote(workspace):
        return
    path = storage.local_path(workspace).absolute()
    if str(mount_of(path)) in _SCRATCH:
        raise InputError(
            f"--workspace {workspace} is a directory of this pod, and is gone when the pod ends; give gs://… or "
            "s3://…, or a directory on a volume that the pod mounts"
        )


def mount_of(path: Path) -> Path:
    """Return where the file system is mounted that a path is on, whether it exists or not."""
    return next(parent for parent in (path, *path.parents) if parent.is_mount())
