"""The keys that a run's pods take from Secrets, held in this process while it checks what they will be used for."""

from __future__ import annotations

import base64
import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

import urllib3
from kubernetes import client
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException

from components.shared.kubernetes_api import TIMEOUT
from components.shared.redaction import hide
from pipelines.arguments import Run
from pipelines.cluster.kubernetes_access import configure
from pipelines.compiled_pipeline import PlannedStep
from pipelines.secret_names import SECRET_VARIABLES


def _asks_hub(step: PlannedStep) -> bool:
    return any(isinstance(value, str) and value.startswith("hf://") for value in step.options.values())


def _asks_endpoint(step: PlannedStep) -> bool:
    return bool(step.options.get("endpoint"))


_USED_BY: Mapping[str, Callable[[PlannedStep], bool]] = MappingProxyType(
    {"hub_secret": _asks_hub, "rewriter_secret": _asks_endpoint}
)


@contextlib.contextmanager
def keys_of_run(namespace: str, run: Run) -> Iterator[bool]:
    """Let this process have those keys that the run's pods will have and use; yield whether these are known.

    They are not known where the cluster does not answer, or does not let the caller read Secrets: then the process
    keeps its own.
    """
    used = [parameter for parameter, is_used in _USED_BY.items() if any(map(is_used, run.steps))]
    try:
        if used:
            configure()
        keys = {
            variable: _key(str(run.arguments[parameter]), key, namespace)
            for parameter in used
            for key, variable in SECRET_VARIABLES[parameter].items()
        }
    except (ApiException, ConfigException, urllib3.exceptions.HTTPError):
        yield False
        return
    with _set(keys):
        yield True


def _key(secret: str, key: str, namespace: str) -> str:
    """Return a key of a Secret, masked in all output from now on; "" where it does not exist."""
    try:
        held = client.CoreV1Api().read_namespaced_secret(secret, namespace, _request_timeout=TIMEOUT).data or {}
    except ApiException as error:
        if error.status != 404:
            raise
        return ""
    text = base64.b64decode(held.get(key, "")).decode(errors="replace")
    hide(text)
    return text


@contextlib.contextmanager
def _set(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables; those without a value are taken away."""
    before = {name: os.environ.get(name) for name in values}
    _put(values)
    try:
        yield
    finally:
        _put(before)


def _put(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value:
            os.environ[name] = value
        else:
            os.environ.pop(name, None)
