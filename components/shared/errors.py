"""The errors that are not our bugs: those that the user has to fix, and those that may pass with time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class InputError(ValueError):
    """Something given to a step cannot be used.

    The message says what was given, what is accepted and what to do; the command prints it and exits with 2.
    Every exception that this module does not name is a bug of ours: a traceback and exit code 1.
    """


class UnavailableError(Exception):
    """Something that may pass: a store or an engine that does not answer, an input in change, a node's full cache.

    Nothing given to the step is known to be wrong. The message says what was asked of whom, how often and for how long,
    what the last answer was and what to do; the command prints it and exits with 75 (EX_TEMPFAIL): the same command,
    tried again later or on another node, continues.
    """


class EngineDiedError(UnavailableError):
    """An engine died, or its accelerator failed: perhaps of what it was given, which is then tried alone.

    No process ends by itself with this: the marks of what it had begun stay, as after a sudden death. ``at``: the keys
    of the requests that it was at, as far as that is known; none: whatever it had taken.
    """

    def __init__(self, message: str, *, at: Sequence[Any] = ()) -> None:
        super().__init__(message)
        self.at = at
