"""Checks that a run's pods get credentials for the workspace's store: from a Secret, or by the cloud identity."""

from __future__ import annotations

import os
from collections.abc import Mapping

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from components.shared.kubernetes_api import TIMEOUT
from components.shared.stores import storage
from pipelines import store_secret
from pipelines.cluster.findings import Finding, PlannedRun
from pipelines.cluster.kubernetes_access import not_told

CREDENTIALS = {  # by scheme, all of which it takes
    "s3": ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
    "gs": ("GOOGLE_APPLICATION_CREDENTIALS",),
}
IDENTITIES = {"gs": "iam.gke.io/gcp-service-account", "s3": "eks.amazonaws.com/role-arn"}  # annotations of the account
GIVE_IDENTITY = {"gs": "serviceAccount.gcpServiceAccount=…", "s3": "serviceAccount.awsRoleArn=…"}  # values of the chart
ENDPOINT = "AWS_ENDPOINT_URL"
DEEP = "add --deep: a pod tests it"


def check_store_access(run: PlannedRun) -> Finding:
    """Look at the Secret whose keys every step has in its environment, and at the account's cloud identity."""
    what = f"the Secret {run.store_secret}"
    try:
        api, namespace = client.CoreV1Api(), run.cluster.namespace
        found = api.read_namespaced_secret(run.store_secret, namespace, _request_timeout=TIMEOUT)
    except ApiException as error:
        if error.status != 404:
            return not_told(f"{what}, from which steps get the store's keys,", error, DEEP)
        return _incomplete(run, f"{what} does not exist", {}) or _by_identity(run, f"{what} does not exist")
    held = {key: "" for key in found.data or {} if key in store_secret.KEYS}
    if incomplete := _incomplete(run, what, held):
        return incomplete
    if set(CREDENTIALS[storage.scheme_of(run.workspace)]) <= set(held):
        return Finding(True, f"{what} gives every step {', '.join(held)}")
    others = ", ".join(sorted(set(found.data or {}) - set(held))) or "nothing else"
    return _by_identity(run, f"{what} has no credentials for the store (steps use no other keys: {others})")


def _incomplete(run: PlannedRun, what: str, held: Mapping[str, str]) -> Finding | None:
    """Find what cannot work whoever the account is: half of the keys, or a store of one's own that pods do not know."""
    credentials = CREDENTIALS[storage.scheme_of(run.workspace)]
    lacking = [key for key in credentials if key not in held]
    if 0 < len(lacking) < len(credentials):
        return Finding(False, f"{what} has no key {lacking[0]}", f"give both: {_creation(run)}")
    own = next(filter(None, map(os.environ.get, (f"{ENDPOINT}_S3", ENDPOINT))), "")
    if storage.scheme_of(run.workspace) == "s3" and own and ENDPOINT not in held:
        said = what if "not exist" in what else f"{what} has no key {ENDPOINT}"
        return Finding(False, f"{said}: you reach the store at {own}, but pods would use AWS", _creation(run))
    return None


def _by_identity(run: PlannedRun, what: str) -> Finding:
    scheme, account = storage.scheme_of(run.workspace), run.account
    identity = _identity(run)
    if identity:
        return Finding(True, f"steps reach the store as {identity} ({IDENTITIES[scheme]} of the account {account})")
    remedy = (
        f"fine if the cloud knows the account itself (Workload Identity Federation, EKS Pod Identity): {DEEP}; "
        f"otherwise {_creation(run)}, or helm upgrade --set {GIVE_IDENTITY[scheme]}"
    )
    return Finding(None, f"{what}, and the account {account} names no cloud identity", remedy)


def _identity(run: PlannedRun) -> str:
    """Return the account's identity in the cloud; empty where it has none, or may not be looked at."""
    try:
        api, namespace = client.CoreV1Api(), run.cluster.namespace
        found = api.read_namespaced_service_account(run.account, namespace, _request_timeout=TIMEOUT)
    except ApiException:
        return ""
    return str((found.metadata.annotations or {}).get(IDENTITIES[storage.scheme_of(run.workspace)], ""))


def _creation(run: PlannedRun) -> str:
    keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", ENDPOINT)
    literals = " ".join(f"--from-literal={key}=…" for key in keys)
    if storage.scheme_of(run.workspace) == "gs":
        file = f"{store_secret.FOLDER}/key.json"
        literals = f"--from-file=key.json=… --from-literal=GOOGLE_APPLICATION_CREDENTIALS={file}"
    return f"kubectl create secret generic {run.store_secret} --namespace {run.cluster.namespace} {literals}"
