"""What commands cost, whatever else the machine does meanwhile."""

from __future__ import annotations

import resource


def cpu_seconds() -> float:
    """Return the processor time of all processes that this one has started and waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
