"""The webhook at the end of a run: told once, tried again, and never a reason for a run to fail."""

from __future__ import annotations

import dataclasses
import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any

import pytest

from components.shared import redaction
from components.shared.errors import InputError
from components.shared.redaction import MASK
from components.shared.stores import retries
from pipelines import webhook
from pipelines.webhook import VARIABLE, EndOfRun, tell, webhook_url
from tests.components.shared.engines.served import reply, self_signed, serve

END = EndOfRun(
    run="20261130-111635-smoke-3f9c61",
    preset="smoke",
    pipeline="scalequest",
    workspace="runs/smoke",
    state="failed",
    exit_code=2,
    steps_done=3,
    num_steps=32,
    began_at="2026-11-30T11:16:35+00:00",
    ended_at="2026-11-30T11:21:02+00:00",
    message="filter_language: error: no such folder",
)


@dataclass
class Hook:
    """A server that answers in turn with these statuses, then with 204, and keeps what it was sent."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hook]:
    """A webhook that the environment names, with a token in its path and its query."""
    state = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            state.asked.append((self.path, dict(self.headers.items()), content))
            self.send_response(state.statuses.pop(0) if state.statuses else 204)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST  # noqa: N815 - the name of the base class

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_address[1]}/services/canary-path?sign=canary-query"
    monkeypatch.setenv(VARIABLE, state.url)
    monkeypatch.setattr(retries, "BACKOFF", lambda _: 0.0)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield state
    server.shutdown()
    server.server_close()


def test_the_end_of_a_run_is_told_as_one_object(hook: Hook) -> None:
    tell(END)
    ((path, headers, content),) = hook.asked
    assert path == "/services/canary-path?sign=canary-query"
    assert headers["Content-Type"] == "application/json"
    assert content == {"event": "run.ended", "version": 1, **vars(END)}


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_what_may_pass_is_tried_again(status: int, hook: Hook) -> None:
    hook.statuses = [status, status]
    tell(END)
    assert len(hook.asked) == 3


@pytest.mark.parametrize("status", [302, 400, 401, 404])
def test_a_refusal_is_logged_once_and_the_url_is_not_shown(
    status: int, hook: Hook, caplog: pytest.LogCaptureFixture
) -> None:
    from components.shared.log_lines import RedactingFormatter

    hook.statuses = [status] * 9
    tell(END)
    assert len(hook.asked) == 1
    (record,) = caplog.records
    said = RedactingFormatter().format(record)
    assert f"was not told that run {END.run} has ended: it refuses this: {status} " in said
    assert "canary" not in said


@pytest.mark.parametrize("status", [501, 505])
def test_what_the_server_will_never_do_is_not_tried_again(status: int, hook: Hook) -> None:
    hook.statuses = [status] * 9
    tell(END)
    assert len(hook.asked) == 1


def test_a_server_whose_certificate_is_not_trusted_is_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with serve(lambda *_: reply("2"), certificate=self_signed(tmp_path)) as served:
        monkeypatch.setenv(VARIABLE, served.url)
        tell(END)
        assert "CERTIFICATE_VERIFY_FAILED" in caplog.text
        assert len(caplog.records) == 1


def test_a_webhook_that_nobody_answers_is_given_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(webhook, "LIMIT_SECONDS", 0.0)
    monkeypatch.setattr(retries, "BACKOFF", lambda _: 0.0)
    monkeypatch.setenv(VARIABLE, "http://127.0.0.1:9/x")
    with caplog.at_level(logging.WARNING):
        tell(END)
    assert "the webhook at 127.0.0.1 was tried 3 times" in caplog.text
    assert "the run is not affected" in caplog.text


def test_nothing_is_told_without_a_url(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE)
    tell(END)
    assert hook.asked == []


@pytest.mark.parametrize(
    "url",
    ["ftp://host/x", "host/x", "https://", "http://[bad/x", "http://[::1/x", "http://host:port/x", "http://h:99999/"],
)
def test_what_is_no_url_of_a_web_server_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, url)
    with pytest.raises(InputError, match=f"{VARIABLE} is not the URL of a web server") as refused:
        webhook_url()
    assert MASK not in str(refused.value)
    tell(END)  # at the end of a run that has begun: nothing is raised


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://user:pw@host/", "has a user before its host"),
        ("https://canary-token@host/x", "has a user before its host"),
        ("http://host/a path", "has a space or another sign"),
        ("http://host/a\tb", "has a space or another sign"),
        ("http://host/é", "has a space or another sign"),
        ("http://ho st/x", "has a space or another sign"),
    ],
)
def test_a_url_that_cannot_be_sent_is_refused_and_raises_nothing_at_the_end(
    url: str, message: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(VARIABLE, url)
    with pytest.raises(InputError, match=message):
        webhook_url()
    tell(END)
    assert message in caplog.text
    assert "canary" not in caplog.text


@pytest.mark.parametrize(
    "answer", [b"garbage\r\n\r\n", b"HTTP/1.1 two hundred\r\n\r\n", b"", b"\x00\xff\x1b[31m\n", b"x" * 70_000]
)
def test_a_server_that_answers_no_http_is_tried_again_and_given_up(
    answer: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            self.request.recv(2**16)
            self.wfile.write(answer)

    monkeypatch.setattr(webhook, "LIMIT_SECONDS", 0.0)
    monkeypatch.setattr(retries, "BACKOFF", lambda _: 0.0)
    with ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        monkeypatch.setenv(VARIABLE, f"http://127.0.0.1:{server.server_address[1]}/x")
        tell(END)
        server.shutdown()
    assert "was tried 3 times" in caplog.text
    assert "\x1b" not in caplog.text
    assert len(caplog.text) < 2000


def test_no_secret_is_sent(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_API_KEY", 'sk-"proj"_é')
    tell(dataclasses.replace(END, message='error: refused: sk-"proj"_é'))
    assert [content["message"] for _, _, content in hook.asked] == [f"error: refused: {MASK}"]


@pytest.mark.parametrize(
    ("url", "said", "shown"),
    [
        ("https://h/webhook", "the webhook /webhook answers", "the webhook /webhook answers"),
        ("https://h/services/T0/B0/x", "no /services/T0/B0/x here", f"no {MASK} here"),
        ("https://h/hook/aLongTokenWith12345Digits", "aLongTokenWith12345Digits is unknown", f"{MASK} is unknown"),
        ("https://h/?sign=abcdefghijklmnop", "GET /?sign=abcdefghijklmnop", f"GET {MASK}"),
    ],
)
def test_the_path_is_hidden_unless_it_may_be_an_ordinary_word(
    url: str, said: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redaction, "_hidden", set())
    monkeypatch.setenv(VARIABLE, url)
    webhook_url()
    assert redaction.redacted(said) == shown
