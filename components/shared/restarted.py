"""A model that is reopened when it dies; the requests in flight are then retried one at a time."""

from __future__ import annotations

import contextlib
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any, Generic, Protocol, TypeVar

from components.shared import stopping
from components.shared.errors import EngineDiedError, InputError, UnavailableError
from components.shared.workspace.output_folders import RowKey

MAX_RESTARTS = 3  # in one process; a row that crashes the model takes three: among others, and twice alone
PROBE = "What is 1 + 1?"  # harmless requests that a restarted model must answer

logger = logging.getLogger(__name__)


class Model(Protocol):
    """Something that holds an accelerator or a connection."""

    def close(self) -> None:
        """Release it."""


class Keyed(Protocol):
    """A request about a row, or its answer."""

    @property
    def key(self) -> RowKey[Any]:
        """The same for both."""


M = TypeVar("M", bound=Model)
Q = TypeVar("Q", bound=Keyed)
A = TypeVar("A", bound=Keyed)


class Restarted(ABC, Generic[M, Q, A]):
    """One model after another; EngineDiedError once the last one that it may open has died."""

    kind = "model"  # as messages name it

    def __init__(self, open_model: Callable[[], M]) -> None:
        self._open_model = open_model
        self._model: M | None = None
        self._num_deaths = 0

    @abstractmethod
    def _work(self, model: M, requests: Iterable[Q]) -> Iterator[A]:
        """Yield the model's answer to each request, in any order."""

    @abstractmethod
    def _probe(self, model: M) -> None:
        """Raise if the model does not answer a harmless request."""

    @abstractmethod
    def _give_up(self, request: Q, detail: str) -> A:
        """Return the answer for a request at which the model died too often."""

    def _failure(self, answer: A) -> str:
        """Return why the model failed at the request as if it had died, though it lives; "" if it did not."""
        return ""

    def answer(self, requests: Iterable[Q], *, lost: list[Q]) -> Iterator[A]:
        """Yield each request's answer; the requests in flight when the model died are added to ``lost``."""
        source = iter(requests)
        while True:
            running: dict[RowKey[Any], Q] = {}
            model = self.start()
            try:
                for answer in self._work(model, _noted(source, running)):
                    request = running.pop(answer.key)
                    if self._failure(answer):
                        lost.append(request)
                    else:
                        yield answer
                return
            except EngineDiedError as error:
                stopping.check()  # a signal to the whole group ends the model too, which is not a crash
                at = set(error.at) or running.keys()
                lost += [request for key, request in running.items() if key in at]
                source = chain([request for key, request in running.items() if key not in at], source)
                self._bury(error)

    def answer_alone(self, requests: Iterable[Q]) -> Iterator[A]:
        """Yield each request's answer, one at a time; a request at which the model died too often has none."""
        for request in sorted(requests, key=lambda request: (request.key.part.number, request.key.index)):
            yield self._try(request)

    def start(self) -> M:
        """Return the model, opened if necessary; EngineDiedError if it cannot be restarted after a death.

        A restarted model first has to answer a harmless request, so that no row is blamed for a broken model.
        """
        if self._model is None:
            try:
                self._model = self._open_model()
                if self._num_deaths:
                    self._probe(self._model)
            except InputError:
                raise
            except Exception as error:
                if not self._num_deaths:
                    raise
                raise EngineDiedError(f"the {self.kind} died and cannot be restarted: {error}") from error
        return self._model

    def close(self) -> None:
        """Release the accelerator or the connection."""
        if self._model is not None:
            self._model.close()
            self._model = None

    def _try(self, request: Q) -> A:
        part, index = request.key.part, request.key.index
        while True:
            model = self.start()  # before the record: a model that cannot even start has not crashed at the row
            if not part.lease.try_alone(index):
                return self._give_up(request, part.lease.why_given_up(index))
            try:
                (answer,) = self._work(model, [request])
            except EngineDiedError as error:
                stopping.check()
                part.lease.died(index)
                self._bury(error)
                continue
            if not (failure := self._failure(answer)):
                return answer
            self._check(model, failure)
            logger.warning("row %d of part %d: %s", index, part.number, failure)
            part.lease.died(index)

    def _check(self, model: M, failure: str) -> None:
        """Raise UnavailableError if a model that failed at a row fails at something harmless too.

        Not EngineDiedError: this process ends by itself, which is not a crash.
        """
        try:
            self._probe(model)
        except EngineDiedError as error:
            stopping.check()
            raise UnavailableError(
                f"the {self.kind} failed at a row ({failure}) and at a harmless one ({error}): no row is rejected; "
                "free memory on this machine, or use a larger one, and start the same command again: "
                "finished parts are kept"
            ) from error

    def _bury(self, error: EngineDiedError) -> None:
        self._num_deaths += 1
        if self._num_deaths > MAX_RESTARTS:
            raise EngineDiedError(
                f"the {self.kind} died {self._num_deaths} times in this process ({error}); finished parts are "
                "kept, and rows that may have caused it are recorded: start the same command again, on another machine "
                "if this continues"
            ) from error
        logger.warning("the %s died (%s); restart %d of %d", self.kind, error, self._num_deaths, MAX_RESTARTS)
        with contextlib.suppress(Exception):  # what is left of it
            self.close()
        self._model = None


def _noted(requests: Iterator[Q], running: dict[RowKey[Any], Q]) -> Iterator[Q]:
    for request in requests:
        running[request.key] = request
        yield request
