"""Steps as real processes where the metadata server is late, silent or absent; a small HTTP server plays it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from aiohttp import web

from components.shared.stores._sign_in import WAIT_SECONDS
from components.shared.stores.retries import LIMIT_VARIABLE
from components.shared.workspace import Workspace
from pipelines.parameters import Common
from tests.conftest import WriteRows
from tests.fault_proxy import FaultProxy, fault_proxy, new_clients
from tests.stores import Store, new_bucket

pytestmark = pytest.mark.slow

CLOSED_PORT = "127.0.0.1:1"  # nobody listens there
ACCOUNT = "/computeMetadata/v1/instance/service-accounts/default"
GOOGLE = {
    f"{ACCOUNT}/": {"email": "default", "scopes": ["devstorage"], "aliases": []},
    f"{ACCOUNT}/token": {"access_token": "token-of-the-node", "expires_in": 3600, "token_type": "Bearer"},
}
ROLES = "/latest/meta-data/iam/security-credentials/"
AWS = {
    "/latest/api/token": "session",
    ROLES: "role",
    f"{ROLES}role": {
        **{"Code": "Success", "AccessKeyId": "key-of-the-node", "SecretAccessKey": "secret", "Token": "token"},
        "Expiration": "2100-01-01T00:00:00Z",
    },
}


@contextmanager
def metadata_server(answers: Mapping[str, object], late: int) -> Iterator[str]:
    """Run a server that knows nothing the first ``late`` times that it is asked; yield its address."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            answer = answers.get(self.path.partition("?")[0]) if len(asked) > late else None
            self.send_response(404 if answer is None else 200)
            self.send_header("Metadata-Flavor", "Google")
            self.send_header("X-aws-ec2-metadata-token-ttl-seconds", "100")
            self.send_header("Content-Type", "text/plain" if isinstance(answer, str) else "application/json")
            self.end_headers()
            self.wfile.write((answer if isinstance(answer, str) else json.dumps(answer)).encode())

        do_PUT = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def run_step(workspace: str, questions: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a filter in an environment without any credentials but those that are given."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "STORAGE_", "GOOGLE_"))}
    command = [sys.executable, "-m", "components.filter_language", "--workspace", workspace, "--questions", questions]
    given = {**ours, "HOME": "/nonexistent", **environment}
    return subprocess.run(command, env=given, capture_output=True, text=True, check=False)


def message_of(step: subprocess.CompletedProcess[str]) -> str:
    return step.stderr.splitlines()[-1]


@contextmanager
def credentials_seen(proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """Yield what calls are authorized by, as they come."""
    seen, pass_on = set(), proxy._pass_on

    async def look(request: web.Request, body: bytes) -> web.Response:
        seen.add(request.headers.get("Authorization", "nobody").partition("/")[0])
        return await pass_on(request, body)

    monkeypatch.setattr(proxy, "_pass_on", look)
    yield seen


@pytest.fixture
def gs_questions(gs_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, write_questions: WriteRows) -> str:
    """A folder of questions in a new bucket of the GCS server."""
    for name, value in gs_environment.items():
        monkeypatch.setenv(name, value)
    with new_clients():
        return write_questions(Workspace(new_bucket("gs")), ["What is 2+2?"])


@pytest.mark.parametrize("late", [0, 3])
def test_a_step_waits_for_googles_metadata_server(
    gs_environment: dict[str, str], gs_questions: str, late: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = gs_questions.rsplit("/", 2)[0]
    with fault_proxy(gs_environment["STORAGE_EMULATOR_HOST"], share=0) as proxy, metadata_server(GOOGLE, late) as host:
        environment = {"FSSPEC_GS_ENDPOINT_URL": proxy.url, "GCE_METADATA_HOST": host, "GCE_METADATA_IP": host}
        with credentials_seen(proxy, monkeypatch) as seen:
            step = run_step(workspace, gs_questions, environment)
    assert step.returncode == 0, step.stderr
    assert seen == {"Bearer token-of-the-node"}
    assert (f"a request for credentials to the metadata server {host}: " in step.stderr) == (late > 0)


def test_an_upload_to_cloud_storage_signs_in_likewise(monkeypatch: pytest.MonkeyPatch) -> None:
    program = (
        "from components.shared.stores._gs_uploads import google_client;"
        "print(google_client()._credentials.universe_domain, google_client()._credentials.service_account_email)"
    )
    with metadata_server(GOOGLE, late=2) as host:
        environment = {**os.environ, "GCE_METADATA_HOST": host, "GCE_METADATA_IP": host}
        result = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
    assert result.stdout.split() == ["googleapis.com", "default"]


@pytest.mark.faults
def test_a_google_metadata_server_that_never_answers_ends_in_one_message() -> None:
    with metadata_server({}, late=0) as refusing:
        # Google's client asks a closed port five times, with pauses of 15 s in all, each time that it is asked.
        environment = {"GCE_METADATA_HOST": CLOSED_PORT, "GCE_METADATA_IP": refusing, LIMIT_VARIABLE: "1"}
        step = run_step("gs://bucket/workspace", "gs://bucket/questions", environment)
    assert step.returncode == 75
    assert f"a request for credentials to the metadata server {CLOSED_PORT} was tried " in message_of(step)
    assert "the last answer was " in message_of(step)
    assert message_of(step).endswith("or name a key file by GOOGLE_APPLICATION_CREDENTIALS")


@pytest.mark.parametrize("limit", ["1", pytest.param("300", marks=pytest.mark.faults)])
@pytest.mark.parametrize("scheme", ["gs", "s3"])
def test_a_metadata_server_that_knows_no_role_of_this_machine_is_bad_input_after_a_short_wait(
    scheme: str, limit: str
) -> None:
    with metadata_server({"/latest/api/token": "session"}, late=0) as host:
        google = {"GCE_METADATA_HOST": host, "GCE_METADATA_IP": host}
        aws = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": f"http://{host}/", "AWS_DEFAULT_REGION": "us-east-1"}
        begun = time.monotonic()
        step = run_step(f"{scheme}://bucket/w", f"{scheme}://bucket/q", {**google, **aws, LIMIT_VARIABLE: limit})
    assert step.returncode == 2, step.stderr
    assert "no credentials found for this store, and no metadata server that gives them: on a" in message_of(step)
    assert {"gs": "GOOGLE_APPLICATION_CREDENTIALS", "s3": "AWS_PROFILE"}[scheme] in message_of(step)
    assert "no role or account for this machine); retrying in " in step.stderr
    assert time.monotonic() - begun < WAIT_SECONDS


def test_a_key_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    environment = {"GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "key.json")}
    step = run_step("gs://bucket/workspace", "gs://bucket/questions", environment)
    assert step.returncode == 2
    assert f"no credentials found for this store (File {tmp_path / 'key.json'} was not found" in message_of(step)


def test_public_buckets_are_read_without_credentials_where_the_clients_are_told_so(
    gs_environment: dict[str, str], gs_questions: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = gs_questions.rsplit("/", 2)[0]
    upstream = gs_environment["STORAGE_EMULATOR_HOST"]
    with fault_proxy(upstream, share=0) as proxy, credentials_seen(proxy, monkeypatch) as seen:
        environment = {"FSSPEC_GS_ENDPOINT_URL": proxy.url, "FSSPEC_GS_TOKEN": "anon"}
        step = run_step(workspace, gs_questions, environment)
    assert step.returncode == 0, step.stderr
    assert seen == {"nobody"}


@pytest.mark.parametrize(
    ("late", "variable", "path"),
    [
        (0, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "/"),
        (2, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "/"),
        (4, "AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{ROLES}role"),
    ],
)
def test_a_step_waits_for_the_metadata_server_of_ec2_or_for_pod_identity(
    s3_store: Store, late: int, variable: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fault_proxy(s3_store.environment["AWS_ENDPOINT_URL"], share=0) as proxy, metadata_server(AWS, late) as host:
        endpoint = {variable: f"http://{host}{path}", "AWS_DEFAULT_REGION": "us-east-1"}
        with credentials_seen(proxy, monkeypatch) as seen:
            step = run_step(s3_store.uri, f"{s3_store.uri}/x", {**endpoint, "AWS_ENDPOINT_URL": proxy.url})
    assert seen == {"AWS4-HMAC-SHA256 Credential=key-of-the-node"}, step.stderr
    assert "access denied" in message_of(step), "the server of the tests knows other keys"


def test_a_metadata_server_of_ec2_that_never_answers_ends_in_one_message() -> None:
    endpoint = f"http://{CLOSED_PORT}/"
    environment = {
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
        LIMIT_VARIABLE: "1",
    }
    step = run_step("s3://bucket/workspace", "s3://bucket/questions", environment)
    assert step.returncode == 75, step.stderr
    assert f"a request for credentials to {endpoint} was tried " in message_of(step)
    assert message_of(step).endswith("elsewhere set these two, or AWS_PROFILE")


def test_a_token_service_that_never_answers_ends_in_one_message(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("of the service account")
    role = {"AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"), "AWS_ROLE_ARN": "arn:aws:iam::1:role/steps"}
    service = {"AWS_ENDPOINT_URL_STS": f"http://{CLOSED_PORT}", "AWS_DEFAULT_REGION": "us-east-1", LIMIT_VARIABLE: "1"}
    step = run_step("s3://bucket/workspace", "s3://bucket/questions", {**role, **service, "AWS_MAX_ATTEMPTS": "1"})
    assert step.returncode == 75, step.stderr
    assert f'Could not connect to the endpoint URL: "http://{CLOSED_PORT}/"' in message_of(step)


@pytest.mark.parametrize(
    ("scheme", "place", "remedy"),
    [
        ("gs", {"NO_GCE_CHECK": "true"}, "gcloud auth application-default login"),
        ("gs", {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "give the step's service account Workload Identity"),
        ("gs", {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, f"put a key file into the Secret {Common.store_secret}"),
        ("s3", {"AWS_EC2_METADATA_DISABLED": "true"}, "AWS_PROFILE"),
        ("s3", {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "give the step's service account a role"),
        ("s3", {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, f"into the Secret {Common.store_secret}"),
    ],
)
def test_no_credentials_and_no_metadata_server_is_bad_input(scheme: str, place: dict[str, str], remedy: str) -> None:
    google = {"GCE_METADATA_TIMEOUT": "1", "GCE_METADATA_DETECT_RETRIES": "1"}
    aws = {"AWS_DEFAULT_REGION": "us-east-1", "AWS_METADATA_SERVICE_TIMEOUT": "1"}
    step = run_step(f"{scheme}://bucket/w", f"{scheme}://bucket/q", {**google, **aws, LIMIT_VARIABLE: "1", **place})
    assert step.returncode == 2, step.stderr
    assert "no credentials found for this store, and no metadata server that gives them: on a" in message_of(step)
    assert remedy in message_of(step)
