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
import shlex
from collections.abc import Callable, Iterator
from functools import partial

from components.shared import speaking, stopping
from components.shared.command.termination_message import BUG
from components.shared.config import SharedConfig, StepConfig
from components.shared.config.training import TrainingConfig
from components.shared.errors import ExitCode, InputError, UnavailableError
from components.shared.jobs import JobRequest
from components.shared.jobs.body import SERVICE_ACCOUNT, SIZES, Work, job_body
from components.shared.jobs.deadlines import Pace, moved_deadline
from components.shared.jobs.folder_course import FolderCourse
from components.shared.jobs.folder_names import (
    FOLDER_LABEL,
    RUN_LABEL,
    STEP_LABEL,
    TASK_ANNOTATION,
    folder_label,
    object_name,
    step_label,
)
from components.shared.jobs.job_profiles import JobProfile, is_name, profile_of_json, profile_of_name
from components.shared.jobs.job_reading import (
    Job,
    Seen,
    end_of_job,
    ending_of_job,
    is_live,
    state_of_job,
)
from components.shared.jobs.own_pod import handed_on, read_own_pod
from components.shared.jobs.pod_numbers import read_pod_numbers
from components.shared.jobs.selected_jobs import SelectedJobs
from components.shared.kubernetes_api import connect
from components.shared.training.launch import train_on_nodes
from components.shared.workspace import StepFolder, Workspace
from components.shared.workspace.planning import command_of

ALLOWED_BY = (
    "the Role scalequest-step of this account has to allow it (Helm chart: gpuWork=job; or manifests/base); where runs "
    "may make no Jobs, submit with --gpu-work task (gpu_work: task): the step then works in its own pod"
)
PAUSE_SECONDS = 1.0  # between two looks: a Job of many pods changes all the time
GOES_ON = "the same command goes on where it was"

logger = logging.getLogger(__name__)


def run_as_job(config: StepConfig, workspace: Workspace, request: JobRequest) -> str:
    """Return the folder's address as soon as it is finished.

    Raises what the step would raise in this process: InputError, UnavailableError, RuntimeError.
    """
    folder = workspace.open(config)
    if folder.finished:
        return folder.uri
    if isinstance(config, TrainingConfig) and config.num_nodes > 1:
        return train_on_nodes(config, folder, request.image)
    namespace = connect(f"the profile {request.profile} has this step done by a Job")
    label = folder_label(config, folder.fingerprint)
    jobs = SelectedJobs(namespace, f"{FOLDER_LABEL}={label}", allowed_by=ALLOWED_BY)
    body = partial(_body, jobs, config, folder, request)
    name = object_name(config, folder.fingerprint)
    return Coordinator(jobs, folder.uri, name, request.image, body, Pace()).run()


class Coordinator:
    """Follows the Job that makes a folder, from its first attempt or from where another process left it."""

    def __init__(
        self, jobs: SelectedJobs, folder: str, name: str, image: str, body: Callable[[str, int], Job], pace: Pace
    ) -> None:
        """``name``: of all attempts, without their number; ``body`` makes one from its name and its first deadline."""
        self._jobs, self._folder, self._name, self._body, self._pace = jobs, folder, name, body, pace
        self._image = image
        self._course = FolderCourse(jobs, folder)
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
        """
        taken = -1
        while True:
            standing = {job["metadata"]["name"]: job for job in self._jobs.standing()}
            if live := [name for name, job in standing.items() if is_live(job)]:
                self.job = min(live, key=self._attempt)
                self._greet(standing[self.job])
                return
            taken = max([taken, *map(self._attempt, standing)]) + 1
            self.job = f"{self._name}-{taken}"
            if self._jobs.create(self._body(self.job, self._pace.window)):
                logger.info("created the Job %s", self.job)
                return

    def _greet(self, job: Job) -> None:
        """Say which Job was found; perhaps an earlier run's, which was started with an image that does not work."""
        (container,) = job["spec"]["template"]["spec"]["containers"]
        logger.info("found the Job %s", self.job)
        if container["image"] != self._image:
            logger.warning(
                "it runs the image %s, this task would take %s: to begin again with that, kubectl delete job %s",
                container["image"], self._image, self.job,
            )  # fmt: skip

    def look(self) -> str | None:
        """Look once: return the folder's address if it is finished, None while the Job goes on; raise as it ended."""
        seen = self._jobs.look(self.job)
        uid = seen.job["metadata"]["uid"] if seen else ""
        self._uid = self._uid or uid
        if seen is None or uid != self._uid or seen.job["metadata"].get("deletionTimestamp"):
            raise UnavailableError(f"the Job {self.job} was deleted; the same command makes the next one, and {_KEPT}")
        self._seen = seen
        ended = end_of_job(seen.job)
        if not ended:
            self._renew(seen, self._pace.window)
        if self._course.look(seen, at_once=bool(ended)):
            self._let_end()
            return self._folder
        if ending := ending_of_job(seen):
            raise _error(self.job, ending.why, ending.exit_code)
        if ended:
            raise UnavailableError(
                f"the Job {self.job} is complete, but {self._folder} is not finished; {GOES_ON}, with the next Job"
            )
        self._tell()
        return None

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

    def _attempt(self, name: str) -> int:
        number = name.rpartition("-")[2]
        return int(number) if number.isdecimal() else -1


_KEPT = "what is written is kept"


def _error(job: str, why: str, code: int) -> Exception:
    if code == ExitCode.BAD_INPUT:
        return InputError(why)
    if code == ExitCode.BUG:
        return RuntimeError(f"the Job {job} failed: {why.removeprefix(BUG)}")
    return UnavailableError(f"the Job {job} failed: {why}; {GOES_ON}, with the next Job")


def _body(
    jobs: SelectedJobs, config: StepConfig, folder: StepFolder, request: JobRequest, name: str, window: int
) -> Job:
    """Return the Job of an attempt: sized by the profile, with what this process' own pod hands on."""
    profile, pods = _profile(jobs, request.profile), read_pod_numbers(request.pods or "1")
    size, shared = SIZES[config.IMAGE], isinstance(config, SharedConfig)
    handed = handed_on(read_own_pod(jobs.namespace, allowed_by=ALLOWED_BY))
    label = folder_label(config, folder.fingerprint)
    run = {RUN_LABEL: handed.run} if handed.run else {}
    return job_body(
        Work(
            name=name,
            step=config.step,
            size=size,
            is_shared=shared,
            image=request.image,
            # Kubernetes reads $(NAME) as a variable, and $$ as a dollar.
            arguments=[word.replace("$", "$$") for word in shlex.split(command_of(config))[3:]],
            task=profile.task(size),
            deadline_seconds=window,
            pods=pods.most if shared else 1,
            least_pods=pods.least if shared else 1,
            placement=profile.placement,
            queue=profile.queue,
            priority_class=profile.priority_class,
            labels={STEP_LABEL: step_label(config.step), FOLDER_LABEL: label, **run},
            annotations={FOLDER_LABEL: folder.uri} | ({TASK_ANNOTATION: handed.task} if handed.task else {}),
            owner=handed.owner,
            service_account=handed.service_account or SERVICE_ACCOUNT,
            pull_secrets=handed.pull_secrets,
            env=handed.env,
            env_from=handed.env_from,
            volumes=handed.volumes,
            mounts=handed.mounts,
        )
    )


def _profile(jobs: SelectedJobs, text: str) -> JobProfile:
    return profile_of_name(text, jobs.profiles()) if is_name(text) else profile_of_json(text)
