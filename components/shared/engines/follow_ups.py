"""Several requests about one row, each made from the replies to those before it, in one stream with those of others."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Generic, cast

from components.shared import stopping
from components.shared.engines import Completion, Engine, K, Request, Result, Sampling

FollowUp = Callable[[Any, Sequence[Completion]], Request[None] | None]  # of a request's key; None: nothing more


@dataclass(frozen=True, kw_only=True, slots=True)
class _Turn(Generic[K]):
    """A row's first request, and what was replied so far."""

    first: Request[K]
    completions: tuple[Completion, ...] = ()
    num_prompt_tokens: int = 0

    def after(self, result: Result[Any]) -> _Turn[K]:
        return dataclasses.replace(
            self,
            completions=self.completions + result.completions,
            num_prompt_tokens=self.num_prompt_tokens + result.num_prompt_tokens,
        )


class FollowingEngine:
    """An engine that asks on: the result of a request has the replies to it and to all that followed it."""

    def __init__(self, engine: Engine, follow_up: FollowUp) -> None:
        self._engine = engine
        self._follow_up = follow_up
        self.arithmetic = engine.arithmetic

    def generate(self, requests: Iterable[Request[K]], sampling: Sampling) -> Iterator[Result[K]]:
        """Yield each request's completions once nothing more is asked; what follows goes before new requests."""
        source = iter(requests)
        waiting: deque[Request[_Turn[K]]] = deque()

        def upcoming() -> Iterator[Request[_Turn[K]]]:
            while True:
                if waiting:
                    yield waiting.popleft()
                elif (request := next(source, None)) is not None:
                    yield request.keyed(_Turn(first=request))
                else:
                    return

        while True:
            with closing(cast(Any, self._engine.generate(upcoming(), sampling))) as results:
                for result in results:
                    turn = result.key.after(result)
                    if (asked := self._follow_up(turn.first.key, turn.completions)) is not None:
                        waiting.append(asked.keyed(turn))
                        stopping.check()
                    else:
                        yield Result(
                            request=turn.first,
                            completions=turn.completions,
                            num_prompt_tokens=turn.num_prompt_tokens,
                        )
            if not waiting:
                return

    def close(self) -> None:
        """Close the engine that is asked."""
        self._engine.close()
