"""What a task answers Kubeflow Pipelines: its outputs' values and artifacts, in the executor output file.

The launcher reads that with a strict parser (known keys, no NaN), and fails a task that reports a ``uri`` outside the
run's root. So each ``uri`` stays as it was given. Works without kfp: images need not carry it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

# Where the launcher looks for the file of an output, which it uploads to the output's uri.
MOUNTS = {"gs": "/gcs", "s3": "/s3", "minio": "/minio"}
Shown = tuple[Mapping[str, Any], bytes]  # an artifact's metadata, and the content of its file
NO_ARTIFACTS: Mapping[str, Shown] = MappingProxyType({})


def write_answer(
    outputs: Mapping[str, Any], values: Mapping[str, Any], artifacts: Mapping[str, Shown] = NO_ARTIFACTS
) -> None:
    """Write a file for each output of a task, and the executor output file.

    ``outputs``: as the executor input has them. An artifact that nobody made stays out: the launcher's own
    ``executor-logs`` is not ours to report.
    """
    for name, output in outputs.get("parameters", {}).items():
        _write(Path(output["outputFile"]), _text_of(values[name]).encode())
    listings = {name: listing for name, listing in outputs.get("artifacts", {}).items() if name in artifacts}
    reported = {
        name: {"artifacts": [_reported(item, *artifacts[name]) for item in listing["artifacts"]]}
        for name, listing in listings.items()
    }
    answer = {"parameterValues": dict(values), "artifacts": reported}
    _write(Path(outputs["outputFile"]), json.dumps(answer, allow_nan=False).encode())


def local_path(uri: str) -> Path | None:
    """Return where the launcher looks for the file of an output, None if it has no place for it.

    On a laptop the uri is a path itself.
    """
    scheme, separator, rest = uri.partition("://")
    if not separator:
        return Path(uri)
    return Path(f"{MOUNTS[scheme]}/{rest}") if scheme in MOUNTS else None


def _reported(item: Mapping[str, Any], metadata: Mapping[str, Any], content: bytes) -> dict[str, Any]:
    if path := local_path(item["uri"]):
        _write(path, content)
    return {"name": item["name"], "type": item.get("type", {}), "uri": item["uri"], "metadata": dict(metadata)}


def _text_of(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
