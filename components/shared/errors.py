"""How a step ends: its exit codes, and the errors that are no bugs of ours (to be fixed by the user, or temporary)."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, ClassVar


class ExitCode(IntEnum):
    """How a step's process ends; says to whoever started it what to do next."""

    DONE = 0  # the folder's address stands on standard output
    BUG = 1  # a mistake of ours: a traceback on standard error
    BAD_INPUT = 2  # one message; the same command fails again until its input is fixed; also a training that diverged
    UNSOUND = 3  # `scalequest verify` alone: the folder is not finished, or not what its manifest says
    TERMINATED = 4  # `scalequest status` and `--watch` alone: somebody ended the run
    BUDGET_SPENT = 5  # the GPU-hours that the run may take are taken; continues where more is allowed
    GATE_CLOSED = 6  # what a step makes is beyond a gate's bound; continues where the gate is changed or removed
    UNAVAILABLE = 75  # EX_TEMPFAIL of sysexits.h: a temporary failure (a store does not answer, a node is full): retry
    KILLED = 137  # SIGKILL, most often out of memory; retry
    STOPPED = 143  # SIGTERM: what is finished is durable; retry


class InputError(ValueError):
    """Something given to a step cannot be used.

    The message says what was given, what is accepted and what to do; the command prints it and exits with 2.
    Every exception that this module does not name is a bug of ours: a traceback and exit code 1.
    """


class NotHereError(InputError):
    """What only this environment lacks: a package, the way to a hub; elsewhere the same input may be right."""


class NotAllowedError(InputError):
    """What the account of this process may not do; with another account the same input may be right."""


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


class HeldError(Exception):
    """What is made is sound, and the same command continues, but only once somebody has decided that it may.

    The message says what holds it and how to let it go on; nothing tries it again by itself.
    """

    exit_code: ClassVar[ExitCode]


class BudgetSpentError(HeldError):
    """The GPU-hours that the workspace may take are taken."""

    exit_code = ExitCode.BUDGET_SPENT


class GateClosedError(HeldError):
    """What a step makes is beyond the bound of a gate."""

    exit_code = ExitCode.GATE_CLOSED


HELD: tuple[type[HeldError], ...] = (BudgetSpentError, GateClosedError)
FINAL = (ExitCode.BAD_INPUT, *(kind.exit_code for kind in HELD))  # what no retry mends, and all pods of a Job have


def held_with(exit_code: int, message: str) -> HeldError | None:
    """Return the error of a step that is held, by its exit code; None for another code."""
    return next((kind(message) for kind in HELD if kind.exit_code == exit_code), None)


def exit_code_of_error(error: InputError | UnavailableError | HeldError) -> ExitCode:
    """Return the exit code of a command that an error ends."""
    if isinstance(error, HeldError):
        return error.exit_code
    return ExitCode.BAD_INPUT if isinstance(error, InputError) else ExitCode.UNAVAILABLE
