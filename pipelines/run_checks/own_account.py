"""Who this process is in the cluster: the service account of its pod, by the pod's own token."""

from __future__ import annotations

import base64
import json

from components.shared.jobs.body import SERVICE_ACCOUNT
from components.shared.stores import storage

TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # noqa: S105 - where Kubernetes puts it
_PREFIX = "system:serviceaccount:"


def own_account() -> str:
    """Return the name of the pod's service account; "" outside of a pod, or where it has no token.

    Needs no right: the token itself says whose it is.
    """
    try:
        _, payload, _ = storage.read_bytes(TOKEN).decode().split(".")
        subject = str(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["sub"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return ""
    return subject.rpartition(":")[2] if subject.startswith(_PREFIX) else ""


def advice_on(account: str, meant: str = "") -> str:
    """Say how a run gets the account that was meant; "" where it has it, or where neither is known."""
    meant = meant or SERVICE_ACCOUNT
    if not account or account == meant:
        return ""
    return (
        f"the run's service account is {account}, and {meant} was meant: Clone and New run in Kubeflow's page leave "
        f"the field Service Account empty; write {meant} there, or let the chart give {account} the rights of a run "
        f"(helm upgrade --set serviceAccount.alsoBind={{{account}}})"
    )
