"""The Kubernetes API as a step asks it: where it is, which failures are temporary, and what its refusals mean."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Collection
from typing import Any, TypeVar

import urllib3
from kubernetes import config
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException

from components.shared.errors import InputError, NotAllowedError, UnavailableError
from components.shared.passing import is_untrusted, status_passes
from components.shared.plain_text import inert
from components.shared.stores import storage
from components.shared.stores.retries import Patience, until_answered

NAMESPACE_FILE = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"
TIMEOUT = (10, 60)  # seconds to connect and to read
BRIEF_TIMEOUT = (2, 2)  # the same while this process is being stopped

T = TypeVar("T")


def answer_of(error: BaseException) -> str:
    """Return what the server said, in one line."""
    if not isinstance(error, ApiException):
        return inert(error)
    return inert(f"{error.status} {body_of(error).get('message') or error.reason or ''}")


def cause_of(error: BaseException) -> str:
    """Return why no answer came, in the words of the system's own error where one is behind the client's."""
    text = inert(error)
    found = re.search(r"\[Errno -?\d+\] ([A-Z][^\"')]+)", text)
    return found[1] if found else text


def body_of(error: ApiException) -> dict[str, Any]:
    """Return the Status that came with an error; empty where the answer was none (a path that nobody serves)."""
    try:
        body = json.loads(error.body or "")
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def lacks_right(error: ApiException) -> bool:
    """Tell whether 403 is about a right; else a webhook, a policy or a limit of the namespace refused the content."""
    return " cannot " in answer_of(error)


def _may_pass(error: BaseException) -> bool:
    if is_untrusted(error):
        return False
    if isinstance(error, ApiException):
        return error.status == 0 or (status_passes(error.status) and error.status != 409)  # 409: it exists
    return isinstance(error, urllib3.exceptions.HTTPError)


API = Patience(
    whom="Kubernetes API",
    limit=1800.0,  # an API server that moves to another machine is away for minutes
    may_pass=_may_pass,
    answer_of=answer_of,
    kept="what is running continues, and is found again",
)


def connect(purpose: str) -> str:
    """Find the cluster, this pod's or otherwise the one that kubectl would ask; return the namespace to work in.

    ``purpose`` begins the message where there is none: which option needs a cluster, and for what.
    """
    try:
        config.load_incluster_config()
        return storage.read_bytes(NAMESPACE_FILE).decode().strip()
    except ConfigException as error:
        not_here = error
    file = os.environ.get("KUBECONFIG")
    try:
        config.load_kube_config(config_file=file)
        _, active = config.list_kube_config_contexts(config_file=file)
    except ConfigException as error:
        raise InputError(
            f"{purpose}, but no cluster was found ({not_here}; {error}); run it in a pod with the token of its service "
            "account (automountServiceAccountToken), or set KUBECONFIG"
        ) from error
    return str(active["context"].get("namespace", "default"))


def ask(what: str, call: Callable[[], T], *, allowed_by: str = "") -> T:
    """Return what ``call`` returns, tried again while its failures are temporary.

    ``what`` it does and ``allowed_by`` what an account gets that right, for messages. Also a webhook of the cluster
    that is down (500) counts as temporary.

    Raises UnavailableError if the API does not respond within the limit or a quota of the namespace is used up,
    InputError if it refuses the caller or what is asked for, and ApiException for 404, 409 and 410, whose meaning the
    caller knows.
    """
    try:
        return until_answered(what, call, patience=API)
    except (ApiException, urllib3.exceptions.HTTPError) as error:
        refused = refusal(error, what, allowed_by=allowed_by)
        if refused is None:
            raise
        raise refused from error


def ask_or_none(what: str, call: Callable[[], T], none_for: Collection[int], *, allowed_by: str = "") -> T | None:
    """Do as ``ask`` does, but return None where the API answers with a status of ``none_for``, such as 404."""
    try:
        return ask(what, call, allowed_by=allowed_by)
    except ApiException as error:
        if error.status in none_for:
            return None
        raise


def refusal(error: Exception, what: str, *, allowed_by: str) -> InputError | UnavailableError | None:
    """Return what a failure means that is the same at the next try; None for others, 404, 409 and 410 among them."""
    if is_untrusted(error):
        return InputError(
            f"{what}: the certificate of the Kubernetes API is not trusted ({answer_of(error)}); check the address and "
            "the certificate authority in your kubeconfig"
        )
    if not isinstance(error, ApiException):
        return None
    if error.status == 401:
        return InputError(f"{what}: the Kubernetes API does not accept this user ({answer_of(error)})")
    if error.status == 403 and "exceeded quota" in answer_of(error):  # a ResourceQuota's: what ends makes room
        return UnavailableError(f"{what}: the namespace's quota is used up ({answer_of(error)}); try again later")
    if error.status == 403 and lacks_right(error):
        return NotAllowedError(f"{what}: not allowed ({answer_of(error)})" + (f"; {allowed_by}" if allowed_by else ""))
    if error.status == 403:
        return InputError(f"{what}: refused by a rule of the cluster, and not for want of a right ({answer_of(error)})")
    if error.status in (400, 422):
        return InputError(f"{what}: not accepted ({answer_of(error)})")
    return None
