"""Signing in to a store: waits for credentials that a node gives late, but not for credentials that nobody gave.

The clients look for credentials by their own conventions, and take a metadata server that does not respond yet, as in
the first seconds of a pod, for one that does not exist. Here they ask again for ``WAIT_SECONDS``, then raise
UnavailableError. They raise UnsetCredentialsError if nothing says that there is such a server, and after
``NO_ROLE_SECONDS`` if the server says that it has no role or account for this machine.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any, NoReturn

from aiohttp import ClientError, ClientSession, ClientTimeout

from components.shared.errors import InputError, UnavailableError
from components.shared.stores.retries import until_answered, until_answered_async

WAIT_SECONDS = 60.0
NO_ROLE_SECONDS = 5.0  # a role may be attached, or become known to the server, a little after the pod begins
ASK_SECONDS = 2.0  # that a metadata server takes to say whether there is a role
GOOGLE_VARIABLES = ("GCE_METADATA_HOST", "GCE_METADATA_ROOT", "GCE_METADATA_IP")
AWS_VARIABLES = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_EC2_METADATA_SERVICE_ENDPOINT")

_GOOGLE_SERVER = "metadata.google.internal"
_AWS_SERVER = "http://169.254.169.254/"
_UNSET = "no credentials found for this store, and no metadata server that gives them"
_SECRET = "the Secret scalequest-store of the pod's namespace (helm/README.md)"  # noqa: S105 - a name
_GOOGLE_REMEDY = (
    f"on a cluster, give the step's service account Workload Identity, or put a key file into {_SECRET}; elsewhere run "
    "`gcloud auth application-default login`, or name a key file by GOOGLE_APPLICATION_CREDENTIALS"
)
_AWS_REMEDY = (
    f"on a cluster, give the step's service account a role (IRSA, Pod Identity), or put AWS_ACCESS_KEY_ID and "
    f"AWS_SECRET_ACCESS_KEY into {_SECRET}; elsewhere set these two, or AWS_PROFILE"
)


class UnsetCredentialsError(InputError):
    """The process has no credentials; ``refusals`` adds the address."""


class _NowhereError(ConnectionError):
    """The metadata server says that it has no credentials; or none answers, and only the cluster says there may be one.

    What such a server says may change within seconds.
    """


class _Denials:
    """How long a metadata server has been saying that it has no credentials for this machine."""

    def __init__(self, remedy: str) -> None:
        self._remedy = remedy
        self._first: float | None = None

    def add(self) -> NoReturn:
        """Raise what says that it said so again: for good, or as far as is known yet."""
        if self._first is None:
            self._first = time.monotonic()
        if time.monotonic() - self._first > NO_ROLE_SECONDS:
            raise _unset(self._remedy)
        raise _NowhereError("no role or account for this machine")


def google_credentials() -> Any:
    """Return the environment's credentials, with a token if a metadata server gives it.

    Anonymous ones if STORAGE_EMULATOR_HOST names a test server, as in Google's client.
    """
    from google.auth.credentials import AnonymousCredentials

    if os.environ.get("STORAGE_EMULATOR_HOST"):
        return AnonymousCredentials()
    host = next(filter(None, map(os.environ.get, GOOGLE_VARIABLES)), _GOOGLE_SERVER)
    call = f"a request for credentials to the metadata server {host}"
    denials = _Denials(_GOOGLE_REMEDY)
    try:
        return until_answered(call, lambda: _find_google_credentials(denials), seconds=WAIT_SECONDS, min_tries=1)
    except UnavailableError as error:
        raise _explained(error, _GOOGLE_REMEDY) from error


def _find_google_credentials(denials: _Denials) -> Any:
    import google.auth
    from google.auth.compute_engine import Credentials
    from google.auth.exceptions import DefaultCredentialsError, RefreshError
    from google.auth.transport.requests import Request

    try:
        credentials, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/devstorage.read_write"])
    except DefaultCredentialsError:
        if os.environ.get("GOOGLE_APPLICATION_CREDENTIALS"):
            raise
        _check_whether_to_wait(os.environ.get("NO_GCE_CHECK") == "true", _is_google_known(), _GOOGLE_REMEDY)
        credentials = Credentials()
    if isinstance(credentials, Credentials):
        try:
            credentials.refresh(Request())
        except RefreshError as error:
            answers = getattr(error.__cause__, "args", ())  # message and response
            if any(getattr(answer, "status", None) == HTTPStatus.NOT_FOUND for answer in answers):
                denials.add()
            raise
        assert credentials.universe_domain, "the server says it, and is asked while it is waited for"
    return credentials


async def wait_for_aws_credentials(has_credentials: Callable[[], Awaitable[bool]]) -> None:
    """Return once the environment ``has_credentials``; IRSA's are fetched by the first request, as a part of it."""
    denials = _Denials(_AWS_REMEDY)

    async def attempt() -> None:
        if not await has_credentials():
            _check_whether_to_wait(os.environ.get("AWS_EC2_METADATA_DISABLED") == "true", _is_aws_known(), _AWS_REMEDY)
            if await _has_no_aws_role():
                denials.add()
            raise ConnectionError("no answer")

    asked = next(filter(None, map(os.environ.get, AWS_VARIABLES)), "the metadata server of this machine")
    call = f"a request for credentials to {asked}"
    try:
        await until_answered_async(call, attempt, seconds=WAIT_SECONDS, min_tries=1)
    except UnavailableError as error:
        raise _explained(error, _AWS_REMEDY) from error


async def _has_no_aws_role() -> bool:
    """Tell whether the metadata server of EC2 says that there is no role; its client takes that for no answer."""
    server = os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or _AWS_SERVER
    try:
        async with ClientSession(f"{server.rstrip('/')}/latest/", timeout=ClientTimeout(total=ASK_SECONDS)) as session:
            async with session.put("api/token", headers={"X-aws-ec2-metadata-token-ttl-seconds": "60"}) as answer:
                token = {"X-aws-ec2-metadata-token": await answer.text()} if answer.ok else {}
            async with session.get("meta-data/iam/security-credentials/", headers=token) as answer:
                return answer.status == HTTPStatus.NOT_FOUND
    except (ClientError, TimeoutError):
        return False


def _check_whether_to_wait(is_disabled: bool, is_known: bool, remedy: str) -> None:
    """Raise what says that there is no metadata server, for good or as far as is known yet."""
    if is_disabled or not (is_known or os.environ.get("KUBERNETES_SERVICE_HOST")):
        raise _unset(remedy)
    if not is_known:
        raise _NowhereError("no answer")


def _explained(error: UnavailableError, remedy: str) -> Exception:
    if isinstance(error.__cause__, _NowhereError):
        return _unset(remedy)
    return UnavailableError(f"{error}; should it have no credentials to give: {remedy}")


def _unset(remedy: str) -> UnsetCredentialsError:
    return UnsetCredentialsError(f"{_UNSET}: {remedy}")


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
