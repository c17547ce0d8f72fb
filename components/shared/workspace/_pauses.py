"""Pauses between looks at what others do to a store."""

from __future__ import annotations

import math

from components.shared import stopping

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
