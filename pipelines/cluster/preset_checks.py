"""What `scalequest doctor PRESET` checks besides its place: all that a run's steps will use, as the run itself does."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence

from components.shared.errors import InputError, UnavailableError
from pipelines.arguments import Run
from pipelines.cluster.findings import Finding
from pipelines.cluster.finished_run import can_read
from pipelines.cluster.run_keys import keys_of_run
from pipelines.cluster.submission import Submission, prepare_submission
from pipelines.run_checks.looking import Looked
from pipelines.run_checks.runs_here import prepare_here
from pipelines.run_checks.step_checks import check_steps
from pipelines.run_checks.vantage import LAPTOP, SUBMITTER, Vantage
from pipelines.run_command import Asked


def check_here(asked: Asked) -> Iterator[Finding]:
    """Yield what was found of a run on this machine; nothing more after what could not work."""
    try:
        run = prepare_here(asked.preset, asked.settings, asked.workspace, asked.pipeline)
    except InputError as error:
        yield Finding(False, str(error))
        return
    yield _parameters(run)
    yield from _steps(run, LAPTOP)


def check_submitted(submission: Submission) -> Iterator[Finding]:
    """Yield what was found of a run on a cluster, as far as that shows from here: as submit does."""
    try:
        run = prepare_submission(submission)
    except InputError as error:
        yield Finding(False, str(error))
        return
    yield _parameters(run)
    reads_store = can_read(submission.workspace)
    with keys_of_run(submission.cluster.namespace, run) as has_keys:
        yield from _steps(run, dataclasses.replace(SUBMITTER, reads_store=reads_store, asks_endpoints=has_keys))


def _parameters(run: Run) -> Finding:
    return Finding(True, f"the parameters of {run.preset} ({run.pipeline.name}, {len(run.steps)} steps) are accepted")


def _steps(run: Run, vantage: Vantage) -> Iterator[Finding]:
    try:
        looked = check_steps(run, vantage)
    except InputError as error:
        yield Finding(False, str(error))
        return
    except UnavailableError as error:
        yield Finding(None if vantage.is_outside else False, str(error))
        return
    unknown = {each.why: each for each in looked if each.state == "not known"}
    for why in unknown:
        yield Finding(None, why, "the run's first task looks again")
    for note in (f"{each.step.name}: {each.note}" for each in looked if each.note):
        yield Finding(None, note, "look at their terms yourself")
    yield Finding(True, f"the models, files and endpoints of the steps that have work to do: {_told(looked)}")


def _told(looked: Sequence[Looked]) -> str:
    counts = Counter(each.state for each in looked)
    return ", ".join(f"{count} {state}" for state, count in counts.items())
