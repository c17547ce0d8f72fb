"""The process that compares answers with sympy; it may hang or run out of memory, and can be killed at any time."""

from __future__ import annotations

import resource
import signal
from multiprocessing.connection import Connection

from components.shared.texts.math_answers import _algebra
from components.shared.texts.math_answers.comparison import compare
from components.shared.texts.math_answers.verdicts import Verdict, verdict

MEMORY_LIMIT_BYTES = 2 << 30  # large powers would take more; a MemoryError means "cannot be parsed"
ORPHAN_SECONDS = 600  # of the clock: for a process that gets no processor, or waits for ever


# The server from which workers are forked imports this module, so each worker starts with a warm parser.
_algebra.are_equal(r"\frac{x^{2}+1}{\sqrt{2}} = \sin (3 y) + e^{-x}", r"(x+1) \ln |y| = \binom{n}{2} \pi")


def serve(connection: Connection) -> None:
    """Answer each (answer, answer, seconds) that comes in with whether the two are equal, until the pipe closes.

    The seconds are the processor's, so that verdicts are the same on a busy machine. SIGPROF and SIGALRM have no
    handler: the kernel ends the process, even amid big-number arithmetic.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes of a terminal; the step ends this one
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = MEMORY_LIMIT_BYTES if hard == resource.RLIM_INFINITY else min(MEMORY_LIMIT_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    connection.send("ready")
    while True:
        try:
            answer, other, cpu_seconds = connection.recv()
        except EOFError:
            return
        signal.alarm(ORPHAN_SECONDS)
        signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
        equal = compare(answer, other, _by_algebra) is Verdict.EQUAL
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.alarm(0)
        connection.send(equal)


def _by_algebra(answer: str, other: str) -> Verdict:
    return verdict(_algebra.are_equal(answer, other))
