"""What a real control plane said of Jobs (Kubernetes 1.34.4, Kueue 0.19.2), one file a situation.

Each holds the Job, its pods, the warnings among its events and Kueue's Workloads, as served; ``errors`` holds refusals.
"""

from __future__ import annotations

import functools
import gzip
import json
from pathlib import Path
from typing import Any

RECORDINGS = Path(__file__).with_name("recordings")

Answer = tuple[int, Any]


def recorded(name: str) -> Any:
    """Return a new copy of what was recorded."""
    return json.loads(_text(name))


def refusal(name: str, **replaced: str) -> Answer:
    """Return status and body of a refusal, with words of its message replaced."""
    code, body = recorded("errors")[name]
    for old, new in replaced.items():
        body["message"] = body["message"].replace(old.replace("_", "-"), new)
    return code, body


@functools.cache
def _text(name: str) -> bytes:
    return gzip.decompress((RECORDINGS / f"{name}.json.gz").read_bytes())
