from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from pipelines.cluster.kubeflow_api import connect
from pipelines.cluster.run_page import run_page
from tests.pipelines.cluster.conftest import NAMESPACE, RUN_ID, Server

PLACE = f"/#/runs/details/{RUN_ID}"


@pytest.fixture
def gateway() -> Iterator[str]:
    """What answers at ml-pipeline-ui and behind a gateway: a page, and the API below the same address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            api = self.path.startswith("/apis/")
            self.send_response(200)
            self.send_header("Content-Type", "application/json" if api else "text/html; charset=UTF-8")
            self.end_headers()
            self.wfile.write(b'{"multi_user": true}' if api else b"<!doctype html>")

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_address[1]}"
        http.shutdown()


def test_where_the_api_stands_behind_the_page_the_address_is_the_same(gateway: str) -> None:
    client, _ = connect(gateway, NAMESPACE)
    assert run_page(client, RUN_ID) == f"{gateway}{PLACE}"


def test_the_port_of_the_api_is_never_given_as_the_page(kubeflow: Server) -> None:
    client, _ = connect(kubeflow.url, NAMESPACE)
    said = run_page(client, RUN_ID)
    assert kubeflow.url not in said
    assert "kubectl port-forward --namespace kubeflow service/ml-pipeline-ui 8080:80" in said
    assert f"http://localhost:8080{PLACE}" in said


def test_the_variable_of_kubeflows_client_names_the_page(kubeflow: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KF_PIPELINES_UI_ENDPOINT", "https://kubeflow.example.com/pipeline/")
    client, _ = connect(kubeflow.url, NAMESPACE)
    assert run_page(client, RUN_ID) == f"https://kubeflow.example.com/pipeline{PLACE}"
