"""The one retry policy, for stores, the endpoints of models and the Kubernetes API.

Temporary failures (``refusals.may_pass``: 408, 409, 429, 5xx, timeouts, cut connections, cut bodies) are retried after
a random wait between 0 and 0.5 s, then 1 s, 2 s, … up to 30 s (full jitter), or after what is asked for (Retry-After,
up to 30 s by a store, 15 minutes by an endpoint). Attempts begin until the call is 300 s old (1800 s for Kubernetes),
and there are at least three. ``SCALEQUEST_STORE_TIMEOUT_SECONDS`` and ``SCALEQUEST_ENDPOINT_TIMEOUT_SECONDS`` set
another limit. Then UnavailableError says what was tried. Everything else is raised at once.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any, NoReturn, TypeVar

from tenacity import AsyncRetrying, RetryCallState, Retrying
from tenacity.retry import retry_if_exception
from tenacity.stop import stop_after_attempt, stop_all, stop_any, stop_base, stop_before_delay
from tenacity.wait import wait_random_exponential

from components.shared import stopping
from components.shared.counters import count_retry
from components.shared.errors import InputError, UnavailableError
from components.shared.stores.refusals import answer_of, headers_of, may_pass

LIMIT_VARIABLE = "SCALEQUEST_STORE_TIMEOUT_SECONDS"
ENDPOINT_VARIABLE = "SCALEQUEST_ENDPOINT_TIMEOUT_SECONDS"
LIMIT_SECONDS = 300.0
MIN_TRIES = 3  # however long they took: a large range that is cut near its end is not given up at once
LONGEST_WAIT_SECONDS = 30.0
BACKOFF = wait_random_exponential(multiplier=0.5, max=LONGEST_WAIT_SECONDS)
CONNECT_SECONDS = 10.0
STOP_CHECK_SECONDS = 0.2  # how often a wait looks whether the process is to stop
READ_SECONDS = 60.0  # without a byte from the store
SLOWEST_BYTES_PER_SECOND = 2**20  # of an upload; a slower one is taken for stuck

T = TypeVar("T")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Patience:
    """Whom a call asks, and how patiently."""

    whom: str  # as messages name it
    variable: str = ""  # of the environment, which may set another limit
    limit: float = LIMIT_SECONDS  # for how many seconds a call is tried
    longest_asked_wait: float = LONGEST_WAIT_SECONDS  # up to which a Retry-After is obeyed
    may_pass: Callable[[BaseException], bool] = may_pass  # which failures are tried again
    answer_of: Callable[[BaseException], str] = answer_of  # a failure in words
    kept: str = "what was written is kept"  # said when a call is given up
    stopped: Callable[[], bool] = lambda: stopping.requested()  # no other attempt from then on
    pause: Callable[[float], None] = lambda seconds: stopping.pause(seconds)


STORES = Patience(whom="store", variable=LIMIT_VARIABLE)


def limit_seconds(patience: Patience = STORES) -> float:
    """Return for how many seconds a call is tried; InputError if the environment does not give a number of seconds."""
    variable = patience.variable
    text = os.environ.get(variable, "") or str(patience.limit)
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise InputError(f"{variable} is {text!r}; expected a number of seconds, 0 or more")
    return seconds


def read_seconds() -> float:
    """Return after how many seconds without a byte a client takes an answer for lost."""
    return max(1.0, min(READ_SECONDS, limit_seconds()))


def upload_seconds(content: object) -> float | None:
    """Return how long one try of a request may take that sends ``content``; None without one: its answer is watched."""
    return READ_SECONDS + len(content) / SLOWEST_BYTES_PER_SECOND if isinstance(content, bytes) else None


def until_answered(
    call: str,
    attempt: Callable[[], T],
    *,
    seconds: float = float("inf"),
    min_tries: int = MIN_TRIES,
    patience: Patience = STORES,
) -> T:
    """Return what ``attempt`` returns, tried again while its failures may pass, but not for longer than ``seconds``.

    ``call`` is what messages say of it: which request for which object, to which endpoint. Raises UnavailableError in
    the end. An attempt may find the work of the one before it, whose answer was lost.
    """
    return Retrying(sleep=patience.pause, **_policy(call, seconds, min_tries, patience))(attempt)


async def until_answered_async(
    call: str, attempt: Callable[[], Awaitable[T]], *, seconds: float = float("inf"), min_tries: int = MIN_TRIES
) -> T:
    """Do the same for a client that works asynchronously."""
    return await AsyncRetrying(sleep=_pause_async, **_policy(call, seconds, min_tries, STORES))(attempt)


async def _pause_async(seconds: float) -> None:
    end = time.monotonic() + seconds
    while not stopping.requested() and (left := end - time.monotonic()) > 0:
        await asyncio.sleep(min(left, STOP_CHECK_SECONDS))


def _policy(call: str, seconds: float, min_tries: int, patience: Patience) -> dict[str, Any]:
    limit = min(limit_seconds(patience), seconds)
    is_fixed = not patience.variable or seconds < limit_seconds(patience)
    hint = (
        f"it is tried for {limit:g} s" if is_fixed else f"{patience.variable}, now {limit:g}, says how long it is tried"
    )

    def log(state: RetryCallState) -> None:
        count_retry(patience.whom)
        logger.warning("%s: %s; retrying in %.1f s", call, patience.answer_of(_error_of(state)), state.upcoming_sleep)

    def give_up(state: RetryCallState) -> NoReturn:
        raise UnavailableError(
            f"{call} was tried {state.attempt_number} times in {state.seconds_since_start or 0:.0f} s without success, "
            f"the last answer was {patience.answer_of(_error_of(state))}; {patience.kept}: check the {patience.whom} "
            f"and start the same command again ({hint})"
        ) from _error_of(state)

    return {
        "retry": retry_if_exception(patience.may_pass),
        "wait": lambda state: max(BACKOFF(state), min(asked_wait(_error_of(state)), patience.longest_asked_wait)),
        # What a process that is to stop writes just now gets the attempt that is under way, and no other.
        "stop": stop_any(stop_all(stop_before_delay(limit), stop_after_attempt(min_tries)), _when_told(patience)),
        "before_sleep": log,
        "retry_error_callback": give_up,
    }


class _when_told(stop_base):  # noqa: N801 -- as tenacity names what it combines
    def __init__(self, patience: Patience) -> None:
        self._patience = patience

    def __call__(self, retry_state: RetryCallState) -> bool:
        return self._patience.stopped()


def asked_wait(error: BaseException) -> float:
    """Return the seconds that an answer asks to wait (Retry-After, a number or a date), 0 if it asks for none."""
    headers = headers_of(error)
    text = headers.get("retry-after", "")
    try:
        return max(float(text), 0.0)
    except ValueError:
        pass
    try:
        # By the server's own clock, where it says it: this machine's may be hours off.
        present = parsedate_to_datetime(headers.get("date") or format_datetime(datetime.now(UTC)))
        return max((parsedate_to_datetime(text) - present).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return 0.0


def _error_of(state: RetryCallState) -> BaseException:
    error = state.outcome.exception() if state.outcome else None
    assert error is not None
    return error
