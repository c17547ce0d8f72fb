"""What has to be so of a run through Kubeflow on any cluster; each check returns what was seen."""

from __future__ import annotations

import contextlib
import io
import time
import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from typer.testing import CliRunner

from components.shared.errors import ExitCode
from pipelines.cli import app
from pipelines.cluster.jobs_api import RunJobs
from pipelines.cluster.kubeflow_api import connect
from tests.cluster.checked_jobs import CheckedJobs
from tests.cluster.settings import Settings

ANOTHER_LAST_STEP = "package_dataset.keep_thoughts=true"
MINUTES_OF_JOBS = 11  # that a Job may outlive its run: ten, and one to end
END_SECONDS = 300.0  # for Kubeflow to say that a run has ended which was terminated


@dataclass
class CheckedRuns:
    """Runs of the preset smoke, submitted and watched by the commands themselves."""

    settings: Settings
    sleep: Callable[[float], None] = time.sleep
    run_ids: list[str] = field(default_factory=list)
    folder: str = field(default_factory=lambda: f"e2e-{uuid.uuid4().hex[:8]}")  # nothing is finished there yet

    @property
    def workspace(self) -> str:
        """The workspace of the runs, below the one that was given."""
        return f"{self.settings.workspace.rstrip('/')}/{self.folder}"

    def command(self, *words: str, expected: Collection[int] = (ExitCode.DONE,)) -> str:
        """Run `scalequest` with these words; return what it printed, AssertionError for another exit code."""
        result = CliRunner().invoke(app, list(words))
        last = (result.output.strip().splitlines() or ["it said nothing"])[-1]
        said = f"{last}\nscalequest {' '.join(words)}: exit code {result.exit_code}\n{result.output}"
        assert result.exit_code in expected, said
        return str(result.output)

    def submit(self, *settings: str, watch: bool) -> str:
        """Submit the preset smoke, and follow it if asked to; return what was printed."""
        own = self.settings
        words = ["submit", "smoke", "--yes", "--workspace", self.workspace, "--profile", own.profile, *self._where()]
        words += [word for setting in (f"store_secret={own.store_secret}", *settings) for word in ("--set", setting)]
        words += ["--allow-tags"] if own.tags == "yes" else []
        said = self.command(*words)
        made = [line.split()[1] for line in said.splitlines() if line.startswith("run ")][:1]
        self.run_ids += made
        if watch:  # by a command of its own: a run that cannot be followed is known, and stopped in the end
            assert made, said
            said += self.command("status", self.run_ids[-1], "--watch", *self._where())
        return said

    def status(self, expected: Collection[int] = (ExitCode.DONE,)) -> str:
        """Return what `scalequest status` says of the last run."""
        return self.command("status", self.run_ids[-1], *self._where(), expected=expected)

    def stop(self, run_id: str = "") -> str:
        """Return what `scalequest stop` says of a run, the last one if none is named."""
        return self.command("stop", run_id or self.run_ids[-1], *self._where())

    def terminate(self) -> None:
        """End the last run as Kubeflow's page does: nobody tells its Jobs."""
        client, _ = connect(self.settings.host, self.settings.namespace)
        client.terminate_run(self.run_ids[-1])

    def _where(self) -> list[str]:
        return ["--namespace", self.settings.namespace, "--host", self.settings.host]


def check_smoke(runs: CheckedRuns) -> str:
    """The whole method goes to its dataset, and `status` says so."""
    said = runs.submit(watch=True)
    assert " succeeded, " in said, said
    shown = runs.status().splitlines()[0]
    assert ": succeeded, " in shown, shown
    verified = runs.command("verify", runs.workspace)
    return f"{shown.partition(': ')[2].partition(', workspace')[0]}; {verified.splitlines()[-1]}; in {runs.workspace}"


def check_again(runs: CheckedRuns) -> str:
    """The same again has nothing to do; where only the last step is another one, no Job is made."""
    said = runs.submit(watch=False)
    assert "nothing to do: " in said, said
    started = time.monotonic()
    runs.submit(ANOTHER_LAST_STEP, watch=True)
    jobs = RunJobs(runs.run_ids[-1], runs.settings.namespace).jobs()
    assert not jobs, f"{len(jobs)} Jobs were made for finished work"
    return f"nothing to do; with another last step no Job, {time.monotonic() - started:.0f} s"


def check_terminate(runs: CheckedRuns, jobs: CheckedJobs) -> str:
    """Nothing of a terminated run's Jobs is alive after eleven minutes, also where only Kubeflow was told."""
    runs.submit("seed=7", watch=False)
    run_id = runs.run_ids[-1]
    _await_pod(runs, jobs)
    runs.terminate()
    terminated = time.monotonic()
    while alive := jobs.living_pods(run_id):
        late = time.monotonic() - terminated > MINUTES_OF_JOBS * 60
        assert not late, f"alive {MINUTES_OF_JOBS} minutes after the end: {', '.join(alive)}"
        runs.sleep(10)
    seconds = time.monotonic() - terminated
    while ": terminated, " not in (said := runs.status(expected=(ExitCode.DONE, ExitCode.TERMINATED))):
        assert time.monotonic() - terminated < seconds + END_SECONDS, said
        runs.sleep(5)
    return f"no pod of a Job after {seconds:.0f} s"


def check_stop(runs: CheckedRuns, jobs: CheckedJobs) -> str:
    """`scalequest stop` leaves nothing of a run alive, and is content with one that has ended."""
    runs.submit("seed=8", watch=False)
    _await_pod(runs, jobs)
    first, second = runs.stop(), runs.stop()
    assert "its pods are told to stop" in " ".join(first.split()), first
    assert not jobs.living_pods(runs.run_ids[-1]), first
    assert "no Job of it was running" in second, second
    return first.splitlines()[-1]


def _await_pod(runs: CheckedRuns, jobs: CheckedJobs) -> None:
    """Return as soon as a step of the last run is a Job that has a pod: in the preset smoke, for seconds."""
    deadline = time.monotonic() + 3600
    while not jobs.living_pods(runs.run_ids[-1]):
        assert ": succeeded, " not in (said := runs.status()), said
        assert time.monotonic() < deadline, f"no step's Job had a pod within an hour\n{said}"
        runs.sleep(2)


def clean_up(runs: CheckedRuns) -> None:
    """End what a check that failed has left."""
    for run_id in runs.run_ids:
        with contextlib.suppress(AssertionError), contextlib.redirect_stdout(io.StringIO()):
            runs.stop(run_id)
