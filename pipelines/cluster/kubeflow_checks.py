"""Whether Kubeflow Pipelines answers, in a version that is supported."""

from __future__ import annotations

import re
from collections.abc import Iterator

import kfp
import urllib3
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException

from components.shared.errors import InputError, UnavailableError
from pipelines.cluster.findings import Finding
from pipelines.cluster.kubeflow_api import OWN_NAMESPACE, connect, explained, get_version_by_old_api
from pipelines.cluster.kubeflow_home import DEPLOYMENT, find_home
from pipelines.cluster.kubernetes_access import configure

OLDEST, NEWEST = (2, 17, 0), (2, 18)
TRIED = "2.17.0"  # whole runs, on a cluster
SUPPORTED = f"supported: 2.17.0 to 2.18.x, tested: {TRIED}"


def check_kubeflow(host: str, namespace: str) -> Iterator[Finding]:
    """Yield whether the API answers, its version, and whether runs of the namespace can be listed."""
    try:
        with explained(host, namespace):
            client, runs_in = connect(host, namespace)
            yield _users(runs_in, namespace)
            yield _version(client, namespace)
            client.list_runs(page_size=1, namespace=runs_in)
            yield Finding(True, f"runs in the namespace {namespace} can be listed")
    except (InputError, UnavailableError) as error:
        yield Finding(False, str(error))


def _users(runs_in: str | None, namespace: str) -> Finding:
    """Say where runs are made: a server with a single user makes all of them in its own namespace."""
    if runs_in:
        return Finding(True, "Kubeflow Pipelines responds, for several users")
    what = "Kubeflow Pipelines responds, for a single user: its runs are in its own namespace"
    return Finding(True if namespace == OWN_NAMESPACE else None, what, f"prepare that one if it is not {namespace}")


def _version(client: kfp.Client, namespace: str) -> Finding:
    """Take the version that the server's older API says, or else the one of the image that it runs."""
    said = get_version_by_old_api(client)
    if verdict := _verdict(said, ""):
        return verdict
    if verdict := _verdict(_image_tag(namespace), f", from the image of {DEPLOYMENT}"):
        return verdict
    see = f"see: kubectl get deployment {DEPLOYMENT} --namespace {OWN_NAMESPACE} --output=jsonpath='{{..image}}'"
    return Finding(None, f"Kubeflow Pipelines does not report its version (it says {said!r}); {SUPPORTED}", see)


def _verdict(tag: str, source: str) -> Finding | None:
    match = re.match(r"v?(\d+)\.(\d+)(?:\.(\d+))?(-rc|-alpha|-beta)?", tag)
    if not match:
        return None
    version = int(match[1]), int(match[2]), int(match[3] or 0)
    what = f"Kubeflow Pipelines has the version {tag}{source}"
    if version < OLDEST or (version == OLDEST and match[4]):
        return Finding(False, f"{what}, which is too old: {SUPPORTED}", f"upgrade it to {TRIED} or newer")
    if version[:2] > NEWEST:
        return Finding(False, f"{what}, which is too new: {SUPPORTED}", "install 2.18, or a newer scalequest")
    return Finding(True, f"{what}: {SUPPORTED}")


def _image_tag(namespace: str) -> str:
    try:
        configure()
        home = find_home(namespace)
    except (ApiException, ConfigException, urllib3.exceptions.HTTPError):
        return ""
    return home.image_tag if home else ""
