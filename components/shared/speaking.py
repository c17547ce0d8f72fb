"""A step's log is never silent for long: it says what the step is doing, how far it is, and how long the rest takes.

The ``phase`` that a step entered last is what it is doing. A thread logs the phase if the step has logged nothing for
``SILENCE_SECONDS`` (the environment may set another number). Steps that log often enough get no extra lines.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType

from components.shared.errors import InputError

VARIABLE = "SCALEQUEST_SILENCE_SECONDS"
SILENCE_SECONDS = 50.0  # one line for each minute, also on a busy machine

logger = logging.getLogger(__name__)


class Heartbeat:
    """Calls ``say``, in a thread, whenever nothing was logged for some seconds."""

    def __init__(self, say: Callable[[], None], seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._say = say
        self._seconds = seconds
        self._clock = clock
        self._heard_at = clock()
        self._ended = threading.Event()

    def heard(self) -> None:
        """Note that something was logged."""
        self._heard_at = self._clock()

    def beat(self) -> float:
        """Log if it is time; return the seconds until the next check."""
        if self._clock() - self._heard_at >= self._seconds:
            self.heard()
            self._say()
        return max(self._heard_at + self._seconds - self._clock(), 0.0)

    def __enter__(self) -> Heartbeat:
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()

    def _beat(self) -> None:
        while not self._ended.wait(self.beat()):
            pass


class Course:
    """How far counted work is, and how long the rest takes at the present rate."""

    def __init__(self, unit: str, total: int, done: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self.done = done
        self._unit = unit  # one of them: "row"
        self._total = total
        self._clock = clock
        self._done_before = done
        self._begun = clock()

    @property
    def pace(self) -> str:
        """The rate, and the time that is left; "" before anything was done."""
        seconds, done = max(self._clock() - self._begun, 1e-6), self.done - self._done_before
        if done <= 0:
            return ""
        rate = f"{done / seconds:,.1f} {self._unit}s/s" if done >= seconds else f"{seconds / done:,.1f} s/{self._unit}"
        return f"{rate}, {duration(seconds / done * (self._total - self.done))} left"

    def __str__(self) -> str:
        counts = f"{self.done:,} of {self._total:,} {self._unit}s"
        return f"{counts}, {self.pace}" if self.pace else counts


class _Phase:
    def __init__(self, name: str, course: Callable[[], object]) -> None:
        self.name = name
        self.course = course
        self.begun = time.monotonic()

    def __str__(self) -> str:
        so_far = f"for {duration(time.monotonic() - self.begun)}"
        return ", ".join(filter(None, (self.name, str(self.course()) or so_far)))


_phases: list[_Phase] = []  # that the step is in; the last one is what it is at
_heartbeat: Heartbeat | None = None


@contextlib.contextmanager
def phase(name: str, course: Callable[[], object] = str) -> Iterator[None]:
    """Name what the step does within the block; ``course`` returns how far that is, if it can be said."""
    entered = _Phase(name, course)
    _phases.append(entered)
    try:
        yield
    finally:
        _phases.remove(entered)  # not always the last: generators end when they like


@contextlib.contextmanager
def never_silent() -> Iterator[None]:
    """Log what the step is doing whenever its own modules have logged nothing for a while."""
    global _heartbeat
    ours, ear = logging.getLogger("components"), _Ear()
    with phase("at work"), Heartbeat(_say, silence_seconds()) as _heartbeat:
        ours.addHandler(ear)
        try:
            yield
        finally:
            ours.removeHandler(ear)


def silence_seconds() -> float:
    """Return for how many seconds a log may be silent; InputError if the environment does not give a number."""
    text = os.environ.get(VARIABLE, str(SILENCE_SECONDS))
    try:
        if 0 < (seconds := float(text)) < math.inf:
            return seconds
    except ValueError:
        pass
    raise InputError(
        f"{VARIABLE} {text!r} is not accepted; expected a finite number of seconds above 0, or none at all"
    )


def heard() -> None:
    """Note that something was written beside the log."""
    if _heartbeat is not None:
        _heartbeat.heard()


def duration(seconds: float) -> str:
    """Return a duration as a person reads it."""
    if round(seconds) < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


def _say() -> None:
    for at in _phases[-1:]:  # at the very end the step is in no phase, and the thread may still run
        logger.info("%s", at)


class _Ear(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        heard()
