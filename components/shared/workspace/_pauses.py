"""Waiting for other processes: pauses between looks at a store, and for how long waiting makes sense."""

from __future__ import annotations

import math
from collections.abc import Mapping

from components.shared import stopping
from components.shared.accelerators import num_accelerators

POLL_SECONDS = 0.25  # between the first looks; twice as long each time
MAX_POLL_SECONDS = 8.0


class Pauses:
    """Pauses between looks, each longer than the one before."""

    def __init__(self) -> None:
        self._seconds = POLL_SECONDS

    def sleep(self, at_most: float = math.inf) -> None:
        """Wait for the next look."""
        stopping.sleep(min(self._seconds, at_most))
        self._seconds = min(2 * self._seconds, MAX_POLL_SECONDS)


class Others:
    """The other processes that work on a folder, as one that has nothing to do there sees them."""

    def __init__(self) -> None:
        self._pauses = Pauses()
        self._seen: dict[str, float] = {}  # when a work's holder had last written, when it was seen first

    def wait(self, held: Mapping[str, float]) -> bool:
        """Wait before the next look at what they do; False to leave the work to them: each is known to be alive.

        ``held`` says when the holder of each work has last written. A process without an accelerator always waits: an
        idle accelerator costs money.
        """
        self._seen = {work: self._seen.get(work, time) for work, time in held.items()}
        if held and num_accelerators() and all(time > self._seen[work] for work, time in held.items()):
            return False
        self._pauses.sleep()
        return True
