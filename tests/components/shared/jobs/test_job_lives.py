"""Whatever happens to tasks and their Job, in any order: one live Job a folder, and none that outlives its tasks."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from components.shared.errors import InputError, UnavailableError
from components.shared.jobs.body import Work, job_body
from components.shared.jobs.coordinator import Coordinator
from components.shared.jobs.deadlines import SLACK, Pace
from components.shared.jobs.folder_names import FOLDER_LABEL
from components.shared.jobs.job_reading import Job
from components.shared.jobs.pod_hardware import Task
from components.shared.jobs.selected_jobs import SelectedJobs
from components.shared.kubernetes_api import connect
from components.shared.stores import retries
from components.shared.workspace import Workspace
from tests.components.shared.jobs.jobs_cluster import NAMESPACE, JobsCluster
from tests.components.shared.jobs.jobs_server import serving
from tests.components.shared.jobs.recorded_jobs import refusal
from tests.components.shared.sample_folders import write_folder

LABEL = "0123456789abcdef-012345"
TASK = Task(gpus="1", cpu="1", memory="1Gi", ephemeral_storage="1Gi", shm="1Gi")
PACE = Pace()
LOOK_SECONDS = 60  # between two looks here; a task looks every 10
INPUT = "bad input: --questions does not exist"


class Attempts:
    """The Jobs of a folder that need no pod to be made from."""

    name, run = "job", ""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.jobs = SelectedJobs(NAMESPACE, f"{FOLDER_LABEL}={LABEL}", allowed_by="")

    def body(self, window: int) -> Job:
        work = Work(
            name=self.name, step="s", size="inference", is_shared=True, image="i", arguments=[], task=TASK, pods=3,
            deadline_seconds=window, queue="q", labels={FOLDER_LABEL: LABEL},
        )  # fmt: skip
        return job_body(work)

    def follower(self) -> Mapping[str, Any]:
        return {"labels": {"run": "r"}}


class Interrupted(SelectedJobs):
    """Between whose look at a folder's Jobs and whose own next Job something happens."""

    def __init__(self, happens: Callable[[], None]) -> None:
        super().__init__(NAMESPACE, f"{FOLDER_LABEL}={LABEL}", allowed_by="")
        self._happens = [happens]

    def create(self, body: Mapping[str, Any]) -> Job | None:
        if self._happens:
            self._happens.pop()()
        return super().create(body)


class Lives(RuleBasedStateMachine):
    """Tasks that come, look and die, and a cluster that does what clusters do."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = contextlib.ExitStack()
        place = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.cluster = JobsCluster(clock=datetime(2026, 11, 30, 8, tzinfo=UTC))
        self.stack.enter_context(serving(self.cluster, place / "kubeconfig"))
        patch = self.stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("KUBECONFIG", str(place / "kubeconfig"))
        patch.setattr(retries.BACKOFF, "multiplier", 0.001)
        connect("a test")
        self.folder = str(place / "folder")
        self.tasks: list[Coordinator] = []
        self.uids: dict[int, str] = {}  # of the Job that a task follows
        self.seen_at: dict[str, datetime] = {}  # when a living task looked at a Job last
        # Begun anew with nobody there, they may run once more as long as they did: the one thing that this cannot stop.
        self.unwatched: set[str] = set()

    def teardown(self) -> None:
        """Nobody is left: what runs ends within a window; what is queued, a window after it begins."""
        if self.cluster.live:
            (name,) = self.cluster.live
            if self.cluster.jobs[name]["spec"]["suspend"]:
                self.cluster.resume(name)
            left = self.cluster.seconds_left(self.cluster.jobs[name])
            assert left is not None
            self.cluster.advance(left + 1)
        assert not self.cluster.live
        self.stack.close()

    @rule()
    @precondition(lambda self: len(self.tasks) < 3)
    def begin_task(self) -> None:
        task = Coordinator(Attempts(self.folder), PACE)
        task.attach()
        self.tasks.append(task)
        self.uids[id(task)] = self.cluster.jobs[task.job]["metadata"]["uid"]
        self._look(task)

    @rule(removed=st.booleans(), first_is_late=st.booleans())
    @precondition(lambda self: len(self.tasks) < 2 and not self.cluster.live)
    def begin_two_tasks_at_once(self, removed: bool, first_is_late: bool) -> None:
        """Ended Jobs may be taken away between the looks of two tasks, which then make different names."""
        late, other = (Coordinator(Attempts(self.folder), PACE) for _ in range(2))

        def attach_other() -> None:
            for name in list(self.cluster.jobs) if removed else []:
                self.cluster.remove(name)
            other.attach()

        late._jobs = late._attempts.jobs = Interrupted(attach_other)
        late.attach()
        for task in (late, other) if first_is_late else (other, late):
            assert [task.job] == self.cluster.live
            self.tasks.append(task)
            self.uids[id(task)] = self.cluster.jobs[task.job]["metadata"]["uid"]
            self._look(task)

    @rule(task=st.integers(0, 2))
    @precondition(lambda self: self.tasks)
    def kill_task(self, task: int) -> None:
        self.tasks.pop(task % len(self.tasks))

    @rule(looks=st.integers(1, 4))
    def pass_time(self, looks: int) -> None:
        for _ in range(looks):
            self.cluster.advance(LOOK_SECONDS)
            self._look_all()

    @rule(hours=st.integers(1, 30))
    @precondition(lambda self: self.tasks and self._running)
    def work_for_long(self, hours: int) -> None:
        """A long time passes in which tasks move the deadline as always."""
        job = self._running[0]
        self.cluster.advance(LOOK_SECONDS)
        start = datetime.fromisoformat(self.cluster.jobs[job]["status"]["startTime"])
        ran = int((self.cluster.now - start).total_seconds()) + hours * 3600
        self.cluster.change_job(job, spec={"activeDeadlineSeconds": ran + PACE.window})
        self.cluster.advance(hours * 3600)
        self._look_all()

    @rule(code=st.sampled_from([0, 2, 75, 137, 1]), finished=st.booleans())
    @precondition(lambda self: self._running)
    def end_job(self, code: int, finished: bool) -> None:
        job = self._running[0]
        self.cluster.run_pods(job)
        if finished:
            self._finish_folder()
        if code == 0:
            self.cluster.complete(job)
        else:
            for index in range(self.cluster.jobs[job]["spec"]["parallelism"]):  # it may have been scaled
                self.cluster.end_pod(f"{job}-{index}", code, INPUT if code == 2 else "")
            self.cluster.fail(job, "PodFailurePolicy" if code == 2 else "FailedIndexes")

    @rule(foreground=st.booleans())
    @precondition(lambda self: self.cluster.live)
    def delete_job(self, foreground: bool) -> None:
        name = self.cluster.live[0]
        self.cluster.begin_removal(name) if foreground else self.cluster.remove(name)

    @rule()
    @precondition(lambda self: self._running)
    def preempt(self) -> None:
        self.cluster.suspend(self._running[0])

    @rule()
    @precondition(lambda self: self._suspended)
    def admit(self) -> None:
        name = self._suspended[0]
        self.cluster.resume(name)
        self.unwatched.add(name)
        self._look_all()

    @rule(pods=st.integers(1, 8))
    @precondition(lambda self: self.cluster.live)
    def scale(self, pods: int) -> None:
        self.cluster.change_job(self.cluster.live[0], spec={"parallelism": pods, "completions": pods})

    @rule(request=st.sampled_from(["POST jobs", "GET jobs", "GET pods", "PATCH jobs"]))
    def fail_once(self, request: str) -> None:
        self.cluster.refusals[request] = [refusal("error-500-webhook-down")]

    @rule()
    def change_under_a_patch(self) -> None:
        self.cluster.refusals["PATCH jobs"] = [refusal("error-409-conflict-resource-version")]

    @invariant()
    def one_job_at_most_is_live(self) -> None:
        assert len(self.cluster.live) <= 1, self.cluster.live

    @invariant()
    def nothing_runs_longer_than_a_window_after_the_last_look(self) -> None:
        for name in self._running:
            left = self.cluster.seconds_left(self.cluster.jobs[name])
            if name not in self.unwatched and left is not None:
                since = (self.cluster.now - self.seen_at[name]).total_seconds()
                assert since + left <= PACE.window + SLACK + 1, (name, left, since)

    @invariant()
    def no_job_ends_by_its_deadline_while_a_task_follows_it(self) -> None:
        for task in self.tasks:
            job = self.cluster.jobs.get(task.job)
            same = job is not None and job["metadata"]["uid"] == self.uids[id(task)]
            ends = (job["status"].get("conditions") or []) if job is not None and same else []
            assert not [each for each in ends if each["reason"] == "DeadlineExceeded"], task.job

    @property
    def _running(self) -> list[str]:
        return [name for name in self.cluster.live if not self.cluster.jobs[name]["spec"]["suspend"]]

    @property
    def _suspended(self) -> list[str]:
        return [name for name in self.cluster.live if self.cluster.jobs[name]["spec"]["suspend"]]

    def _look_all(self) -> None:
        for task in list(self.tasks):
            self._look(task)

    def _look(self, task: Coordinator) -> None:
        """Let a task look, as often as it takes to see past one refusal; it may end by that."""
        try:
            for _ in range(2):
                if (folder := task.look()) is not None:
                    assert Path(folder, "_manifest.json").exists()
                    self.tasks.remove(task)
                    self.seen_at[task.job] = self.cluster.now  # perhaps at its first look
                    return
            self.seen_at[task.job] = self.cluster.now
            self.unwatched.discard(task.job)
        except (InputError, UnavailableError, RuntimeError):
            self.tasks.remove(task)
            uids = [self.cluster.jobs[name]["metadata"]["uid"] for name in self.cluster.live]
            assert self.uids[id(task)] not in uids, "it ended, but its Job did not"

    def _finish_folder(self) -> None:
        if not Path(self.folder).exists():
            with tempfile.TemporaryDirectory() as scratch:
                shutil.copytree(write_folder(Workspace(scratch), [""], 1), self.folder)


@pytest.mark.parametrize("earlier", ["job-0", "job-7"])
def test_of_two_jobs_that_were_made_at_once_the_later_one_gives_way_whatever_their_numbers(
    earlier: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = JobsCluster()
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    with serving(cluster, tmp_path / "kubeconfig"):
        connect("a test")
        attempts = Attempts("folder")
        body = dict(attempts.body(600))

        def make_earlier() -> None:
            with cluster.lock:
                cluster.create_job({**body, "metadata": {**body["metadata"], "name": earlier}})

        with cluster.lock:
            cluster.create_job({**body, "metadata": {**body["metadata"], "name": "job-3"}})
        cluster.complete("job-3")  # so that the next one is job-4
        attempts.jobs = Interrupted(make_earlier)
        task = Coordinator(attempts, PACE)
        task.attach()
    assert cluster.count("POST jobs") == 1
    assert (task.job, cluster.live) == (earlier, [earlier])
    assert cluster.jobs[earlier]["metadata"]["labels"]["run"] == "r", "it belongs to the run whose task follows it"


TestLives = Lives.TestCase
TestLives.settings = settings(max_examples=200, stateful_step_count=15)
