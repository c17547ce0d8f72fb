"""An engine that is opened again where it dies, and what it was given then, tried one at a time."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from components.shared.engines import Engine, Request, Result, Sampling, unanswered
from components.shared.errors import EngineDiedError, InputError
from components.shared.output_folders import KILLED_THE_ENGINE, Part

MAX_RESTARTS = 3  # a process; a row that kills takes three: among others, and twice alone
PROBE = "What is 1 + 1?"  # answered by an engine that has just died and works again

logger = logging.getLogger(__name__)


class RestartedEngine:
    """One engine after another; EngineDiedError once the last one that it may open has died."""

    def __init__(self, open_model: Callable[[], Engine], sampling: Sampling) -> None:
        self._open_model = open_model
        self._sampling = sampling
        self._engine: Engine | None = None
        self._num_deaths = 0

    def answer(self, requests: Iterable[Request], *, lost: list[Request]) -> Iterator[Result]:
        """Yield each request's result; those that the engine was at when it died are added to ``lost``."""
        source = iter(requests)
        while True:
            running: dict[tuple[Part, int], Request] = {}
            engine = self.start()
            try:
                for result in engine.generate(_noted(source, running), self._sampling):
                    del running[_place(result.request)]
                    yield result
                return
            except EngineDiedError as error:
                lost += running.values()
                self._bury(error)

    def answer_alone(self, requests: Iterable[Request]) -> Iterator[Result]:
        """Yield each request's result, one by one; one that the engine died of too often has no answer."""
        for request in sorted(requests, key=lambda request: (request.key[0].number, request.key[1])):
            yield self._try(request)

    def start(self) -> Engine:
        """Return the engine, opened if there is none; EngineDiedError where it cannot follow one that died.

        An engine that follows a death has to answer something that is harmless, before any row is blamed for the next.
        """
        if self._engine is None:
            try:
                self._engine = self._open_model()
                if self._num_deaths:
                    probe = Request(key=None, message=PROBE, seed=0)
                    list(self._engine.generate([probe], Sampling(temperature=0.0, max_tokens=1)))
            except InputError:
                raise
            except Exception as error:
                if not self._num_deaths:
                    raise
                raise EngineDiedError(f"the engine died and cannot be started again: {error}") from error
        return self._engine

    def close(self) -> None:
        """Release the accelerator or the connection."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    def _try(self, request: Request) -> Result:
        part, index = _place(request)
        while True:
            engine = self.start()  # before the mark is left: one that cannot even start does not die of the row
            if not part.try_alone(index):
                return unanswered(request, KILLED_THE_ENGINE, part.why_condemned(index))
            try:
                (result,) = engine.generate([request], self._sampling)
                return result
            except EngineDiedError as error:
                part.died(index)
                self._bury(error)

    def _bury(self, error: EngineDiedError) -> None:
        self._num_deaths += 1
        if self._num_deaths > MAX_RESTARTS:
            raise EngineDiedError(
                f"the engine died {self._num_deaths} times in this process ({error}); finished parts stay, and rows "
                "that it may have died of are known: start the same command again, on another machine if this goes on"
            ) from error
        logger.warning("the engine died (%s); restart %d of %d", error, self._num_deaths, MAX_RESTARTS)
        with contextlib.suppress(Exception):  # what is left of it
            self.close()
        self._engine = None


def _noted(requests: Iterator[Request], running: dict[tuple[Part, int], Request]) -> Iterator[Request]:
    for request in requests:
        running[_place(request)] = request
        yield request


def _place(request: Request) -> tuple[Part, Any]:
    part, index = request.key[:2]
    return part, index
