"""Standard input, output and error of a command, whatever the shell has left of them."""

from __future__ import annotations

import contextlib
import io
import os
import sys


def make_usable() -> None:
    """Open those that are closed on the null device, and print signs that the terminal's encoding lacks as ``?``.

    A file that is opened next would otherwise take the number of a closed one, and be written to by what prints.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # it takes the lowest number that is free
    sys.stdin = sys.stdin or os.fdopen(0, encoding="utf-8")
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8")
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def stop_printing() -> None:
    """Let what is still to be printed go nowhere: Python would try it once more as it ends, and fail again."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
