"""How the checks of `scalequest doctor` use the Kubernetes API, and what they report if it gives no answer."""

from __future__ import annotations

import os

import yaml
from kubernetes import config
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException

from components.shared.plain_text import inert
from pipelines.cluster.findings import Finding

READER = "manifests/cluster-admin/doctor.yaml allows it"  # what belongs to the whole cluster, or to Kubeflow itself
SUBMITTER = "the role scalequest-submit of the Helm chart allows it: add yourself to submitters"


def configure() -> None:
    """Find the cluster: the one that kubectl would use, otherwise the one that this pod runs in.

    ConfigException where there is none, or a file that is no configuration.
    """
    file = os.environ.get("KUBECONFIG")
    try:
        config.load_kube_config(config_file=file)
    except ConfigException:
        config.load_incluster_config()
    except (yaml.YAMLError, OSError, ValueError, TypeError, AttributeError, KeyError) as error:  # of its own reader
        raise ConfigException(f"{file or '~/.kube/config'} cannot be read as kubectl's configuration") from error


def name_of_cluster() -> str:
    """Return what ``configure`` finds, as people know it."""
    try:
        _, current = config.list_kube_config_contexts(config_file=os.environ.get("KUBECONFIG"))
    except ConfigException:
        return "the cluster of this pod"
    return f"kubectl's context {inert(current['name'])}"


def not_told(what: str, error: ApiException, forbidden: str) -> Finding:
    """Report that an object could not be read, and what may help: ``forbidden`` if permission is missing."""
    if error.status in (401, 403):
        return Finding(None, f"{what} could not be read (the Kubernetes API responds {error.status})", forbidden)
    return Finding(None, f"{what}: the Kubernetes API responds {error.status} {error.reason}", "try again")
