"""How long a Job may go on by itself: its deadline, moved ahead by whoever follows it.

``activeDeadlineSeconds`` may be changed while a Job runs. It counts from the Job's start, by the clock of the cluster;
a suspension takes the start away, and each resumption sets a new one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from components.shared.jobs.job_reading import Job, started_at

SLACK = 5  # seconds that a deadline may be too far ahead: the API tells whole seconds


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How often things happen, in seconds."""

    window: int = 600  # how long a Job may outlive the process that follows it
    renew: int = 60
    poll: int = 10
    last: int = 60  # that a Job has left whose folder is finished: pods that have not begun are not needed


def moved_deadline(job: Job, now: datetime, window: int, renew: int) -> int | None:
    """Return the deadline one window from now; None while the present one is about there.

    It is moved where it was set ``renew`` seconds ago, and where it is too far ahead: that of a long run, once the Job
    was suspended or begins anew.
    """
    started = started_at(job)
    ran = max(0, int((now - started).total_seconds())) if started else 0
    ahead = job["spec"].get("activeDeadlineSeconds", float("inf")) - ran
    return None if window - renew < ahead <= window + SLACK else ran + window
