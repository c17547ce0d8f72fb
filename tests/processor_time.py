"""What commands cost, whatever else the machine does meanwhile."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path


def cpu_seconds() -> float:
    """Return the processor time of all processes that this one has started and waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def wait_until_it_computes(pid: int) -> None:
    """Return once a process has taken a tenth of a second of processor time from now on."""
    begun = _seconds_of(pid)
    while _seconds_of(pid) < begun + 0.1:
        time.sleep(0.01)


def _seconds_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
