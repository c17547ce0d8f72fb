"""Checks whether the Kueue of a cluster can do what queued Jobs of ours ask of it: a size that changes while they run.

`scalequest scale`, and a queue that gives a run more pods later, change a Job's number of pods. Kueue's feature
ElasticJobsViaWorkloadSlices leaves those that run alone; without it, each change restarts all pods of the Job. It is
there from 0.13 on, off unless somebody enables it, and on from 0.18 on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from components.shared.kubernetes_api import TIMEOUT
from pipelines.cluster.findings import Finding
from pipelines.cluster.kubernetes_access import READER, not_told
from pipelines.cluster.queue_checks import version_of_kueue

HOME, DEPLOYMENT = "kueue-system", "kueue-controller-manager"  # in Kueue's own manifests
ELASTIC = "ElasticJobsViaWorkloadSlices"
THERE_SINCE, ON_SINCE = (0, 13), (0, 18)
_GATE = re.compile(rf"--feature-gates=\S*\b{ELASTIC}=(true|false)")


def check_kueue() -> Iterator[Finding]:
    """Yield whether the installed Kueue lets a Job grow and shrink while it runs; nothing where there is none."""
    what = f"the Deployment {DEPLOYMENT} in {HOME}, so it is not known which Kueue this is,"
    try:
        if not version_of_kueue():
            return
        found = client.AppsV1Api().read_namespaced_deployment(DEPLOYMENT, HOME, _request_timeout=TIMEOUT)
    except ApiException as error:
        yield not_told(what, error, READER)
        return
    container = found.spec.template.spec.containers[0]
    yield _elastic(_version(container.image), [*(container.command or ()), *(container.args or ())])


def _version(image: str) -> tuple[int, int] | None:
    tag = re.search(r":v(\d+)\.(\d+)\.", image.rsplit("/", 1)[-1])
    return (int(tag[1]), int(tag[2])) if tag else None


def _elastic(version: tuple[int, int] | None, words: Sequence[str]) -> Finding:
    if version is None:
        remedy = f"it has to be 0.18 or newer, or 0.13 or newer with the feature gate {ELASTIC}; we tried 0.19.2"
        return Finding(None, "which version of Kueue is installed does not show in its image's tag", remedy)
    named = f"Kueue {version[0]}.{version[1]}"
    gate = _GATE.search(" ".join(words))
    if gate[1] == "true" and version >= THERE_SINCE if gate else version >= ON_SINCE:
        return Finding(True, f"{named} lets a Job grow and shrink while it runs ({ELASTIC})")
    enable = f"--feature-gates={ELASTIC}=true of its controller"
    remedy = "upgrade to 0.18" + (f", or set {enable}" if version >= THERE_SINCE else "")
    return Finding(None, f"{named} restarts all pods of a queued Job whose number of pods changes", remedy)
