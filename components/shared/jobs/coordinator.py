"""Does a step's work as a Job: attaches to the one that runs or makes the next, follows it, and ends as it ends.

The process that does this needs no GPU. It may end at any moment without a word (Kubeflow's terminate and a deleted pod
send its container no signal), so it owns nothing that needs cleaning up:

- the Job ends by itself. Its ``activeDeadlineSeconds`` is at most one window ahead of now, and is moved while this
  process lives. Without it, Kubernetes ends the Job's pods with SIGTERM. Its clock stands still while a queue holds the
  Job, and begins anew when it is resumed;
- whoever comes next attaches. A Job is found by the label of its folder, and named by the folder and its attempt, so
  that of several who come at once one makes it.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from components.shared import speaking, stopping
from components.shared.command.termination_message import BUG
from components.shared.config import StepConfig
from components.shared.config.training import TrainingConfig
from components.shared.errors import FINAL, ExitCode, InputError, UnavailableError, held_with
from components.shared.jobs import JobRequest
from components.shared.jobs.api_objects import annotations_of, labels_of
from components.shared.jobs.asked import differences
from components.shared.jobs.deadlines import Pace, moved_deadline
from components.shared.jobs.folder_course import FolderCourse
from components.shared.jobs.folder_names import REPLACED_ANNOTATION, RUN_LABEL
from components.shared.jobs.job_reading import (
    Job,
    Seen,
    end_of_job,
    ending_of_job,
    image_of,
    is_live,
    is_queued,
    state_of_job,
)
from components.shared.jobs.pod_endings import Ending, ending_of_pod, folder_of_pod
from components.shared.jobs.selected_jobs import SelectedJobs
from components.shared.jobs.step_attempts import StepAttempts
from components.shared.kubernetes_api import connect
from components.shared.plain_text import inert
from components.shared.training.launch import train_on_nodes
from components.shared.workspace import Workspace

PAUSE_SECONDS = 2.0  # between two looks: a Job of many pods changes all the time, and each look lists them
LAST_LINES = 40  # of a pod's log
GOES_ON, KEPT = "the same command goes on where it was", "what is written is kept"

logger = logging.getLogger(__name__)


def run_as_job(config: StepConfig, workspace: Workspace, request: JobRequest) -> str:
    """Return the folder's address as soon as it is finished.

    Raises what the step would raise in this process: InputError, UnavailableError, RuntimeError.
    """
    folder = workspace.open(config)
    if folder.finished:
        return folder.uri
    workspace.before_work()
    if isinstance(config, TrainingConfig) and config.num_nodes > 1:
        return train_on_nodes(config, folder, request.image)
    namespace = connect("a profile has the step's work done by a Job")
    return Coordinator(StepAttempts(namespace, config, folder, request), Pace()).run()


class Attempts(Protocol):
    """The Jobs that make one folder, attempt by attempt."""

    jobs: SelectedJobs
    folder: str  # its address
    name: str  # of all attempts, without their number

    @property
    def run(self) -> str:
        """The run of Kubeflow Pipelines that the task belongs to; "" for none."""

    def body(self, window: int) -> Job:
        """Return the Job of the next attempt with its first deadline; without the attempt's number in its name."""

    def follower(self) -> Mapping[str, Any]:
        """Return what a Job's metadata say of the task that follows it."""


class Coordinator:
    """Follows the Job that makes a folder, from its first attempt or from where another process left it."""

    def __init__(self, attempts: Attempts, pace: Pace) -> None:
        self._attempts, self._pace, self._jobs, self._folder = attempts, pace, attempts.jobs, attempts.folder
        self._course = FolderCourse(attempts.jobs, attempts.folder)
        self.job = ""  # the name of the one that is followed
        self._uid = ""
        self._told = ""

    def run(self) -> str:
        """Attach and follow; return the folder's address."""
        self.attach()
        with self._left_running(), speaking.phase(f"Job {self.job}", lambda: f"{self._told}{self._course}"):
            while (folder := self.look()) is None:
                stopping.sleep(PAUSE_SECONDS)
                self._jobs.wait_for_change(self._seen.job, self._pace.poll)
        return folder

    def attach(self) -> None:
        """Find the Job that works on the folder, or make the next one.

        An ended Job stays for some days, so that its name is taken; one that is being deleted is no Job to wait for.
        One that only waits in a queue, and is wanted otherwise now, gives way to the next attempt.
        """
        taken, wanted = -1, self._attempts.body(self._pace.window)
        while True:
            standing = {job["metadata"]["name"]: job for job in self._jobs.standing()}
            if live := [name for name, job in standing.items() if is_live(job)]:
                self.job = min(live, key=_number_of)
                if not self._is_replaced(standing[self.job], wanted):
                    self._adopt(standing[self.job], wanted)
                    return
                continue
            taken = max([taken, *map(_number_of, standing)]) + 1
            self.job = f"{self._attempts.name}-{taken}"
            if own := self._jobs.create(_named(wanted, self.job)):
                logger.info("created the Job %s", self.job)
                if not self._gave_way(own):
                    return

    def _gave_way(self, own: Job) -> bool:
        """Give one's new Job up where another one was live as it was made, which the next look finds.

        Two tasks that look at different times, while an ended Job is taken away, make different names. The API server's
        state at the moment that a Job was made tells which of two came first: of them, the later one alone sees both.
        """
        standing = self._jobs.standing(at=own["metadata"]["resourceVersion"])
        if not any(is_live(job) and job["metadata"]["name"] != self.job for job in standing):
            return False
        while (seen := self._jobs.look(self.job)) and not self._jobs.delete(seen.job):
            pass
        logger.info("the Job %s gives way to one that was there before it", self.job)
        return True

    def _is_replaced(self, job: Job, wanted: Job) -> bool:
        """Take a Job away that is wanted otherwise and only waits in a queue; False if it is to be followed.

        A run whose own Job gave way to another run's does not take that away in turn.
        """
        said, run = differences(job, wanted), self._attempts.run
        replaced = annotations_of(job).get(REPLACED_ANNOTATION, "").split()
        if not said or not is_queued(job) or (run and run in replaced):
            return False
        if self._jobs.delete(job):
            logger.info("the Job %s, which waited in a queue, gives way to the next: it had %s", self.job, said)
            others = {*replaced, labels_of(job).get(RUN_LABEL, "")} - {run, ""}
            wanted["metadata"].setdefault("annotations", {})[REPLACED_ANNOTATION] = " ".join(sorted(others))
        return True

    def _adopt(self, job: Job, wanted: Job) -> None:
        """Follow a Job that another task made, perhaps of a run that has ended: it is this task's from now on."""
        logger.info("found the Job %s", self.job)
        if said := differences(job, wanted):
            remedy = "to change that, `scalequest stop` its run, then submit again; the pods alone: `scalequest scale`"
            logger.warning("it has %s; %s", said, remedy)
        self._jobs.adopt(self.job, self._attempts.follower())

    def look(self) -> str | None:
        """Look once: return the folder's address if it is finished, None while the Job goes on; raise as it ended."""
        seen = self._jobs.look(self.job)
        uid = seen.job["metadata"]["uid"] if seen else ""
        self._uid = self._uid or uid
        if seen is None or uid != self._uid or seen.job["metadata"].get("deletionTimestamp"):
            raise UnavailableError(f"the Job {self.job} was deleted; the same command makes the next one, and {KEPT}")
        self._seen = seen
        ended = end_of_job(seen.job)
        if not ended:
            self._renew(seen, self._pace.window)
        if self._course.look(seen, at_once=bool(ended)):
            if not ended:
                self._let_end()
            return self._folder
        if ending := ending_of_job(seen):
            self._show_log(seen, ending)
            raise _error(self.job, ending.why, ending.exit_code)
        if ended:
            raise self._incomplete(seen)
        self._tell()
        return None

    def _show_log(self, seen: Seen, ending: Ending) -> None:
        """Log the last lines of the pod that a Job ended by; Job and pods are deleted an hour after their run's end."""
        if ending.exit_code in FINAL:  # its message says it all
            return
        decisive = [pod for pod in seen.pods if (own := ending_of_pod(pod)) and own.why == ending.why]
        for pod in decisive[-1:]:
            name = pod["metadata"]["name"]
            logger.error("the last lines of %s:\n%s", name, self._jobs.last_lines(pod, LAST_LINES))

    def _incomplete(self, seen: Seen) -> Exception:
        """Return why a Job ended well without the folder: pods of another version make another one, as would the next.

        Otherwise they left its last parts to each other.
        """
        told = f"the Job {self.job} is complete, but {self._folder} is not finished"
        if others := {inert(folder) for pod in seen.pods if (folder := folder_of_pod(pod))} - {self._folder}:
            return InputError(
                f"{told}: its pods made {', '.join(sorted(others))}; is the image {image_of(seen.job)} of the same "
                "version as this task's? Submit with images of one version"
            )
        return UnavailableError(f"{told}; {GOES_ON}, with the next Job")

    def _tell(self) -> None:
        """Log what the Job is at, whenever that changes; in between, the phase does."""
        state = state_of_job(self._seen)
        if state.told != self._told:
            self._told = state.told
            logger.info("Job %s: %s%s", self.job, state.told, f" ({state.remedy})" if state.remedy else "")

    def _renew(self, seen: Seen, window: int) -> bool:
        """Move the Job's deadline to one window from now, if it is not about there; False if it was changed meanwhile.

        Then the next look moves it.
        """
        seconds = moved_deadline(seen.job, self._jobs.now, window, self._pace.renew)
        return seconds is None or self._jobs.move_deadline(seen.job, seconds)

    def _let_end(self) -> None:
        """Leave a Job whose folder is finished a last moment: those of its pods that have not begun are not needed."""
        for _ in range(3):
            seen = self._jobs.look(self.job)
            if seen is None or not is_live(seen.job) or self._renew(seen, self._pace.last):
                return

    @contextlib.contextmanager
    def _left_running(self) -> Iterator[None]:
        try:
            yield
        except stopping.Stopped:
            left = speaking.duration(self._pace.window)
            logger.info("the Job %s goes on for at most %s; the same command attaches to it", self.job, left)
            raise


def _named(job: Job, name: str) -> Job:
    return {**job, "metadata": {**job["metadata"], "name": name}}


def _error(job: str, why: str, code: int) -> Exception:
    if code == ExitCode.BAD_INPUT:
        return InputError(why)
    if held := held_with(code, why):
        return held
    if code == ExitCode.BUG:
        return RuntimeError(f"the Job {job} failed: {why.removeprefix(BUG)}")
    return UnavailableError(f"the Job {job} failed: {why}; {GOES_ON}, with the next Job")


def _number_of(name: str) -> int:
    """Return the number of an attempt; -1 for a Job that is called otherwise."""
    number = name.rpartition("-")[2]
    return int(number) if number.isdecimal() else -1
