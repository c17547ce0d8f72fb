"""The process that compares answers with Math-Verify; it may hang or run out of memory, so it is killed at will."""

from __future__ import annotations

import logging
import resource
import signal
from multiprocessing.connection import Connection

from math_verify import parse, verify

MEMORY_LIMIT_BYTES = 2 << 30  # 10^{10^{10}} alone would take 4 GiB; a MemoryError means "cannot be read"
ORPHAN_SECONDS = 600  # the step kills a comparison long before; unless it was killed itself

logging.getLogger("math_verify").setLevel(logging.ERROR)  # it warns that its own timeouts are off: ours kill


def serve(connection: Connection) -> None:
    """Answer each pair (known answer, answer) that comes in with whether the two are equal, until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C comes to all processes of a terminal; the step ends this one
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = MEMORY_LIMIT_BYTES if hard == resource.RLIM_INFINITY else min(MEMORY_LIMIT_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    connection.send("ready")
    while True:
        try:
            gold, answer = connection.recv()
        except EOFError:
            return
        signal.alarm(ORPHAN_SECONDS)  # no handler: the kernel ends the process, even amid big-number arithmetic
        verdict = are_equal(gold, answer)
        signal.alarm(0)
        connection.send(verdict)


def are_equal(gold: str, answer: str) -> bool:
    """Compare two answers by value; False for what cannot be read."""
    try:
        # Math-Verify's own timeouts are signals, which do not interrupt the big-number arithmetic that hangs.
        parsed = [parse(rf"\boxed{{{text}}}", parsing_timeout=None) for text in (gold, answer)]
        return bool(verify(parsed[0], parsed[1], timeout_seconds=None))
    except Exception:  # noqa: BLE001 -- on text that is not mathematics, sympy raises whatever it meets
        return False
