"""More pods for a Job in Kueue's queue: one at a time, and none that is not admitted.

Kueue admits what is added all or nothing, so a step of one takes what there is. A scale-up that stays pending must not
be left behind: where the Job is then preempted, Kueue 0.19 frees its quota and lets its pods run on.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from components.shared.errors import UnavailableError
from components.shared.jobs.api_objects import conditions_of, holding
from components.shared.jobs.job_reading import Job
from components.shared.jobs.queue_holds import Workload
from components.shared.plain_text import inert
from pipelines.cluster.jobs_api import RunJobs

POLL_SECONDS = 1.0


@dataclass(frozen=True)
class Growth:
    """An elastic Job that is to have more pods."""

    jobs: RunJobs
    job: Job
    wait_seconds: float  # for the admission of each: seconds where there is quota, minutes where a node is added

    def to(self, number: int, tell: Callable[[int], None]) -> None:
        """Let the Job have so many pods; ``tell`` each number on the way that Kueue has admitted.

        Raises UnavailableError where Kueue does not admit all: the Job is then back at what it has admitted.
        """
        admitted = int(self.job["spec"]["parallelism"])
        try:
            for wanted in range(admitted + 1, number + 1):
                self.jobs.scale(self.job, wanted)
                if why := self._refusal(wanted):
                    raise UnavailableError(
                        f"{admitted} of {number} pods: Kueue does not admit one more ({why}); the Job keeps what it "
                        "has, and the same command goes on from there"
                    )
                admitted = wanted
                if admitted < number:
                    tell(admitted)
        except BaseException:  # Ctrl-C as well: nothing may stay pending
            self.jobs.scale(self.job, admitted)
            raise

    def _refusal(self, wanted: int) -> str:
        """Return why Kueue has not admitted this number of pods in time, "" as soon as it has."""
        deadline, why = time.monotonic() + self.wait_seconds, "it says nothing"
        while time.monotonic() < deadline:
            for workload in self.jobs.workloads(self.job):
                held = holding(workload)
                if "Finished" in held or _count(workload) != wanted:
                    continue  # the number before, or one that was given up
                if "Admitted" in held:
                    return ""
                why = inert(conditions_of(workload).get("QuotaReserved", {}).get("message", "")) or why
                if "maximum capacity" in why:
                    return why  # for good
            time.sleep(POLL_SECONDS)
        return why


def _count(workload: Workload) -> int:
    return sum(int(pod_set["count"]) for pod_set in workload["spec"]["podSets"])
