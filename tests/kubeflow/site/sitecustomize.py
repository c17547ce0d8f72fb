"""Loaded by each process of a run through the stand-in: the launcher's mounts (/gcs, /s3, /minio) lie in a folder."""

import os

from components.shared import kubeflow_task

if place := os.environ.get("LAUNCHER_STAND_IN"):
    kubeflow_task.MOUNTS = {scheme: f"{place}{mount}" for scheme, mount in kubeflow_task.MOUNTS.items()}
