r"""Merges our retry policy into the ConfigMap of Argo's controller and keeps its other keys.

    kubectl get configmap workflow-controller-configmap --namespace=kubeflow --output=yaml \
      | python -m pipelines.cluster.argo_retries | kubectl apply --server-side --force-conflicts -f -

What is printed names the keys of ``argo-retries.yaml`` only: on the server, all others stay as they are.
`doctor` compares with the same file.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

OURS = Path(__file__).with_name("argo-retries.yaml")
DEFAULTS = "workflowDefaults"
NO_RETRIES = "0"  # without a limit, Argo would retry every pod forever


def merged(config_map: Mapping[str, Any]) -> dict[str, Any]:
    """Return what to apply: the ConfigMap's name, and each of our keys merged with its current value."""
    there = config_map.get("data") or {}
    ours: dict[str, Any] = yaml.safe_load(OURS.read_text(encoding="utf-8"))
    keys = {key: _put_onto(yaml.safe_load(there.get(key, "")) or {}, value) for key, value in ours.items()}
    keys[DEFAULTS]["spec"]["templateDefaults"]["retryStrategy"].setdefault("limit", NO_RETRIES)
    metadata = {name: config_map["metadata"][name] for name in ("name", "namespace")}
    data = {key: yaml.safe_dump(value, sort_keys=False, width=200) for key, value in keys.items()}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def _put_onto(there: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, Any]:
    nested = {
        name: _put_onto(there[name], value)
        for name, value in ours.items()
        if isinstance(value, Mapping) and isinstance(there.get(name), Mapping)
    }
    return {**there, **ours, **nested}


def main() -> int:
    """Read a ConfigMap, print the merged one; return the exit code."""
    given = yaml.safe_load(sys.stdin.read())
    if not isinstance(given, Mapping) or given.get("kind") != "ConfigMap":
        sys.stderr.write(
            "argo_retries: error: no ConfigMap on standard input; expected that of Argo's controller as kubectl prints "
            "it: kubectl get configmap workflow-controller-configmap --output=yaml\n"
        )
        return 2
    sys.stdout.write(yaml.safe_dump(merged(given), sort_keys=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
