"""Settings of a platform in a pod: keys of the store's Secret, which every pod of ours mounts.

A task of Kubeflow takes variables from a Secret key by key, named when the pipeline is compiled. How a platform wants
to be told is its own affair and may be any variable of OpenTelemetry; so a step takes these from the mounted files.
"""

from __future__ import annotations

import os
import re

FOLDER = "/etc/scalequest-store"  # where the Secret is mounted
_SETTING = re.compile(r"OTEL_[A-Z0-9_]+|SCALEQUEST_LOG_FORMAT")


def take_mounted_settings(folder: str = FOLDER) -> None:
    """Set those variables that the mounted Secret holds; variables that are set already stay as they are."""
    from components.shared.stores import storage  # needs fsspec: compiling takes the folder's name alone

    for name in filter(_SETTING.fullmatch, storage.list_names(folder)):
        os.environ.setdefault(name, storage.read_bytes(storage.join(folder, name)).decode().strip())
