"""Rejected rows, held back until one row is answered: if a server answers none of them, no row is to blame.

An answer with an unknown finish reason counts as no answer: it would be rejected like all others.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic

from components.shared.engines import K, Result
from components.shared.engines._endpoint import RefusedError
from components.shared.errors import InputError, UnavailableError

FEW = 3  # so many refused rows, and none answered, are no coincidence
MOST = 32  # rows that are held back at most


class HeldRejects(Generic[K]):
    """Results on their way to the step."""

    def __init__(self) -> None:
        self._held: list[Result[K]] = []
        self._last: RefusedError | None = None
        self._is_answered = False

    def passed(self, result: Result[K], refused: RefusedError | None) -> Iterator[Result[K]]:
        """Yield the results that the step may have now; InputError or UnavailableError if too many rows are refused."""
        refused = refused or _unknown_ending(result)
        if refused is None or self._is_answered:
            self._is_answered = self._is_answered or refused is None
            yield from self._released()
            yield result
            return
        self._held.append(result)
        self._last = refused
        if len(self._held) >= MOST:
            raise self._end()

    def rest(self) -> Iterator[Result[K]]:
        """Yield the remaining results at the end; raise likewise."""
        if len(self._held) >= FEW:
            raise self._end()
        yield from self._released()

    def _released(self) -> Iterator[Result[K]]:
        held, self._held = self._held, []
        yield from held

    def _end(self) -> Exception:
        """Return the error that ends the run, with what the server said about the last row."""
        message = (
            f"all {len(self._held)} rows so far were refused, but the server answers; the last refusal: "
            f"{self._last}; check the model and the options by what it says, then start the same command again"
        )
        return UnavailableError(message) if self._last and self._last.passes else InputError(message)


def _unknown_ending(result: Result[K]) -> RefusedError | None:
    """Return the message for a row whose samples all have an unknown finish reason; None for any other row."""
    samples = result.completions
    if not samples or any(sample.finish_reason != "unknown" for sample in samples):
        return None
    return RefusedError(f"{samples[0].detail}, a finish reason that is not known: it may be whole or cut off")
