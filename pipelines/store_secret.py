"""The Secret with a store's endpoint and keys, as every pod takes it that works on a workspace; it need not exist.

Each of its KEYS becomes the variable of that name, by which the store's own client is configured, and all that it holds
lies as files in FOLDER, for what such a variable names: a certificate, a key file of Google's. A Job could take the
whole Secret as variables, a task of Kubeflow only key by key; with one list, what works in a Job works in a run.
"""

from __future__ import annotations

from typing import Any

from components.shared import mounted_settings

KEYS = (
    "AWS_ENDPOINT_URL",
    "AWS_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",  # of keys that are valid for some hours
    "AWS_CA_BUNDLE",  # a file in FOLDER
    "AWS_REQUEST_CHECKSUM_CALCULATION",  # when_required, for stores older than S3's checksums
    "GOOGLE_APPLICATION_CREDENTIALS",  # a file in FOLDER
)
FOLDER = mounted_settings.FOLDER
MOUNT = {"name": "store", "mountPath": FOLDER, "readOnly": True}


def variables(secret: str) -> list[dict[str, Any]]:
    """Return a container's variables from the Secret; Kubernetes leaves out those that it does not hold."""
    return [
        {"name": key, "valueFrom": {"secretKeyRef": {"name": secret, "key": key, "optional": True}}} for key in KEYS
    ]


def volume(secret: str) -> dict[str, Any]:
    """Return a pod's volume for MOUNT: empty where the Secret does not exist."""
    return {"name": MOUNT["name"], "secret": {"secretName": secret, "optional": True}}
