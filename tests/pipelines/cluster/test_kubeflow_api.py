from pathlib import Path

import pytest

from components.shared.errors import InputError, UnavailableError
from pipelines.cluster import kubeflow_api
from pipelines.cluster.kubeflow_api import OWN_NAMESPACE, connect, explained
from tests.pipelines.cluster.conftest import NAMESPACE, Server

HEALTH = "GET /apis/v2beta1/healthz"


@pytest.mark.parametrize("namespace", [NAMESPACE, OWN_NAMESPACE])
def test_a_server_that_fails_is_one_message_at_once(
    namespace: str, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    server.on(HEALTH, {"error": "x", "code": 14, "message": "the database is away"}, 503)
    with (
        pytest.raises(UnavailableError, match=r"responds with 503 \(the database is away\); try again later"),
        explained(server.url, namespace),
    ):
        connect(server.url, namespace)
    assert [asked for asked, _ in server.asked] == [HEALTH]
    captured = capsys.readouterr()
    assert captured.out + captured.err == ""


def test_a_page_to_sign_in_is_no_answer(server: Server) -> None:
    server.on(HEALTH, None)
    server.pages.add(HEALTH)
    with pytest.raises(
        InputError, match="healthz responds with a web page instead of Kubeflow Pipelines' API: you must"
    ):
        connect(server.url, NAMESPACE)


def test_a_page_of_a_gateway_is_not_repeated(server: Server) -> None:
    server.on(HEALTH, None, 502)
    server.pages.add(HEALTH)
    with pytest.raises(UnavailableError, match=r"responds with 502 \(Bad Gateway\)"), explained(server.url, NAMESPACE):
        connect(server.url, NAMESPACE)


def test_a_server_that_never_answers_is_not_waited_for_for_ever(silent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubeflow_api, "TIMEOUT", (5, 0.1))
    with pytest.raises(UnavailableError, match=r"does not respond .*timed out"), explained(silent, NAMESPACE):
        connect(silent, NAMESPACE)


def test_an_address_without_a_scheme_is_refused() -> None:
    with pytest.raises(InputError, match="--host 'localhost:8888' has no scheme; write http://localhost"):
        connect("localhost:8888", NAMESPACE)


def test_a_token_is_shown_to_the_server_and_one_that_is_not_there_is_refused(
    kubeflow: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (token := tmp_path / "token").write_text("secret")
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(token))
    connect(kubeflow.url, NAMESPACE)
    assert kubeflow.authorizations == {"Bearer secret"}
    token.unlink()
    with pytest.raises(InputError, match="KF_PIPELINES_SA_TOKEN_PATH names /"):
        connect(kubeflow.url, NAMESPACE)
