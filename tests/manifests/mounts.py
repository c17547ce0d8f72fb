"""The volumes of a pod as its container sees them."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def mount_of(job: dict[str, Any], path: str) -> dict[str, Any]:
    """Return the volume that the only container of a Job's pods has at a path."""
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    (name,) = [each["name"] for each in container["volumeMounts"] if each["mountPath"] == path]
    (volume,) = [each for each in pod["volumes"] if each["name"] == name]
    return dict(volume)


def write_mounted(folder: Path, data: dict[str, str]) -> str:
    """Write a ConfigMap's data as the kubelet mounts it: links to a folder of that version; return the folder."""
    version = folder / "..2026_11_30"
    version.mkdir(parents=True)
    (folder / "..data").symlink_to(version.name)
    for name, text in data.items():
        (version / name).write_text(text, encoding="utf-8")
        (folder / name).symlink_to(f"..data/{name}")
    return str(folder)
