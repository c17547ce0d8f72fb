"""Kubeflow Pipelines' API through its own client, which finds host and credentials itself.

Without a host: inside a cluster its service, elsewhere the current context of kubectl. With one: a port-forward, or a
public address behind IAP (``KF_PIPELINES_IAP_OAUTH2_CLIENT_ID`` and the like), or one that takes the token in the file
that ``KF_PIPELINES_SA_TOKEN_PATH`` names.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import kfp
import kfp_server_api
import urllib3
from kfp.client import ServiceAccountTokenVolumeCredentials
from kubernetes.config.config_exception import ConfigException

from components.shared.errors import InputError, UnavailableError
from components.shared.kubernetes_api import cause_of
from components.shared.plain_text import inert
from pipelines.cluster.kubernetes_access import configure

OWN_NAMESPACE = "kubeflow"  # where it is installed, unless somebody chose another place
TIMEOUT = (10, 60)  # seconds to connect and to read; a port-forward may take a request and never answer it
_COMMONPLACES = {"Internal Server Error", "Service unavailable"}
TOKEN_FILE_VARIABLE = "KF_PIPELINES_SA_TOKEN_PATH"  # noqa: S105 - kfp's own name for the file's path


class _Requests(kfp_server_api.rest.RESTClientObject):  # type: ignore[misc]
    """The client's requests, each of which ends; and none takes a page for an answer."""

    def request(self, method: str, url: str, _request_timeout: Any = None, **options: Any) -> Any:
        """Ask, for as long as TIMEOUT says; InputError where a page answers: one to sign in, most often."""
        answer = super().request(method, url, _request_timeout=_request_timeout or TIMEOUT, **options)
        if "html" in answer.getheader("Content-Type", ""):
            raise InputError(
                f"{url} responds with a web page instead of Kubeflow Pipelines' API: you must sign in, or it is "
                f"another address; name a file with a token in {TOKEN_FILE_VARIABLE}, or use the API directly: kubectl "
                f"port-forward --namespace {OWN_NAMESPACE} service/ml-pipeline 8888:8888, and --host "
                "http://localhost:8888"
            )
        return answer


class _Client(kfp.Client):  # type: ignore[misc]
    """kfp's client with requests that end."""

    def get_kfp_healthz(self, sleep_duration: int = 0) -> Any:
        """Ask once; the original, which the constructor calls, asks five times, with a traceback each."""
        api = self._healthz_api
        api.api_client.rest_client = _Requests(api.api_client.configuration)
        return api.healthz_service_get_healthz()


def connect(host: str, namespace: str) -> tuple[kfp.Client, str | None]:
    """Return the client, and the namespace that runs are made in: None where the server has a single user."""
    if host and not host.startswith(("http://", "https://")):
        raise InputError(f"--host {host!r} has no scheme; write http://{host} or https://{host}")
    if host and not re.fullmatch(r"https?://([^/@:\s]+|\[[0-9a-fA-F:]+\])(:\d{1,5})?(/\S*)?", host):
        raise InputError(f"--host {host!r} is no address; expected https://host or http://host:port")
    token_file = os.environ.get(TOKEN_FILE_VARIABLE, "")
    if token_file and not os.access(token_file, os.R_OK):
        raise InputError(
            f"{TOKEN_FILE_VARIABLE} names {token_file}, which cannot be read; put a token there, or unset it"
        )
    if not host:
        _check_configured()
    credentials = ServiceAccountTokenVolumeCredentials() if token_file else None
    with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore", FutureWarning)  # that servers older than 2.0 are not supported
        # Without a host, the client takes a namespace for the one that Kubeflow stands in.
        place = {"host": host, "namespace": namespace} if host else {}
        client = _Client(**place, credentials=credentials)
    if client.get_kfp_healthz().multi_user:
        return client, namespace
    client._context_setting["namespace"] = ""  # a server with a single user refuses requests that name one
    return client, None


def _check_configured() -> None:
    """Raise InputError where nothing says which cluster is meant: kfp's client would try this machine's port 80."""
    try:
        configure()
    except ConfigException as error:
        raise InputError(
            f"no Kubernetes cluster is configured ({inert(error)}); give --host, such as http://localhost:8888 of a "
            "port-forward, or set KUBECONFIG"
        ) from error


def parameters_of(run: Any) -> Mapping[str, Any]:
    """Return the arguments of a run as v2beta1 gives it; none where it does not say them."""
    return (run.runtime_config and run.runtime_config.parameters) or {}


def get_run_by_old_api(client: kfp.Client, run_id: str) -> dict[str, Any]:
    """Return a run as v1beta1 gives it: alone with its Workflow and its pipeline. Empty where that API is not there."""
    return _by_old_api(client, "/apis/v1beta1/runs/{run_id}", run_id=run_id)


def get_version_by_old_api(client: kfp.Client) -> str:
    """Return the version that the server says, which v1beta1 alone does. Empty where that API is not there."""
    return str(_by_old_api(client, "/apis/v1beta1/healthz").get("tag_name", ""))


def _by_old_api(client: kfp.Client, path: str, **path_params: str) -> dict[str, Any]:
    """Ask what kfp has no method for; with the caller's token, which goes along where ``Bearer`` is named alone."""
    try:
        answer = client._run_api.api_client.call_api(
            path,
            "GET",
            path_params=path_params,
            header_params={"Accept": "application/json"},
            response_type="object",
            auth_settings=["Bearer"],
            _return_http_data_only=True,
        )
    except kfp_server_api.ApiException as error:
        if error.status in (404, 501):
            return {}
        raise
    return dict(answer or {})


@contextlib.contextmanager
def explained(host: str, namespace: str) -> Iterator[None]:
    """Turn what the server refuses, or that it does not answer, into one message."""
    server = f"Kubeflow Pipelines at {host or 'the address that kubectl knows'}"
    try:
        yield
    except kfp_server_api.ApiException as error:
        raise _explanation(error, server, namespace) from error
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise UnavailableError(
            f"{server} does not respond ({cause_of(error)}); check --host, and whether a port-forward is still running"
        ) from error


def _explanation(error: kfp_server_api.ApiException, server: str, namespace: str) -> Exception:
    said = said_by(error)
    match error.status:
        case 401:
            return InputError(f"{server} does not accept this user ({said}); sign in as its client requires")
        case 403:
            return InputError(
                f"{server} forbids this in the namespace {namespace} ({said}); the role scalequest-submit of the Helm "
                "chart allows it: name yourself in submitters"
            )
        case 404:
            return InputError(f"{server}: not found ({said}); check the name and --namespace")
        case 400 | 409 | 422:
            return InputError(f"{server} does not accept this: {said}")
        case _:
            return UnavailableError(f"{server} responds with {error.status} ({said}); try again later")


def said_by(error: kfp_server_api.ApiException) -> str:
    """Return the server's words: of a JSON document the innermost, of a gateway's page nothing but the reason."""
    text = str(error.body or "")
    with contextlib.suppress(ValueError, KeyError, TypeError):
        document = json.loads(text)
        # The message repeats what each layer of the server was doing; the details say what went wrong, or nothing.
        inner = [str(each.get("message", "")) for each in document.get("details") or []]
        text = next((each for each in inner if each and each not in _COMMONPLACES), str(document["message"]))
    if not text or text.lstrip().startswith("<"):
        text = str(error.reason or "")
    return inert(text)[:300]
