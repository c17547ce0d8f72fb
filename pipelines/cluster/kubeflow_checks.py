"""Whether Kubeflow Pipelines answers and is new enough."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from components.shared.errors import InputError, UnavailableError
from pipelines.cluster.examination import Finding
from pipelines.cluster.kubeflow import OWN_NAMESPACE, connect, explained

OLDEST = (2, 17)


def check_kubeflow(host: str, namespace: str) -> Iterator[Finding]:
    """Yield whether the API answers, its version, and whether runs of the namespace can be listed."""
    try:
        with explained(host, namespace):
            client, runs_in = connect(host, namespace)
            yield _users(runs_in, namespace)
            yield _version(client)
            client.list_runs(page_size=1, namespace=runs_in)
            yield Finding(True, f"runs in the namespace {namespace} can be listed")
    except (InputError, UnavailableError) as error:
        yield Finding(False, str(error))


def _users(runs_in: str | None, namespace: str) -> Finding:
    """Say where runs are made: a server with a single user makes all of them in its own namespace."""
    if runs_in:
        return Finding(True, "Kubeflow Pipelines answers, for several users")
    what = "Kubeflow Pipelines answers, for a single user: its runs are made in the namespace that it stands in"
    return Finding(True if namespace == OWN_NAMESPACE else None, what, f"prepare that one, if not {namespace}")


def _version(client: Any) -> Finding:
    """Read the version where the server says it: its older API does, the present one does not."""
    api = client._healthz_api.api_client
    answer, *_ = api.call_api("/apis/v1beta1/healthz", "GET", response_type="object", _return_http_data_only=False)
    tag = str((answer or {}).get("tag_name", ""))
    match = re.match(r"v?(\d+)\.(\d+)", tag)
    if not match:
        what = "Kubeflow Pipelines does not say its version"
        return Finding(None, what, f"it has to be {OLDEST[0]}.{OLDEST[1]} or newer: see the image of ml-pipeline")
    new_enough = (int(match[1]), int(match[2])) >= OLDEST
    return Finding(
        new_enough, f"Kubeflow Pipelines has the version {tag}", f"upgrade to {OLDEST[0]}.{OLDEST[1]} or newer"
    )
