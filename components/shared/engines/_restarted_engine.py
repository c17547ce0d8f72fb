"""An engine that is reopened when it dies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from components.shared.engines import Engine, Request, Result, Sampling, unanswered
from components.shared.restarted import PROBE, Restarted
from components.shared.workspace.output_folders import KILLED_THE_ENGINE, RowKey, T


class RestartedEngine(Restarted[Engine, Request[RowKey[T]], Result[RowKey[T]]]):
    """One engine after another, which all draw tokens the same way."""

    kind = "engine"

    def __init__(self, open_model: Callable[[], Engine], sampling: Sampling) -> None:
        super().__init__(open_model)
        self._sampling = sampling

    def _work(self, model: Engine, requests: Iterable[Request[RowKey[T]]]) -> Iterator[Result[RowKey[T]]]:
        return model.generate(requests, self._sampling)

    def _probe(self, model: Engine) -> None:
        probe: Request[None] = Request(key=None, message=PROBE, seed=0)
        list(model.generate([probe], Sampling(temperature=0.0, max_tokens=1)))

    def _give_up(self, request: Request[RowKey[T]], detail: str) -> Result[RowKey[T]]:
        return unanswered(request, KILLED_THE_ENGINE, detail)
