"""Names of processes, whether they are alive, and how a process ends together with its parent."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import signal
import socket
import sys
import time
import uuid
from pathlib import Path
from typing import Literal

State = Literal["alive", "dead", "unknown"]

# The environment variable that names to a step the process that started it and is not to be survived: that of
# `scalequest run`, or that of a step which several processes share.
RUNNER = "SCALEQUEST_RUNNER"
KUBERNETES = "KUBERNETES_SERVICE_HOST"  # the variable that every container of a pod has
_PR_SET_PDEATHSIG = 1  # of Linux
_LOADED = time.monotonic()
_MEMORY_LIMIT = Path("/sys/fs/cgroup/memory.max")  # as a container sees it


def own_name() -> str:
    """Return a new name for work of this process: machine, process id, start time, and a random suffix."""
    return f"{_place()}.{os.getpid()}.{_started(os.getpid())}.{uuid.uuid4().hex[:6]}"


def state_of(name: str) -> State:
    """Tell whether the process of a name is alive; "unknown" if it runs, or ran, where this one cannot see it."""
    place, pid, started, _ = name.split(".")
    if place != _place():
        return "unknown"
    return "alive" if _started(int(pid)) == started else "dead"


def age() -> float:
    """Return for how many seconds this process has run; since this module was loaded, where that cannot be seen."""
    started = _started(os.getpid())
    if not started.isdecimal():
        return time.monotonic() - _LOADED
    return time.clock_gettime(time.CLOCK_BOOTTIME) - int(started) / os.sysconf("SC_CLK_TCK")


def host() -> str:
    """Return the name of this machine or pod, for people."""
    return socket.gethostname()


def memory_limit() -> int | None:
    """Return the memory limit of this process' container in bytes; None if there is none, or it is not known."""
    try:
        return int(_MEMORY_LIMIT.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def end_with_parent(number: signal.Signals) -> None:
    """Have the kernel send this process a signal when its parent is gone, perhaps killed; on Linux."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)


@functools.cache
def _place() -> str:
    """Return a name that is the same for all processes that see each other: of the kernel's boot and the container."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_bytes()
        return hashlib.sha256(boot + bytes(Path("/proc/self/ns/pid").readlink())).hexdigest()[:12]
    except OSError:
        return uuid.uuid4().hex[:12]  # not Linux: processes cannot see each other


def _started(pid: int) -> str:
    """Return when a process started, in ticks since the kernel did; "gone" for one that does not live."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return "gone"
    return "gone" if fields[0] == b"Z" else fields[19].decode()
