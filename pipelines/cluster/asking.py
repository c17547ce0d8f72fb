"""How the checks of `scalequest doctor` ask the Kubernetes API, and what they say where it does not tell."""

from __future__ import annotations

import os

from kubernetes import config
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException

from pipelines.cluster.examination import Finding
from pipelines.cluster.plain_text import inert

READER = "manifests/cluster-admin/doctor.yaml allows it"  # what belongs to the whole cluster, or to Kubeflow itself
SUBMITTER = "the role scalequest-submit of the Helm chart allows it: name yourself in submitters"


def configure() -> None:
    """Find the cluster: the one that kubectl would ask, otherwise the one that this pod runs in."""
    try:
        config.load_kube_config(config_file=os.environ.get("KUBECONFIG"))
    except ConfigException:
        config.load_incluster_config()


def name_of_cluster() -> str:
    """Return what ``configure`` finds, as people know it."""
    try:
        _, current = config.list_kube_config_contexts(config_file=os.environ.get("KUBECONFIG"))
    except ConfigException:
        return "the cluster of this pod"
    return f"kubectl's context {inert(current['name'])}"


def not_told(what: str, error: ApiException, forbidden: str) -> Finding:
    """Say that a thing could not be looked at, and what may help: ``forbidden``, where it is a matter of rights."""
    if error.status in (401, 403):
        return Finding(None, f"{what} may not be looked at (the Kubernetes API answers {error.status})", forbidden)
    return Finding(None, f"{what}: the Kubernetes API answers {error.status} {error.reason}", "try again")
