"""A cluster's two APIs as one real HTTP server: it answers what a test tells it, and keeps what it was asked."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from huggingface_hub import constants

from pipelines.cluster import argo_retries
from tests.components.shared.kubernetes_server import write_kubeconfig
from tests.fault_proxy import new_clients
from tests.pipelines.cluster.kept_pipelines import KeptPipelines

NAMESPACE = "team-a"
RUN_ID = "5c2f8a9e-0d7b-4b6f-9a53-7b0f4c6f9d11"

# Answers a request ("GET /path"), with its query and body; None where it is none of its own.
Part = Callable[[str, Mapping[str, str], Any], tuple[int, Any] | None]


@dataclass
class Server:
    """What stands at which path: a status and a body, or a list of them, one a request."""

    url: str = ""
    answers: dict[str, Any] = field(default_factory=dict)  # "GET /path" -> (status, body)
    pages: set[str] = field(default_factory=set)  # what is answered with a page instead of JSON
    asked: list[tuple[str, Any]] = field(default_factory=list)
    wants_credentials: bool = False  # refuse whoever sends none
    authorizations: set[str] = field(default_factory=set)  # that requests came with
    parts: list[Part] = field(default_factory=list)  # of a cluster that answer for themselves

    def on(self, request: str, body: Any, status: int = 200) -> None:
        """Answer ``request`` ("GET /path") so."""
        self.answers[request] = (status, body)

    def in_turn(self, request: str, *bodies: Any) -> None:
        """Answer ``request`` with one body after another, then with the last; (status, body) where it is not 200."""
        self.answers[request] = list(bodies)

    def body_of(self, request: str) -> Any:
        """Return what the last such request sent."""
        return next(body for asked, body in reversed(self.asked) if asked == request)

    def answer(self, request: str, body: Any, query: Mapping[str, str]) -> tuple[int, Any]:
        self.asked.append((request, body))
        for part in self.parts:
            if (said := part(request, query, body)) is not None:
                return said
        found = self.answers.get(request, (404, {"message": f"no {request}", "reason": "NotFound"}))
        if isinstance(found, list):
            body = found.pop(0) if len(found) > 1 else found[0]
            return body if isinstance(body, tuple) else (200, body)
        status, content = found
        return status, content(body) if callable(content) else content


@pytest.fixture
def server() -> Iterator[Server]:
    """The server, with nothing at any path."""
    with serving() as state:
        yield state


@contextmanager
def serving() -> Iterator[Server]:
    """Serve within the block, for a test or a picture."""
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            sent = self.rfile.read(length)
            state.authorizations.add(self.headers.get("Authorization", ""))
            address = urlsplit(self.path)
            request, query = f"{self.command} {address.path}", dict(parse_qsl(address.query))
            status, content = state.answer(request, json.loads(sent) if sent[:1] in (b"{", b"[") else sent, query)
            if state.wants_credentials and "Authorization" not in self.headers:
                status, content = 401, {"error": "no token", "code": 16, "message": "no token"}
            page = request in state.pages
            text = content if isinstance(content, bytes) else None  # a log
            data = b"<!doctype html>" if page else json.dumps(content).encode() if text is None else text
            self.send_response(status)
            kind = "text/html; charset=utf-8" if page else "application/json" if text is None else "text/plain"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815 - the names of the base class

        def log_message(self, *_: Any) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{http.server_address[1]}"
    threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield state
    http.shutdown()
    http.server_close()


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes every request and answers none, as a port-forward does whose pod is gone."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture
def no_keys(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Who submits a run may have no keys of its store: those of earlier tests are forgotten with their clients."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")  # otherwise it is asked for some, half a minute in vain
    with new_clients():
        yield


@pytest.fixture
def kubeflow(server: Server, no_keys: None) -> Server:
    """Kubeflow Pipelines 2.17 for several users: one experiment, room for a run."""
    answer_as_kubeflow(server)
    return server


def answer_as_kubeflow(server: Server) -> None:
    server.on("GET /apis/v2beta1/healthz", {"multi_user": True, "pipeline_store": "database"})
    server.on("GET /apis/v1beta1/healthz", {"commit_sha": "abc", "tag_name": "2.17.0", "multi_user": True})
    server.on("GET /apis/v2beta1/experiments", {"experiments": [EXPERIMENT], "total_size": 1})
    server.on("GET /apis/v2beta1/runs", {"runs": []})
    server.on("POST /apis/v2beta1/runs", lambda run: run | {"run_id": RUN_ID, "state": "PENDING"})
    server.parts.append(KeptPipelines())


def kept_pipelines(server: Server) -> KeptPipelines:
    """Return the pipelines that Kubeflow keeps."""
    return next(part for part in server.parts if isinstance(part, KeptPipelines))


@pytest.fixture
def guarded(kubeflow: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """Kubeflow Pipelines that answers nobody without a token; the caller has one."""
    (token := tmp_path / "token").write_text("secret")
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(token))
    kubeflow.wants_credentials = True
    return kubeflow


EXPERIMENT = {"experiment_id": "e1", "display_name": "scalequest", "namespace": NAMESPACE}


@pytest.fixture(autouse=True)
def no_other_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No Kubernetes API but one that a test names: never that of whoever runs the tests."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "no-kubeconfig"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)


@pytest.fixture(autouse=True)
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """No hub but one that a test serves."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


@pytest.fixture
def cluster(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A Kubernetes API that kubectl's configuration names, where everything that a run needs is there."""
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig_of(server.url, tmp_path)))
    core = f"/api/v1/namespaces/{NAMESPACE}"
    server.on(f"GET {core}", {"metadata": {"name": NAMESPACE, "labels": {"kubernetes.io/metadata.name": NAMESPACE}}})
    for secret, key in (("huggingface-token", "token"), ("rewriter-key", "key")):
        server.on(f"GET {core}/secrets/{secret}", {"metadata": {"name": secret}, "data": {key: "eA=="}})
    reviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    server.on(f"POST {reviews}", lambda review: review | {"status": {"allowed": True}})
    group = {"name": "kueue.x-k8s.io", "versions": [{"groupVersion": "kueue.x-k8s.io/v1beta2", "version": "v1beta2"}]}
    versions = [{"groupVersion": "trainer.kubeflow.org/v1alpha1", "version": "v1alpha1"}]
    trainer = {"name": "trainer.kubeflow.org", "versions": versions}
    server.on("GET /apis/", {"kind": "APIGroupList", "groups": [group, trainer]})
    queued = {"kueue.x-k8s.io/queue-name": "scalequest-gpu"}
    server.on(f"GET {RUNTIME}", {"metadata": {"name": "scalequest-training", "labels": queued}})
    server.on(f"POST {RIGHTS}", lambda review: review | {"status": {"allowed": True}})
    active = {"conditions": [{"type": "Active", "status": "True"}]}
    server.on(f"GET {QUEUE}", {"spec": {"clusterQueue": "gpus"}, "status": active})
    server.on(f"GET {CLUSTER_QUEUE}", {"spec": {"namespaceSelector": {}, "resourceGroups": [QUOTA]}, "status": active})
    identity = {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/r", "iam.gke.io/gcp-service-account": "s@p.iam"}
    account = {"metadata": {"name": "scalequest", "annotations": identity}}
    server.on(f"GET {core}/serviceaccounts/scalequest", account)
    server.on(f"GET {core}/configmaps/kfp-launcher", {"data": {"defaultPipelineRoot": "s3://bucket/kfp"}})
    server.on(f"GET {KUBEFLOW_DEPLOYMENT}", deployment("2.17.0"))
    server.on(f"GET {KUEUE_DEPLOYMENT}", kueue("registry.k8s.io/kueue/kueue:v0.19.2"))
    defaults = {"metadata": {"name": "workflow-controller-configmap", "namespace": "kubeflow"}, "data": {}}
    server.on(f"GET {CONTROLLER}", argo_retries.merged(defaults))
    server.on("GET /api/v1/nodes", {"items": [node()]})
    return server


def kubeconfig_of(url: str, folder: Path) -> Path:
    """Write the configuration of kubectl for a cluster at an address."""
    path = folder / "kubeconfig"
    write_kubeconfig(path, url, token="secret-token")
    return path


RUNTIME = f"/apis/trainer.kubeflow.org/v1alpha1/namespaces/{NAMESPACE}/trainingruntimes/scalequest-training"
RIGHTS = f"/apis/authorization.k8s.io/v1/namespaces/{NAMESPACE}/localsubjectaccessreviews"
QUEUE = f"/apis/kueue.x-k8s.io/v1beta2/namespaces/{NAMESPACE}/localqueues/scalequest-gpu"


CLUSTER_QUEUE = "/apis/kueue.x-k8s.io/v1beta2/clusterqueues/gpus"
KUBEFLOW_DEPLOYMENT = "/apis/apps/v1/namespaces/kubeflow/deployments/ml-pipeline"
KUEUE_DEPLOYMENT = "/apis/apps/v1/namespaces/kueue-system/deployments/kueue-controller-manager"
CONTROLLER = "/api/v1/namespaces/kubeflow/configmaps/workflow-controller-configmap"
RESOURCES = {"nvidia.com/gpu": "16", "cpu": "192", "memory": "2000Gi"}
FLAVOR = {"name": "a100", "resources": [{"name": name, "nominalQuota": value} for name, value in RESOURCES.items()]}
QUOTA = {"coveredResources": [*RESOURCES], "flavors": [FLAVOR]}


def deployment(tag: str, *env: dict[str, Any]) -> dict[str, Any]:
    """Kubeflow's API server as its manifests have it, with an image and further variables."""
    container = {"name": "ml-pipeline-api-server", "image": f"kubeflow/kfp-api-server:{tag}", "env": [*env]}
    labels = {"app": "ml-pipeline"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    return {"metadata": {"name": "ml-pipeline"}, "spec": {"selector": {"matchLabels": labels}, "template": template}}


def kueue(image: str, *args: str) -> dict[str, Any]:
    """Kueue's controller as its manifests have it, with an image and further arguments."""
    container = {"name": "manager", "image": image, "args": ["--config=/controller_manager_config.yaml", *args]}
    labels = {"control-plane": "controller-manager"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    return {
        "metadata": {"name": "kueue-controller-manager"},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }


def node(**allocatable: str) -> dict[str, Any]:
    """A node with eight A100s of 80 GB, as the API lists it; ``allocatable`` says what is otherwise."""
    left = {"cpu": "95690m", "memory": "1220Gi", "nvidia.com/gpu": "8", "ephemeral-storage": "2400Gi"} | allocatable
    labels = {"cloud.google.com/gke-accelerator": "nvidia-a100-80gb", "nvidia.com/cuda.driver-version.major": "580"}
    return {"metadata": {"name": "gpu-1", "labels": labels}, "status": {"allocatable": left}}
