from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from components.shared.jobs.deadlines import moved_deadline

NOW = datetime(2026, 11, 30, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ran", "deadline", "suspended", "moved"),
    [
        (0, 600, False, None),  # as it was made
        (59, 600, False, None),
        (60, 600, False, 660),
        (7000, 7600, False, None),
        (7100, 7600, False, 7700),
        (None, 600, False, None),  # not begun
        (None, 7600, True, 600),  # preempted after two hours
        (7000, 7600, True, 600),  # suspended by hand: its start stands, but will be another
        (5, 7600, False, 605),  # begun anew after two hours
        (0, None, False, 600),  # made by somebody without a deadline
    ],
)
def test_a_deadline_is_one_window_ahead_whatever_happened_to_the_clock(
    ran: int | None, deadline: int | None, suspended: bool, moved: int | None
) -> None:
    spec: dict[str, Any] = {"suspend": suspended} | ({} if deadline is None else {"activeDeadlineSeconds": deadline})
    status = {} if ran is None else {"startTime": (NOW - timedelta(seconds=ran)).strftime("%Y-%m-%dT%H:%M:%SZ")}
    job = {"metadata": {}, "spec": spec, "status": status}
    assert moved_deadline(job, NOW, window=600, renew=60) == moved
