from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from tenacity.wait import wait_none

from components.shared.engines import Request, Result, Sampling
from components.shared.engines.openai_engine import OpenAIEngine
from components.shared.errors import InputError, UnavailableError
from components.shared.stores import retries
from components.shared.stores.retries import ENDPOINT_VARIABLE
from tests.components.shared.engines.served import Answer, Served, refusal, reply, serve

SAMPLING = Sampling(temperature=0.5, top_p=0.9, max_tokens=100)
KEY_VARIABLE = "SCALEQUEST_TEST_KEY"


@pytest.fixture(autouse=True)
def _short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENDPOINT_VARIABLE, "0.5")
    monkeypatch.setattr(retries, "BACKOFF", wait_none())


def open_engine(url: str, *, max_concurrency: int = 4, timeout_seconds: float = 60.0) -> OpenAIEngine:
    return OpenAIEngine(
        url,
        "served-model",
        api_key_env=KEY_VARIABLE,
        max_concurrency=max_concurrency,
        timeout_seconds=timeout_seconds,
    )


def ask(served: Served, *messages: str, num_samples: int = 1, **options: Any) -> list[Result[Any]]:
    requests = [Request(key=m, message=m, seed=5, num_samples=num_samples) for m in messages]
    return list(open_engine(served.url, **options).generate(requests, SAMPLING))


def texts(results: Iterable[Result[Any]]) -> dict[str, tuple[str, ...]]:
    return {result.request.key: tuple(completion.text for completion in result.completions) for result in results}


def test_every_request_is_answered_once_under_its_own_key() -> None:
    with serve(lambda body, _: reply(body["messages"][0]["content"].upper())) as served:
        results = ask(served, *(f"question {number}" for number in range(20)))
    assert texts(results) == {f"question {number}": (f"QUESTION {number}",) for number in range(20)}
    assert len(served.requests) == 20


def test_the_request_carries_model_sampling_seed_and_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "secret")
    with serve(lambda *_: reply("a", "b")) as served:
        (result,) = ask(served, "2+2?", num_samples=2)
    assert served.requests == [
        {
            "model": "served-model",
            "messages": [{"role": "user", "content": "2+2?"}],
            "temperature": 0.5,
            "top_p": 0.9,
            "max_tokens": 100,
            "n": 2,
            "seed": 5,
        }
    ]
    assert served.keys == ["Bearer secret"]
    assert result.num_prompt_tokens == 11
    assert [completion.num_tokens for completion in result.completions] == [7, 7]


def test_examples_are_earlier_messages() -> None:
    examples = (("1+1?", "2"), ("2+2?", "4"))
    request = Request(key=0, message="3+3?", seed=5, examples=examples)
    with serve(lambda *_: reply("6")) as served:
        list(open_engine(served.url).generate([request], SAMPLING))
    assert [(message["role"], message["content"]) for message in served.requests[0]["messages"]] == [
        ("user", "1+1?"),
        ("assistant", "2"),
        ("user", "2+2?"),
        ("assistant", "4"),
        ("user", "3+3?"),
    ]


def test_finish_reason_is_kept() -> None:
    with serve(lambda *_: reply("half an ans", finish_reason="length")) as served:
        (result,) = ask(served, "q")
    assert result.completions[0].finish_reason == "length"


def test_a_server_that_ignores_n_is_asked_again_with_other_seeds() -> None:
    with serve(lambda body, _: reply(f"seed {body['seed']}")) as served:
        results = ask(served, "q", num_samples=3)
    assert texts(results) == {"q": ("seed 5", "seed 6", "seed 7")}


@pytest.mark.parametrize("n_is_ignored", [False, True])
def test_a_server_whose_samples_are_all_the_same_is_named_once(
    n_is_ignored: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with serve(lambda body, _: reply(*["It is 4."] * (1 if n_is_ignored else body["n"]))) as served:
        results = ask(served, *(f"q{number}" for number in range(8)), num_samples=3)
    assert set(texts(results).values()) == {("It is 4.",) * 3}
    assert caplog.text.count("all samples of a request were the same") == 1


def test_no_more_requests_at_once_than_max_concurrency() -> None:
    three = threading.Barrier(3, timeout=60)

    def together(body: dict[str, Any], number: int) -> Answer:
        three.wait()
        return reply("ok")

    with serve(together) as served:
        ask(served, *map(str, range(30)), max_concurrency=3)
    assert served.most_at_once == 3


@pytest.mark.parametrize(
    "trouble",
    [
        refusal(500, "overloaded"),
        refusal(503, "loading"),
        refusal(429, "slow down"),
        Answer(body=b"<html>not JSON</html>"),
        Answer(body={"choices": [{"message": {"content": "a long text"}}]}, cut=True),
    ],
    ids=["500", "503", "429", "not_json", "truncated"],
)
def test_a_passing_trouble_is_waited_out(trouble: Answer) -> None:
    with serve(lambda _, number: trouble if number <= 2 else reply("in the end")) as served:
        results = ask(served, "q")
    assert texts(results) == {"q": ("in the end",)}
    assert len(served.requests) == 3


@pytest.mark.parametrize("as_date", [False, True], ids=["seconds", "date"])
def test_retry_after_is_honoured(as_date: bool) -> None:
    started = time.monotonic()
    wanted = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True) if as_date else "0.5"
    with serve(lambda _, number: refusal(429, "later", retry_after=wanted) if number == 1 else reply("ok")) as served:
        ask(served, "q")
    assert time.monotonic() - started >= 0.5


def test_a_timeout_is_tried_again() -> None:
    answered = threading.Event()

    def never_at_first(_: dict[str, Any], number: int) -> Answer:
        if number == 1:
            answered.wait(60)
        return reply("ok")

    with serve(never_at_first) as served:
        assert texts(ask(served, "q", timeout_seconds=1.0)) == {"q": ("ok",)}
        answered.set()
    assert len(served.requests) >= 2


def test_an_endpoint_that_stays_down_is_one_error_after_the_attempts() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    message = rf"{url} was tried \d+ times in \d+ s.*check the endpoint"
    with pytest.raises(UnavailableError, match=message):
        list(open_engine(url).generate([Request(key=0, message="q", seed=0)], SAMPLING))


@pytest.mark.parametrize(
    "trouble",
    [
        refusal(500, "no"),
        refusal(403, "moderated"),
        refusal(429, "too large"),
        Answer(body=b"\xff{"),
        Answer(status=418),
    ],
    ids=["500", "403", "429", "garbled", "418"],
)
def test_a_row_that_is_never_answered_is_a_result_with_the_words_and_the_others_go_on(trouble: Answer) -> None:
    def answer(body: dict[str, Any], _: int) -> Answer:
        return trouble if body["messages"][0]["content"] == "3" else reply("ok")

    with serve(answer) as served:
        results = {result.key: result.completions[0] for result in ask(served, *map(str, range(10)))}
    rejected = results.pop("3")
    assert rejected.finish_reason == "refused"
    assert served.url in rejected.detail
    assert {completion.text for completion in results.values()} == {"ok"}


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_stops_at_once_and_is_not_shown(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "sk-very-secret")
    with serve(lambda *_: refusal(status, "bad key sk-very-secret")) as served:
        with pytest.raises(InputError, match=f"refuses the key in the environment variable {KEY_VARIABLE}") as caught:
            ask(served, "q")
        assert served.url in str(caught.value)
    assert "sk-very-secret" not in str(caught.value)
    assert len(served.requests) == 2  # something harmless, too


def test_a_missing_key_is_named() -> None:
    with (
        serve(lambda *_: refusal(401, "who are you")) as served,
        pytest.raises(InputError, match=f"requires a key, but none is in the environment variable {KEY_VARIABLE}"),
    ):
        ask(served, "q")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (refusal(429, "pay first", code="insufficient_quota"), "HTTP 429: pay first"),
        (
            refusal(404, "The model `served-model` does not exist", code="model_not_found"),
            r"does not serve the model 'served-model' \(HTTP 404",
        ),
    ],
    ids=["an exhausted quota", "an unknown model"],
)
def test_what_no_waiting_mends_stops_at_once(answer: Answer, message: str) -> None:
    with serve(lambda *_: answer) as served:
        with pytest.raises(InputError, match=message):
            ask(served, "q")
        assert len(served.requests) == 2


def test_a_server_that_wants_to_be_left_alone_for_hours_stops_the_run() -> None:
    with (
        serve(lambda *_: refusal(429, "tomorrow", retry_after="7200")) as served,
        pytest.raises(UnavailableError, match="asks to come back in 7200 s"),
    ):
        ask(served, "q")


def test_a_prompt_that_is_too_long_is_a_result_and_the_others_go_on() -> None:
    def answer(body: dict[str, Any], _: int) -> Answer:
        if body["messages"][0]["content"] == "long":
            return refusal(400, "This model's maximum context length is 10 tokens", code="context_length_exceeded")
        return reply("ok")

    with serve(answer) as served:
        results = {result.request.key: result for result in ask(served, "long", "short")}
    assert [completion.finish_reason for completion in results["long"].completions] == ["too_long"]
    assert texts([results["short"]]) == {"short": ("ok",)}


@pytest.mark.parametrize("messages", [("hideous", "fine", "kind"), ("hideous",)], ids=["among_others", "first_of_all"])
@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_text_that_the_server_does_not_take_is_a_result_and_the_others_go_on(
    status: int, messages: tuple[str, ...]
) -> None:
    def answer(body: dict[str, Any], _: int) -> Answer:
        text = body["messages"][0]["content"]
        return refusal(status, "filtered", code="content_filter") if text == "hideous" else reply(text)

    with serve(answer) as served:
        results = {result.request.key: result for result in ask(served, *messages)}
    (completion,) = results.pop("hideous").completions
    assert completion.finish_reason == "refused"
    assert completion.detail.endswith(f"refuses the request: HTTP {status}: filtered")
    assert texts(results.values()) == {message: (message,) for message in messages[1:]}


def test_a_server_that_takes_no_request_as_we_put_it_stops_the_run() -> None:
    with (
        serve(lambda *_: refusal(400, "Unsupported parameter: 'max_tokens'")) as served,
        pytest.raises(InputError, match="refuses the request: HTTP 400: Unsupported parameter: 'max_tokens'"),
    ):
        ask(served, *map(str, range(3)))


@pytest.mark.parametrize(
    "trouble",
    [
        refusal(400, "Your credit balance is too low"),
        refusal(413, "larger than 1 kB"),
        refusal(422, "n must be 1"),
        refusal(400, "This model's maximum context length is 50 tokens"),
    ],
    ids=["no_credit", "other_size", "other_options", "other_context"],
)
def test_a_server_that_refuses_everything_after_some_answers_stops_the_run_and_rejects_nothing(
    trouble: Answer,
) -> None:
    results: list[Result[Any]] = []
    with serve(lambda _, number: reply("ok", "yes") if number <= 2 else trouble) as served:
        requests = [Request(key=str(n), message=f"q{n}", seed=n, num_samples=2) for n in range(6)]
        message = rf"HTTP {trouble.status}: .*; it also refuses a harmless request: check the account"
        with pytest.raises(InputError, match=message):
            results.extend(open_engine(served.url, max_concurrency=1).generate(requests, SAMPLING))
    assert texts(results) == {"0": ("ok", "yes"), "1": ("ok", "yes")}


def test_replies_without_choices_are_of_a_wrong_address_in_a_check_alone() -> None:
    with serve(lambda *_: Answer(body={"object": "nothing"})) as served:
        with pytest.raises(InputError, match=r"has no choices.*check the address"):
            open_engine(served.url).check(SAMPLING, 1)
        with pytest.raises(UnavailableError, match="has no choices"):
            ask(served, "q")


def test_choices_that_are_null_pass_in_a_check_too() -> None:
    with (
        serve(lambda *_: Answer(body={"choices": None})) as served,
        pytest.raises(UnavailableError, match="has no choices"),
    ):
        open_engine(served.url).check(SAMPLING, 1)


def test_the_bare_prefix_is_refused() -> None:
    with serve(lambda *_: reply("ok")) as served, pytest.raises(InputError, match="cannot continue the bare user"):
        ask(served, "")


def test_an_endpoint_without_a_scheme_is_refused() -> None:
    with pytest.raises(InputError, match=r"cannot be used; expected .* https://"):
        list(open_engine("localhost:1/v1").generate([Request(key=0, message="q", seed=0)], SAMPLING))


MODELS = {
    "listed": Answer(body={"data": [{"id": "served-model"}]}),
    "others": Answer(body={"data": [{"id": "served-model:latest"}]}),
    "bare": Answer(body=[{"id": "served-model"}]),
    "none": Answer(status=404),
    "empty": Answer(body={"data": []}),
    "forbidden": refusal(403, "no right to list"),
    "html": Answer(body=b"<html>no</html>"),
}


@pytest.mark.parametrize("models", MODELS)
def test_check_asks_as_rows_do_and_the_list_of_models_decides_nothing(
    models: str, caplog: pytest.LogCaptureFixture
) -> None:
    with serve(lambda *_: reply("ok", "ok"), MODELS[models]) as served:
        open_engine(served.url).check(SAMPLING, 2)
    (asked,) = served.requests
    assert (asked["n"], asked["temperature"], asked["seed"]) == (2, 0.5, 2**31 - 1)
    assert bool(caplog.records) == (models not in ("listed", "bare", "empty"))


def test_check_finds_a_refused_key() -> None:
    with (
        serve(lambda *_: refusal(401, "no"), refusal(401, "no")) as served,
        pytest.raises(InputError, match=KEY_VARIABLE),
    ):
        open_engine(served.url).check(SAMPLING, 1)
