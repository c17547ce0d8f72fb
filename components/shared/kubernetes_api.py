"""The Kubernetes API as a step asks it: where it is, for how long it is asked again, and what its refusals mean."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

import urllib3
from kubernetes import config
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException
from tenacity import RetryCallState, Retrying
from tenacity.retry import retry_if_exception
from tenacity.stop import stop_after_delay
from tenacity.wait import wait_random_exponential

from components.shared import stopping
from components.shared.errors import InputError, UnavailableError
from components.shared.passing import status_passes
from components.shared.stores import storage

NAMESPACE_FILE = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"
PATIENCE_SECONDS = 1800.0  # without an answer: an API server that moves to another machine is away for minutes
TIMEOUT = (10, 60)  # seconds to connect and to read
BRIEF_TIMEOUT = (2, 2)  # the same while this process is being stopped

T = TypeVar("T")

logger = logging.getLogger(__name__)


def connect() -> str:
    """Find the cluster, this pod's or else the one that kubectl would ask; return the namespace to work in."""
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
            f"--num-nodes above 1 starts a TrainJob, but no cluster was found ({not_here}; {error}); run it in a "
            "pod with the token of its service account (automountServiceAccountToken), or set KUBECONFIG"
        ) from error
    return str(active["context"].get("namespace", "default"))


def ask(what: str, call: Callable[[], T]) -> T:
    """Return what ``call`` returns, tried again while its failures may pass; ``what`` it does, for messages.

    Raises UnavailableError where the API does not answer for PATIENCE_SECONDS, InputError where it refuses the caller
    or what is asked for, and ApiException for 404, 409 and 410, which the caller knows the meaning of.
    """

    def give_up(state: RetryCallState) -> NoReturn:
        error = _error_of(state)
        raise UnavailableError(
            f"{what}: the Kubernetes API did not respond in {state.attempt_number} attempts and "
            f"{state.seconds_since_start or 0:.0f} s ({answer_of(error)}); what is running continues, and the "
            "same command "
            "finds it"
        ) from error

    retrying = Retrying(
        retry=retry_if_exception(_may_pass),
        wait=wait_random_exponential(multiplier=0.5, max=30),
        stop=stop_after_delay(PATIENCE_SECONDS),
        sleep=stopping.sleep,
        before_sleep=lambda state: logger.warning("%s: %s; retrying", what, answer_of(_error_of(state))),
        retry_error_callback=give_up,
    )
    try:
        return retrying(call)
    except ApiException as error:
        refusal = _refusal(error, what)
        if refusal is None:
            raise
        raise refusal from error


def answer_of(error: BaseException | None) -> str:
    """Return what the server said, in one line."""
    if not isinstance(error, ApiException):
        return str(error)
    return f"{error.status} {body_of(error).get('message') or error.reason or ''}".strip()


def body_of(error: ApiException) -> dict[str, Any]:
    """Return the Status that came with an error; empty where the answer was none (a path that nobody serves)."""
    try:
        body = json.loads(error.body or "")
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _may_pass(error: BaseException) -> bool:
    if isinstance(error, ApiException):
        return error.status == 0 or (status_passes(error.status) and error.status != 409)  # 409: it exists
    return isinstance(error, urllib3.exceptions.HTTPError)


def _refusal(error: ApiException, what: str) -> InputError | None:
    if error.status == 401:
        return InputError(f"{what}: the Kubernetes API does not accept this user ({answer_of(error)})")
    if error.status == 403:
        return InputError(
            f"{what}: not allowed ({answer_of(error)}); the role scalequest-step allows it if the Helm chart is "
            "installed with trainer.enabled=true, or with manifests/options/trainer"
        )
    if error.status in (400, 422):
        return InputError(f"{what}: not accepted ({answer_of(error)})")
    return None


def _error_of(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None
