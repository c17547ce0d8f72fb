"""Keeps the nodes of a TrainJob from outliving the step that waits for them: the deadlines of its child Jobs.

Nobody tells a task of Kubeflow that its run was terminated; its TrainJob would go on. So the deadline of each child Job
is moved as a Job's of ours is (``jobs.deadlines``). Without that, Kubernetes ends the Job, and the runtime's failure
policy fails the whole TrainJob for the reason DeadlineExceeded.

It rests on JobSet's controller (pkg/controllers/jobset_controller.go), which names itself in a label of each child Job,
updates a standing child only to suspend it (``suspend``) and to resume it (``suspend``, its pods' template, and a start
time that is taken away), and so leaves this field alone; a child that a restart makes anew has none until the next
look. Kubeflow Trainer makes one JobSet for a TrainJob, of the same name. Not tried on a cluster.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator

from kubernetes.client.exceptions import ApiException

from components.shared.errors import InputError, UnavailableError
from components.shared.jobs.deadlines import Pace, moved_deadline
from components.shared.jobs.job_reading import is_live
from components.shared.jobs.selected_jobs import SelectedJobs
from components.shared.training.train_jobs import ALLOWED_BY, JOBSET_LABEL

PACE = Pace()

logger = logging.getLogger(__name__)


class NodeDeadlines:
    """The deadlines of a TrainJob's child Jobs."""

    def __init__(self, namespace: str, train_job: str) -> None:
        self._jobs = SelectedJobs(namespace, f"{JOBSET_LABEL}={train_job}", allowed_by=ALLOWED_BY)
        self._ended = threading.Event()

    @contextlib.contextmanager
    def moved(self) -> Iterator[None]:
        """Move them, in a thread, while the block runs."""
        threading.Thread(target=self._move_until_ended, name="node deadlines", daemon=True).start()
        try:
            yield
        finally:
            self._ended.set()

    def _move_until_ended(self) -> None:
        while not self._ended.is_set():
            try:
                self._move()
            except InputError as error:
                logger.warning("the nodes go on if this step ends without a word: %s", error)
                return
            except (UnavailableError, ApiException) as error:
                logger.info("the deadlines of the nodes' Jobs: %s", error)
            self._ended.wait(PACE.poll)

    def _move(self) -> None:
        for job in filter(is_live, self._jobs.standing()):
            seconds = moved_deadline(job, self._jobs.now, PACE.window, PACE.renew)
            if seconds is not None:
                self._jobs.move_deadline(job, seconds)
