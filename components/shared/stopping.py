"""SIGTERM and Ctrl-C: a process stops at once, unless it is writing; finished work is durable.

The first signal raises ``Stopped`` in the main thread, wherever that is: between two rows, in a pause before a retry,
while a model loads. Only within ``deferred()`` it waits until the present write is finished. If the main thread does
not react (a training step takes minutes, a library swallows the exception), the process ends 8 s later, also during a
write. An incomplete write does no harm, because each part, manifest and checkpoint counts only from its last object on,
which is created exclusively. A second signal ends the process at once.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from types import FrameType
from typing import NoReturn

from components.shared.errors import ExitCode, HeldError

SIGNALS = (signal.SIGTERM, signal.SIGINT)
LIMIT_SECONDS = 6.0  # with the next two 8 s in all: a preempted node of GKE leaves 15 s
LAST_SECONDS = 1.5  # for the functions that are called when a process is late: a store may not respond
FLUSH_SECONDS = 0.5  # to flush standard error: its pipe may be full

logger = logging.getLogger(__name__)

_told = False  # that the process is to stop
_reason: HeldError | None = None  # why, where it asked itself
# Ends the pauses. A thread sets it, not the handler of signals: that may have interrupted a pause that holds its lock.
_wake = threading.Event()
_forking = threading.local()
_if_late: list[Callable[[], None]] = []
_started: list[subprocess.Popen[bytes]] = []  # they end with this process
_writing = 0  # how deep the main thread is in deferred()


class Stopped(BaseException):
    """The process was asked to stop."""


@contextlib.contextmanager
def listening() -> Iterator[None]:
    """Stop at SIGTERM and SIGINT within the block; for the main thread of a command."""
    _mind_forks()
    try:
        with watching(SIGNALS, _stop, _watch):
            yield
    finally:
        _if_late.clear()
        _started.clear()


@contextlib.contextmanager
def watching(
    numbers: Iterable[int], handler: Callable[[int, FrameType | None], object], watch: Callable[[int], None]
) -> Iterator[None]:
    """Within the block, handle signals by ``handler``, and tell of them in a thread, which a library cannot delay.

    ``watch`` runs in the thread: it reads the numbers of signals, each a byte, from the end of a pipe, which it closes
    at the end of the block. For the main thread.
    """
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    threading.Thread(target=watch, args=(read_end,), name="signals", daemon=True).start()
    told_before = signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, handled in before.items():
            signal.signal(number, handled)
        signal.set_wakeup_fd(told_before)
        os.close(write_end)


def call_if_late(function: Callable[[], None]) -> None:
    """Call a function, in another thread, before a process is ended whose main thread did not stop in time."""
    _if_late.append(function)


def kill_at_end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process if this one ends at once; those of ``multiprocessing`` are killed anyway."""
    _started.append(process)


def requested() -> bool:
    """Tell whether the process was asked to stop."""
    return _told or _wake.is_set()


def stop_because(error: HeldError) -> None:
    """Ask this process to stop, from any thread, as SIGTERM does; ``reason`` says why from then on."""
    global _reason
    _reason = error
    os.kill(os.getpid(), signal.SIGTERM)


def reason() -> HeldError | None:
    """Return why the process asked itself to stop; None where somebody else did, or nobody."""
    return _reason


def check() -> None:
    """Raise ``Stopped`` if the process was asked to stop: for safe points of any thread, also within ``deferred()``."""
    if requested():
        raise Stopped


def check_unless_deferred() -> None:
    """Raise ``Stopped`` likewise, but not while the main thread is in ``deferred()``: for threads that work for it."""
    if not _writing:
        check()


def sleep(seconds: float) -> None:
    """Sleep, in any thread; ``Stopped`` as soon as the process is asked to stop."""
    pause(seconds)
    check()


def pause(seconds: float) -> None:
    """Sleep, in any thread, but not longer than until the process is asked to stop."""
    _wake.wait(seconds)


def end() -> NoReturn:
    """End the process and those that it started now, without waiting for threads."""
    for child in multiprocessing.active_children():
        child.kill()
    for process in _started:
        process.kill()
    _call_within(FLUSH_SECONDS, sys.stderr.flush)
    os._exit(_reason.exit_code if _reason else ExitCode.STOPPED)


@contextlib.contextmanager
def deferred() -> Iterator[None]:
    """Let the main thread finish a write within the time limit; ``Stopped`` is raised at the end of the block."""
    global _writing
    if threading.current_thread() is not threading.main_thread():
        yield  # signals never interrupt other threads
        return
    _writing += 1
    try:
        yield
    finally:
        _writing -= 1
    if not _writing:
        check()


def _stop(number: int, frame: FrameType | None) -> None:
    global _told
    first, _told = not _told, True
    if first and not _writing:
        raise Stopped


def _watch(read_end: int) -> None:
    """End the process at the second signal, or some time after the first, whatever the main thread is doing.

    The bytes come from the interpreter's own signal handler, also while the main thread is inside a library.
    """
    num_signals = 0
    while told := os.read(read_end, 64):
        num_signals += sum(byte in SIGNALS for byte in told)
        if num_signals == 1:
            threading.Thread(target=_end_late, name="stopping late", daemon=True).start()
            threading.Thread(target=_wake.set, name="stopping pauses", daemon=True).start()
        elif num_signals > 1:
            end()
    os.close(read_end)


def _end_late() -> None:
    time.sleep(LIMIT_SECONDS)
    _call_within(LAST_SECONDS, *_if_late, _say_late)
    end()


def _say_late() -> None:
    logger.warning("stopped %.0f s after the signal, in the middle of something", LIMIT_SECONDS)


def _call_within(seconds: float, *functions: Callable[[], None]) -> None:
    """Call functions in parallel, with a time limit: the main thread may hold the lock of a log that nobody reads."""
    threads = [threading.Thread(target=function, name="stopping at last", daemon=True) for function in functions]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(deadline - time.monotonic(), 0.0))


@functools.cache
def _mind_forks() -> None:
    os.register_at_fork(before=_hold_signals, after_in_parent=_release_signals, after_in_child=_forget)


def _hold_signals() -> None:
    """Block signals while a child still has its parent's handlers and its parent's pipe to the watcher."""
    _forking.mask = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)


def _release_signals() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _forking.mask)


def _forget() -> None:
    """Give a forked child the system's own handlers: it has no step to stop."""
    global _told, _wake
    signal.set_wakeup_fd(-1)
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    _told, _wake = False, threading.Event()  # another thread may hold the lock of the parent's
    _started.clear()
    _release_signals()
