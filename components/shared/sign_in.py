"""Signing in to a store: credentials that a node hands out late are waited for, those that nobody gave are not.

The clients look for credentials by their own conventions, and take a metadata server that does not answer yet, as in
the first seconds of a pod, for one that is not there. Here they ask again for ``WAIT_SECONDS``: then UnavailableError;
or UnsetCredentialsError where nothing says that there is such a server at all.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from components.shared.errors import InputError, UnavailableError
from components.shared.retries import until_answered, until_answered_async

WAIT_SECONDS = 60.0
GOOGLE_VARIABLES = ("GCE_METADATA_HOST", "GCE_METADATA_ROOT", "GCE_METADATA_IP")
AWS_VARIABLES = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_EC2_METADATA_SERVICE_ENDPOINT")

_GOOGLE_SERVER = "metadata.google.internal"
_NO_GOOGLE = (
    "no Google credentials found, and no metadata server that gives them: on a cluster, give the step's service "
    "account Workload Identity; elsewhere run `gcloud auth application-default login`, or name a key file by "
    "GOOGLE_APPLICATION_CREDENTIALS"
)
_NO_AWS = (
    "no credentials found for this store, and no metadata server that gives them: on a cluster, give the step's "
    "service account a role (IRSA, Pod Identity); elsewhere set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
    "AWS_PROFILE"
)


class UnsetCredentialsError(InputError):
    """Nobody gave this process credentials; ``refusals`` says of which address that is."""


class _NowhereError(ConnectionError):
    """No metadata server answers, and nothing but the cluster says that there may be one."""


def google_credentials() -> Any:
    """Return the environment's credentials, with a token where a metadata server gives it.

    Anonymous ones where STORAGE_EMULATOR_HOST names a server of tests, as Google's client has it.
    """
    from google.auth.credentials import AnonymousCredentials

    if os.environ.get("STORAGE_EMULATOR_HOST"):
        return AnonymousCredentials()
    host = next(filter(None, map(os.environ.get, GOOGLE_VARIABLES)), _GOOGLE_SERVER)
    call = f"a request for credentials to the metadata server {host}"
    try:
        return until_answered(call, _find_google_credentials, seconds=WAIT_SECONDS, min_tries=1)
    except UnavailableError as error:
        raise _explained(error, _NO_GOOGLE) from error


def _find_google_credentials() -> Any:
    import google.auth
    from google.auth.compute_engine import Credentials
    from google.auth.exceptions import DefaultCredentialsError
    from google.auth.transport.requests import Request

    try:
        credentials, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/devstorage.read_write"])
    except DefaultCredentialsError:
        if os.environ.get("GOOGLE_APPLICATION_CREDENTIALS"):
            raise
        _check_whether_to_wait(os.environ.get("NO_GCE_CHECK") == "true", _is_google_known(), _NO_GOOGLE)
        credentials = Credentials()
    if isinstance(credentials, Credentials):
        credentials.refresh(Request())
        assert credentials.universe_domain, "the server says it, and is asked while it is waited for"
    return credentials


async def wait_for_aws_credentials(has_credentials: Callable[[], Awaitable[bool]]) -> None:
    """Return once the environment ``has_credentials``; IRSA's are fetched by the first request, as a part of it."""

    async def attempt() -> None:
        if not await has_credentials():
            _check_whether_to_wait(os.environ.get("AWS_EC2_METADATA_DISABLED") == "true", _is_aws_known(), _NO_AWS)
            raise ConnectionError("no answer")

    asked = next(filter(None, map(os.environ.get, AWS_VARIABLES)), "the metadata server of this machine")
    call = f"a request for credentials to {asked}"
    try:
        await until_answered_async(call, attempt, seconds=WAIT_SECONDS, min_tries=1)
    except UnavailableError as error:
        raise _explained(error, _NO_AWS) from error


def _check_whether_to_wait(is_disabled: bool, is_known: bool, remedy: str) -> None:
    """Raise what says that there is no metadata server, for good or as far as is known yet."""
    if is_disabled or not (is_known or os.environ.get("KUBERNETES_SERVICE_HOST")):
        raise UnsetCredentialsError(remedy)
    if not is_known:
        raise _NowhereError("no answer")


def _explained(error: UnavailableError, remedy: str) -> Exception:
    return UnsetCredentialsError(remedy) if isinstance(error.__cause__, _NowhereError) else error


def _is_google_known() -> bool:
    """Tell whether anything says that this machine has Google's metadata server."""
    if any(map(os.environ.get, GOOGLE_VARIABLES)):
        return True
    try:
        socket.getaddrinfo(_GOOGLE_SERVER, 80)
    except OSError:
        return False
    return True


def _is_aws_known() -> bool:
    """Tell whether anything says that this machine has the metadata server of EC2."""
    vendor = Path("/sys/class/dmi/id/sys_vendor")
    return any(map(os.environ.get, AWS_VARIABLES)) or (vendor.exists() and "Amazon" in vendor.read_bytes().decode())
