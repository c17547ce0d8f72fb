"""What stands between an engine and its server: names, certificates, TLS, and what a server does to several samples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tenacity.wait import wait_none

from components.shared.engines import Request, Result, Sampling, _endpoint
from components.shared.engines._endpoint_replies import ending
from components.shared.engines.openai_engine import OpenAIEngine
from components.shared.errors import InputError, UnavailableError
from components.shared.stores import retries
from tests.components.shared.engines.served import Answer, Served, refusal, reply, self_signed, serve

SAMPLING = Sampling(temperature=0.5, max_tokens=100)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "BACKOFF", wait_none())
    monkeypatch.setenv(retries.ENDPOINT_VARIABLE, "5")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a self-signed certificate for 127.0.0.1, and its key."""
    return self_signed(tmp_path_factory.mktemp("certificate"))


def check(url: str, num_samples: int = 1) -> None:
    engine(url).check(SAMPLING, num_samples)


def engine(url: str, *, max_concurrency: int = 2) -> OpenAIEngine:
    return OpenAIEngine(url, "m", api_key_env="SCALEQUEST_TEST_KEY", max_concurrency=max_concurrency)


def ask(served: Served, *messages: str, num_samples: int) -> list[Result[Any]]:
    requests = [Request(key=message, message=message, seed=5, num_samples=num_samples) for message in messages]
    return list(engine(served.url, max_concurrency=1).generate(requests, SAMPLING))


def test_a_certificate_that_nobody_trusts_is_told_at_once_with_the_remedy(certificate: Path) -> None:
    with (
        serve(lambda *_: reply("ok"), certificate=certificate) as served,
        pytest.raises(InputError, match=r"its certificate is not trusted .* SSL_CERT_FILE"),
    ):
        check(served.url)


def test_a_certificate_in_ssl_cert_file_is_trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.parent / "own"))
    with serve(lambda *_: reply("ok"), certificate=certificate) as served:
        check(served.url)
    assert served.requests[0]["model"] == "m"


def test_certificates_that_are_not_there_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "nowhere.pem")
    with pytest.raises(InputError, match="SSL_CERT_FILE"):
        check("https://127.0.0.1:9/v1")


def test_a_server_without_tls_is_to_be_asked_without() -> None:
    with (
        serve(lambda *_: reply("ok")) as served,
        pytest.raises(InputError, match=f"does not speak TLS .*; try {served.url}"),
    ):
        check(served.url.replace("http://", "https://"))


def test_the_name_of_no_host_is_told_after_some_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_endpoint, "NAME_SECONDS", 0.0)
    with pytest.raises(InputError, match=r"no such host .*; check the name"):
        check("http://no-such-host.invalid/v1")


def test_a_server_that_wants_to_be_left_alone_for_hours_ends_the_check() -> None:
    with (
        serve(lambda *_: refusal(429, "tomorrow", retry_after="7200")) as served,
        pytest.raises(UnavailableError, match=r"asks to come back in 7200 s \(HTTP 429: tomorrow\)"),
    ):
        check(served.url)


def test_a_server_that_draws_all_samples_with_one_seed_is_asked_for_one_at_a_time(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with serve(lambda body, _: reply(*[f"seed {body['seed']}"] * body["n"])) as served:
        results = ask(served, "a", "b", num_samples=4)
    for result in results:
        assert [completion.text for completion in result.completions] == [f"seed {seed}" for seed in range(5, 9)]
    assert [body["n"] for body in served.requests] == [4, 1, 1, 1, 1, 1, 1, 1]
    assert "one at a time" in caplog.text


def test_a_model_that_is_sure_of_itself_is_asked_for_all_samples_at_once() -> None:
    with serve(lambda body, _: reply(*["4"] * body["n"])) as served:
        ask(served, *map(str, range(8)), num_samples=3)
    assert [body["n"] for body in served.requests].count(3) == 8
    assert len(served.requests) == 8 + 3


def test_what_a_server_does_not_take_is_learnt_once_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    def picky(body: dict[str, object], _: int) -> Answer:
        for name in ("seed", "top_p"):
            if name in body:
                return refusal(400, f"Unrecognized request argument supplied: {name}")
        return reply("ok")

    with serve(picky) as served:
        results = ask(served, *map(str, range(5)), num_samples=1)
    assert {result.completions[0].text for result in results} == {"ok"}
    assert len([body for body in served.requests if "seed" in body]) == 2  # the first row, and something harmless
    assert [record.getMessage().split(",")[1] for record in caplog.records] == [
        " seed is left out",
        " top_p is left out",
    ]


def test_a_row_whose_refusal_names_a_parameter_changes_nothing_for_the_others() -> None:
    def moderated(body: dict[str, object], _: int) -> Answer:
        text = str(body["messages"])
        return refusal(400, "not allowed: 'What is a seed? n > 1'") if "seed?" in text else reply("ok")

    with serve(moderated) as served:
        results = {
            result.key: result.completions[0] for result in ask(served, "What is a seed? n > 1", "b", num_samples=1)
        }
    assert results["What is a seed? n > 1"].finish_reason == "refused"
    assert results["b"].text == "ok"
    assert all("seed" in body for body in served.requests)


@pytest.mark.parametrize(
    ("word", "means"),
    [
        *((word, "stop") for word in ("stop_words", "stop_str", "eos_found", "</s>", "<|eot_id|>", "<end_of_turn>")),
        *((word, "stop") for word in ("STOPPED_BY_TOKEN", "stopped_eos", "stop_sequence", "word")),
        *((word, "length") for word in ("MAX_TOKENS", "stopped_limit")),
        *((word, "unknown") for word in ("zigzag", "no_eos", "eos_not_found", "<pad>")),
    ],
)
def test_words_for_stop_are_known_by_their_parts(word: str, means: str) -> None:
    assert ending(word) == means
