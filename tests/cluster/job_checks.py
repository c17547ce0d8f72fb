"""What has to be so of the Jobs of a run on any cluster; each check returns what was seen, or raises AssertionError."""

from __future__ import annotations

import time

from components.shared.errors import FINAL, ExitCode
from components.shared.jobs.job_reading import Seen, end_of_job, ending_of_job, state_of_job
from components.shared.jobs.pod_endings import terminated
from tests.cluster.checked_jobs import UNTIL_STOPPED, CheckedJobs, counted, running, said

START_SECONDS = 900  # of the first pod
WHY = "--questions x does not exist"
# By the code that a step's container ends with: its words, and the exit code that a task of Kubeflow ends with then.
EXIT_CODES = {
    ExitCode.DONE: ("exit 0", ExitCode.DONE),
    ExitCode.BUG: ("exit 1", ExitCode.BUG),
    ExitCode.BAD_INPUT: (f'echo "bad input: {WHY}" > /dev/termination-log; exit 2', ExitCode.BAD_INPUT),
    ExitCode.BUDGET_SPENT: (f'echo "budget spent: {WHY}" > /dev/termination-log; exit 5', ExitCode.BUDGET_SPENT),
    ExitCode.GATE_CLOSED: (f'echo "gate closed: {WHY}" > /dev/termination-log; exit 6', ExitCode.GATE_CLOSED),
    ExitCode.UNAVAILABLE: ("exit 75", ExitCode.UNAVAILABLE),
    ExitCode.KILLED: ("exit 137", ExitCode.UNAVAILABLE),  # the first process of a container cannot kill itself
    ExitCode.STOPPED: ("exit 143", ExitCode.UNAVAILABLE),
}


def check_start(jobs: CheckedJobs) -> str:
    """A Job's pod runs: the account, the image and the namespace's rules let it; a node may have to be added first."""
    began = time.monotonic()
    name = jobs.start("first", "exit 0", deadline=START_SECONDS + 60)
    end = end_of_job(jobs.until_ended(name, START_SECONDS).job)
    assert end["type"] == "Complete", end
    return f"its pod had run after {time.monotonic() - began:.0f} s"


def check_exit_code(jobs: CheckedJobs, code: ExitCode) -> str:
    """A Job ends as its pods do: bad input at once and with its message, what may pass after another try."""
    words, expected = EXIT_CODES[code]
    name = jobs.start(f"exit-{int(code)}", words)
    seen = jobs.until_ended(name)
    end, ending = end_of_job(seen.job), ending_of_job(seen)
    assert (end["type"] == "Complete") == (code == ExitCode.DONE), end
    found = ending.exit_code if ending else ExitCode.DONE
    assert found == expected, f"{found}, expected {expected}: {ending}"
    tries = counted(seen.job)
    assert tries == (0 if code == ExitCode.DONE else 1 if code in FINAL else 2), f"{tries} pods failed"
    assert code not in FINAL or (ending and ending.why == WHY), ending
    return f"{end['type']}, {tries} failed pods, read as {int(found)}"


def check_eviction(jobs: CheckedJobs) -> str:
    """An evicted pod hears SIGTERM, is replaced, and is not counted as failed."""
    name = jobs.start("evicted", UNTIL_STOPPED)
    (first,) = running(jobs.until("a pod", name, lambda seen: bool(running(seen))))
    jobs.evict(first)
    own, words = first["metadata"]["name"], set[str]()

    def is_replaced(seen: Seen) -> bool:
        words.update(said(pod) for pod in seen.pods if pod["metadata"]["name"] == own and terminated(pod))
        return any(pod["metadata"]["name"] != own for pod in running(seen))

    seen = jobs.until("another pod", name, is_replaced, 180)
    assert words <= {"stopped as asked"}, words
    assert counted(seen.job) == 0, "the eviction was counted"
    is_left = any(pod["metadata"]["name"] == own for pod in seen.pods)
    assert "evicted" in state_of_job(seen).told or not is_left, state_of_job(seen)
    return f"{'heard SIGTERM' if words else 'gone before its words were read'}, replaced, not counted"


def check_kill(jobs: CheckedJobs) -> str:
    """A pod that vanishes without a word is replaced."""
    name = jobs.start("killed", UNTIL_STOPPED)
    (first,) = running(jobs.until("a pod", name, lambda seen: bool(running(seen))))
    jobs.kill(first)
    own = first["metadata"]["name"]
    jobs.until("another pod", name, lambda seen: any(pod["metadata"]["name"] != own for pod in running(seen)), 180)
    return "replaced"


def check_scaling(jobs: CheckedJobs) -> str:
    """A Job goes on with more and with fewer pods; those that stay are the ones that were there."""
    name = jobs.start("scaled", UNTIL_STOPPED)
    first = _names(running(jobs.until("a pod", name, lambda seen: len(running(seen)) == 1)))
    for number in (3, 2):
        jobs.scale(name, number)
        seen = jobs.until(f"{number} pods", name, lambda seen, number=number: len(running(seen)) == number)  # type: ignore[misc]
        assert first <= _names(running(seen)), "the first pod was replaced"
    return "1, 3, 2 pods; the first one stayed"


def check_deadline(jobs: CheckedJobs) -> str:
    """A Job that nobody follows ends by itself; its pods hear SIGTERM."""
    name = jobs.start("left", UNTIL_STOPPED, deadline=20)
    seen = jobs.until_ended(name, 180)
    assert end_of_job(seen.job).get("reason") == "DeadlineExceeded", end_of_job(seen.job)
    ending = ending_of_job(seen)
    assert ending, seen
    assert ending.exit_code == ExitCode.UNAVAILABLE, ending
    jobs.until("the end of its pods", name, lambda seen: not running(seen), 60)
    return "ended after its deadline of 20 s"


def _names(pods: list) -> set[str]:  # type: ignore[type-arg]
    return {pod["metadata"]["name"] for pod in pods}
