"""The termination message of a container, which Kubernetes keeps: ``kubectl describe pod`` shows it, Argo reads it.

Kubeflow's launcher, which starts a step in a run of the pipelines, ends with 1 whatever the step ended with. So this is
how Argo knows bad input, and does not try it again (manifests/cluster-admin/argo-retries.yaml), and how
`scalequest status` knows who can mend what.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from components.shared.errors import BudgetSpentError, ExitCode, GateClosedError, HeldError, InputError
from components.shared.redaction import redacted

# Where Kubernetes looks unless a pod says otherwise (terminationMessagePath); whoever runs in a container may write it.
FILE = Path("/dev/termination-log")
# The environment variable with another file: a process that was started to share a step tells the one that started it.
FILE_VARIABLE = "SCALEQUEST_MESSAGE_FILE"
MAX_BYTES = 4096  # Kubernetes keeps only the last ones, but the first say what is wrong
# How termination messages begin, except those of a step that may be retried with success.
BAD_INPUT = "bad input: "
BUG = "bug of ours: "
HELD: dict[str, type[HeldError]] = {"budget spent: ": BudgetSpentError, "gate closed: ": GateClosedError}
FINISHED = "finished: "  # the work is done; then the address
REUSED = "reused: "  # it was done before
UNFINISHED = "unfinished: "  # this pod has nothing left to do, and others are at the folder's last parts


def beginning_of(error: Exception) -> str:
    """Return how the message of an error begins that ends a step, "" for one that may pass."""
    if isinstance(error, InputError):
        return BAD_INPUT
    return next((begins for begins, kind in HELD.items() if isinstance(error, kind)), "")


def words_in(message: str) -> str:
    """Return what a message says besides how it ends a step."""
    begins = next((begins for begins in (BAD_INPUT, *HELD) if message.startswith(begins)), "")
    return message.removeprefix(begins)


def code_of(message: str) -> ExitCode | None:
    """Return the exit code that a message tells of; None where it tells of none."""
    if message.startswith(BAD_INPUT):
        return ExitCode.BAD_INPUT
    if message.startswith(BUG):
        return ExitCode.BUG
    return next((kind.exit_code for begins, kind in HELD.items() if message.startswith(begins)), None)


def leave_message(text: str) -> None:
    """Leave a message where there is a file for it: in a container of a pod, or for whoever started this process."""
    file = Path(os.environ.get(FILE_VARIABLE, FILE))
    if file.exists():
        with contextlib.suppress(OSError):  # the same stands in the log
            file.write_text(redacted(text).encode()[:MAX_BYTES].decode(errors="ignore"), encoding="utf-8")
