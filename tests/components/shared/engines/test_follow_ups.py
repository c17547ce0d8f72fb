from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from components.shared.engines import Completion, Request, Result, Sampling
from components.shared.engines.follow_ups import FollowingEngine
from components.shared.engines.scripted_engine import ScriptedEngine

SAMPLING = Sampling(temperature=0.0, max_tokens=100)


def requests(number: int) -> Iterator[Request[int]]:
    return (Request(key=key, message=f"What is {key} + 1?", seed=key) for key in range(number))


def asked_so_often(key: int, replies: Sequence[Completion]) -> Request[None] | None:
    """Ask three times about an even number, and once about another."""
    if key % 2 or len(replies) == 3:
        return None
    return Request(message=f"What is {key} + {len(replies) + 1}?", seed=key)


def test_each_row_has_all_its_replies_in_the_order_in_which_they_were_asked_for() -> None:
    engine = FollowingEngine(ScriptedEngine("s"), asked_so_often)
    results = {result.key: result for result in engine.generate(requests(20), SAMPLING)}
    assert sorted(results) == list(range(20))
    for key, result in results.items():
        messages = [f"What is {key} + {n + 1}?" for n in range(1 if key % 2 else 3)]
        asked = [Request(key=key, message=text, seed=key) for text in messages]
        alone = list(ScriptedEngine("s").generate(asked, SAMPLING))
        alone.sort(key=lambda one: messages.index(one.request.message))
        assert result.request.message == messages[0]
        assert [reply.text for reply in result.completions] == [one.completions[0].text for one in alone]
        assert result.num_prompt_tokens == sum(one.num_prompt_tokens for one in alone)


def test_a_row_is_asked_on_before_the_next_rows_are_taken() -> None:
    taken: list[int] = []

    def watched() -> Iterator[Request[int]]:
        for request in requests(1000):
            taken.append(request.key)
            yield request

    engine = FollowingEngine(ScriptedEngine("s"), lambda key, replies: asked_so_often(0, replies))
    done: list[Result[int]] = list(islice(engine.generate(watched(), SAMPLING), 30))
    assert len(done) == 30
    assert len(taken) < 60
