"""Checks that Kubeflow's launcher, which runs with a run's account, may write artifacts to their store.

It reads the ConfigMap kfp-launcher of the run's namespace. Without one, artifacts go to Kubeflow's own store, whose
keys it reads from a Secret; the chart's account may, where the chart was told so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from components.shared.errors import InputError
from components.shared.kubernetes_api import TIMEOUT
from pipelines.cluster.account_rights import Right, check_rights
from pipelines.cluster.findings import Finding
from pipelines.cluster.kubernetes_access import SUBMITTER, not_told

CONFIG_MAP = "kfp-launcher"
DEFAULT_ROOT = "minio://mlpipeline/v2/artifacts"
DEFAULT_SECRET = "mlpipeline-minio-artifact"  # noqa: S105 - its name


def check_launcher(namespace: str, account: str) -> Iterator[Finding]:
    """Yield where artifacts go and with whose keys, and whether the account may read these."""
    data: Mapping[str, str] = {}
    try:
        found = client.CoreV1Api().read_namespaced_config_map(CONFIG_MAP, namespace, _request_timeout=TIMEOUT)
        data = found.data or {}
    except ApiException as error:
        if error.status != 404:
            yield not_told(f"the ConfigMap {CONFIG_MAP}, so Kubeflow's defaults are assumed,", error, SUBMITTER)
    root = data.get("defaultPipelineRoot") or DEFAULT_ROOT
    try:
        secret = secret_of(root, data.get("providers", ""))
    except InputError as error:
        yield Finding(False, f"the ConfigMap {CONFIG_MAP} in {namespace}: {error}", _example(root))
        return
    if not secret:
        yield Finding(True, f"Kubeflow's artifacts go to {root}, with the credentials of a run's pods")
        return
    yield Finding(True, f"Kubeflow's artifacts go to {root}, with the keys in the Secret {secret}")
    yield from _missing(secret, namespace)
    right = Right("get", "", "secrets", secret)
    remedy = f"helm upgrade scalequest helm/ --namespace {namespace} --reset-then-reuse-values --set "
    remedy += f"secrets.pipelineStore.name={secret}"
    yield check_rights(namespace, account, (right,), f"read the Secret {secret}", remedy)


def secret_of(root: str, providers: str) -> str:
    """Return the name of the Secret with the keys for a root, as Kubeflow's launcher finds it; empty without one.

    InputError for providers that it refuses.
    """
    scheme, _, path = root.partition("://")
    provider = _section(_section(_parsed(providers), "providers"), scheme)
    overrides = provider.get("overrides") or provider.get("Overrides") or []
    default = _section(provider, "default")
    if not default and not overrides:
        return DEFAULT_SECRET if scheme == "minio" and "?" not in root else ""
    bucket, _, prefix = path.partition("/")
    entries = [
        each
        for each in overrides
        if each.get("bucketName") == bucket and prefix.startswith(each.get("keyPrefix") or "")
    ]
    credentials = _section((entries or [default])[0], "credentials")
    if credentials.get("fromEnv"):
        return ""
    name = _section(credentials, "secretRef").get("secretName", "")
    if not name:
        raise InputError(f"its provider {scheme} has neither credentials.fromEnv nor credentials.secretRef.secretName")
    return str(name)


def _parsed(text: str) -> Mapping[str, Any]:
    try:
        return {"providers": yaml.safe_load(text) or {}}
    except yaml.YAMLError as error:
        raise InputError(f"its providers are no YAML ({' '.join(str(error).split())})") from error


def _section(parent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = parent.get(name) or {}
    if not isinstance(section, Mapping):
        raise InputError(f"its {name} is {section!r}; expected a mapping")
    return section


def _example(root: str) -> str:
    example = "kfp-launcher-gcs.yaml" if root.startswith("gs://") else "kfp-launcher-s3.yaml"
    return f"write it like manifests/cluster-admin/{example}"


def _missing(secret: str, namespace: str) -> Iterator[Finding]:
    """Yield a finding where the Secret is known not to exist; that it may not be looked at says nothing."""
    try:
        client.CoreV1Api().read_namespaced_secret(secret, namespace, _request_timeout=TIMEOUT)
    except ApiException as error:
        if error.status == 404:
            remedy = f"create it, or set another root in the ConfigMap {CONFIG_MAP} (manifests/cluster-admin)"
            yield Finding(False, f"the Secret {secret} does not exist in {namespace}", remedy)
