"""Loaded by each process of a run through the stand-in: the launcher's mounts (/gcs, /s3, /minio) lie in a folder.

Where the network is watched, it is from here on.
"""

import os

from tests import watched_network

watched_network.watch()

from components.shared.command import kubeflow_answer  # noqa: E402 -- what it loads is watched, too

if place := os.environ.get("LAUNCHER_STAND_IN"):
    kubeflow_answer.MOUNTS = {scheme: f"{place}{mount}" for scheme, mount in kubeflow_answer.MOUNTS.items()}
