"""What every engine promises, whatever answers: the same cases for the scripted one, an HTTP server's, and vLLM."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from components.shared.config.engines import ENGINES
from components.shared.engines import UNANSWERED, Engine, Request, Result, Sampling, open_engine
from components.shared.engines.scripted_engine import IN_FLIGHT, ScriptedEngine
from tests.components.shared.engines.served import Answer, refusal, serve
from tests.components.shared.engines.test_open_engine import config

VLLM = pytest.param("vllm", marks=pytest.mark.model)
EACH = [pytest.param(name, marks=pytest.mark.model if kind.loads_weights else ()) for name, kind in ENGINES.items()]
MAX_MODEL_LEN = 256  # in tokens, of the models that have a limit here
MAX_CONCURRENCY = 4  # of the HTTP server's
# How many requests may be pulled and not answered yet; vLLM computes 64 samples at once on a CPU, and as many wait.
AHEAD = {"ScriptedEngine": IN_FLIGHT, "OpenAIEngine": MAX_CONCURRENCY, "VllmEngine": 2 * 64}
SAMPLING = Sampling(temperature=1.0, max_tokens=64)
GREEDY = Sampling(temperature=0.0, max_tokens=64)
MESSAGE = "What is 20 + 22?"
OVER_LONG = "x " * MAX_MODEL_LEN


@pytest.fixture(scope="module", params=EACH)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Each engine, opened as a step opens it."""
    with ExitStack() as stack:
        options: dict[str, Any] = {"engine": request.param}
        model = "openai:m"
        if request.param == "openai":
            options["endpoint"] = stack.enter_context(serve(_answer_as_a_server_does)).url
            options["max_concurrency"] = MAX_CONCURRENCY
        if request.param == "vllm":
            options["max_model_len"] = MAX_MODEL_LEN
            model = str(request.getfixturevalue("tiny_model"))
        yield stack.enter_context(closing(open_engine(config(**options), model)))


def _answer_as_a_server_does(body: dict[str, Any], _: int) -> Answer:
    """Answer with the scripted model's samples, or say that the prompt is too long, as a real server words it."""
    message = body["messages"][-1]["content"]
    if len(message) > MAX_MODEL_LEN:
        words = f"This model's maximum context length is {MAX_MODEL_LEN} tokens"
        return refusal(400, words, code="context_length_exceeded")
    sampling = Sampling(temperature=body["temperature"], max_tokens=body["max_tokens"])
    asked = Request(key=0, message=message, seed=body["seed"], num_samples=body["n"])
    (result,) = ScriptedEngine("m").generate([asked], sampling)
    choices = [
        {"message": {"role": "assistant", "content": sample.text}, "finish_reason": sample.finish_reason}
        for sample in result.completions
    ]
    usage = {
        "prompt_tokens": sum(len(message["content"].split()) for message in body["messages"]),
        "completion_tokens": sum(sample.num_tokens for sample in result.completions),
    }
    return Answer(body={"choices": choices, "usage": usage})


def requests(count: int, *, num_samples: int = 1, message: str = MESSAGE) -> list[Request[Any]]:
    """Return requests that differ by their seeds alone; a key is whatever the caller likes."""
    return [Request(key=["row", n], message=message, seed=n * 10, num_samples=num_samples) for n in range(count)]


def by_row(results: Iterable[Result[Any]]) -> dict[int, list[str]]:
    return {result.key[1]: [completion.text for completion in result.completions] for result in results}


def test_every_request_is_answered_once_in_any_order_and_comes_back_with_its_answer(engine: Engine) -> None:
    asked = requests(100)
    answered = [result.request for result in engine.generate(iter(asked), SAMPLING)]
    assert sorted(map(id, answered)) == sorted(map(id, asked))


@pytest.mark.parametrize("num_samples", [1, 3])
def test_each_of_the_samples_has_a_text_its_tokens_and_a_finish_reason(engine: Engine, num_samples: int) -> None:
    results = list(engine.generate(requests(20, num_samples=num_samples), SAMPLING))
    completions = [completion for result in results for completion in result.completions]
    assert [len(result.completions) for result in results] == [num_samples] * 20
    assert all(result.num_prompt_tokens > 0 for result in results)
    assert {completion.finish_reason for completion in completions} <= {"stop", "length"}
    assert all(1 <= completion.num_tokens <= SAMPLING.max_tokens for completion in completions)
    assert any(completion.text for completion in completions)
    assert not any(completion.detail for completion in completions)


def test_a_seed_decides_the_samples_and_they_differ_among_themselves(engine: Engine) -> None:
    first, again = (by_row(engine.generate(requests(20, num_samples=3), SAMPLING)) for _ in range(2))
    assert first == again
    assert len({tuple(texts) for texts in first.values()}) > 10  # of 20 seeds
    assert any(len(set(texts)) > 1 for texts in first.values())


def test_a_sample_does_not_depend_on_what_is_asked_beside_it(engine: Engine) -> None:
    together = by_row(engine.generate(requests(20), SAMPLING))
    alone = [by_row(engine.generate([request], SAMPLING)) for request in requests(20)[::7]]
    assert alone == [{row: together[row]} for row in range(0, 20, 7)]


def test_without_a_temperature_the_seed_decides_nothing(engine: Engine) -> None:
    texts = by_row(engine.generate(requests(5), GREEDY))
    assert len({text for (text,) in texts.values()}) == 1


def test_what_is_cut_off_is_so_by_length(engine: Engine) -> None:
    cut = Sampling(temperature=1.0, max_tokens=2)
    completions = [result.completions[0] for result in engine.generate(requests(20), cut)]
    assert {completion.num_tokens for completion in completions if completion.finish_reason == "length"} == {2}
    assert all(completion.num_tokens <= 2 for completion in completions)


def test_turns_that_came_before_are_part_of_the_prompt(engine: Engine) -> None:
    (bare,) = engine.generate([Request(key=0, message=MESSAGE, seed=0)], GREEDY)
    (shown,) = engine.generate([Request(key=0, message=MESSAGE, seed=0, examples=(("1+1?", "2"),))], GREEDY)
    assert shown.num_prompt_tokens > bare.num_prompt_tokens


@pytest.mark.parametrize("engine", ["openai", VLLM], indirect=True)  # the scripted one takes a prompt of any length
def test_what_has_no_answer_says_why_for_each_sample_and_the_others_go_on(engine: Engine) -> None:
    asked = [Request(key=["long", 0], message=OVER_LONG, seed=0, num_samples=2), *requests(3)]
    results = {result.key[0]: result for result in engine.generate(asked, SAMPLING)}
    completions = results["long"].completions
    assert len(completions) == 2
    for completion in completions:
        assert completion.finish_reason in UNANSWERED
        assert (completion.text, completion.num_tokens) == ("", 0)
        assert completion.detail
    assert results["row"].completions[0].finish_reason in ("stop", "length")


def test_an_endless_stream_is_pulled_no_faster_than_it_is_answered_and_may_be_left(engine: Engine) -> None:
    pulled: list[int] = []

    def endless() -> Iterator[Request[Any]]:
        for number in range(10**9):
            pulled.append(number)
            yield Request(key=["endless", number], message=MESSAGE, seed=number)

    results = engine.generate(endless(), SAMPLING)
    for _ in range(10):
        next(results)
    ahead = AHEAD.get(type(engine).__name__)
    assert len(pulled) <= 10 + (ahead or max(AHEAD.values()))
    assert ahead is None or ahead // 2 < len(pulled)
    results.close()  # type: ignore[attr-defined]
    assert sorted(by_row(engine.generate(requests(3), SAMPLING))) == [0, 1, 2]


def test_what_goes_wrong_where_requests_come_from_is_raised_and_the_engine_works_on(engine: Engine) -> None:
    def broken() -> Iterator[Request[Any]]:
        yield from requests(3)
        raise KeyError("ours")

    with pytest.raises(KeyError, match="ours"):
        list(engine.generate(broken(), SAMPLING))
    assert sorted(by_row(engine.generate(requests(3), SAMPLING))) == [0, 1, 2]


def test_no_request_has_no_result(engine: Engine) -> None:
    assert list(engine.generate([], SAMPLING)) == []


@pytest.mark.parametrize("name", EACH)
def test_an_engine_may_be_closed_twice(name: str, tiny_model: Path) -> None:
    options = {"endpoint": "http://127.0.0.1:9/v1"} if name == "openai" else {"max_model_len": MAX_MODEL_LEN}
    engine = open_engine(config(engine=name, **options), "openai:m" if name == "openai" else str(tiny_model))
    engine.close()
    left = {*threading.enumerate()}
    engine.close()
    assert {*threading.enumerate()} <= left, "the second call does nothing"
