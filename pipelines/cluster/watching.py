"""Follows a run on a cluster to its end: a line whenever the state of a step changes, and now and then its rows."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

import kfp
import kfp_server_api
from rich.console import Console

from components.shared.errors import HELD, InputError, UnavailableError
from components.shared.workspace.costs import outlook_of
from components.shared.workspace.listing import Descriptions, listing_of
from pipelines.cluster.kubeflow_api import explained
from pipelines.cluster.run_report import NOT_KNOWN, SUCCEEDED, Report, look_at
from pipelines.cluster.run_steps import FAILED, LATER, RUNNING, TERMINATED, WAITING, Step
from pipelines.cluster.unfinished_folders import folders_in_the_making
from pipelines.webhook import EndOfRun, tell, webhook_url

POLL_SECONDS = 15.0
PATIENCE_SECONDS = 1800.0  # without an answer: an API server that moves to another node is away for minutes
ROWS_SECONDS = 600.0  # between two looks into the workspace, which may have many objects
INTERRUPTED = 130  # by Ctrl-C, as shells say it


def watch(client: kfp.Client, run_id: str, host: str, namespace: str, console: Console) -> int:
    """Print changes until the run has ended; return its exit code. Stopping the watching does not affect the run."""
    ended = watch_to_end(client, run_id, host, namespace, console)
    return ended.exit_code if ended else INTERRUPTED


def watch_to_end(client: kfp.Client, run_id: str, host: str, namespace: str, console: Console) -> Report | None:
    """Print changes until the run has ended; return its last report, None if Ctrl-C has ended the watching."""
    webhook_url()
    try:
        return _watch(client, run_id, host, namespace, console)
    except KeyboardInterrupt:
        console.print(f"no longer watched{_goes_on(run_id, host, namespace)}", highlight=False, soft_wrap=True)
        return None


def _watch(client: kfp.Client, run_id: str, host: str, namespace: str, console: Console) -> Report:
    changes, rows = _Changes(), _Rows()
    answered = time.monotonic()
    seemed_gone = False
    while True:
        try:
            with explained(host, namespace):
                report = look_at(client, run_id, namespace, changes.succeeded)
            answered = time.monotonic()
        except InputError as error:
            raise InputError(f"{error}{_what_goes_on(error, run_id, host, namespace)}") from error
        except UnavailableError as error:
            if time.monotonic() - answered > PATIENCE_SECONDS:
                raise UnavailableError(f"{error}{_what_goes_on(error, run_id, host, namespace)}") from error
            time.sleep(POLL_SECONDS)
            continue
        if report.state == NOT_KNOWN and not seemed_gone:  # asked for again: what is gone stays gone
            seemed_gone = True
            time.sleep(POLL_SECONDS)
            continue
        seemed_gone = False
        for line in (*changes.lines(report), *rows.lines(report)):
            console.print(line, markup=False, highlight=False, emoji=False, soft_wrap=True)
        if report.has_ended:
            why = f": {report.verdict}" if report.verdict else ""
            last = f"run {run_id} {report.heading}{why}"
            console.print(last, markup=False, highlight=False, emoji=False, soft_wrap=True)
            tell(_end_of(report))
            return report
        time.sleep(POLL_SECONDS)


def end_state(report: Report) -> Literal["succeeded", "terminated", "stopped", "failed"]:
    """Return how a run has ended: a budget or a gate has stopped it, which is no failure."""
    if report.exit_code in [kind.exit_code for kind in HELD]:
        return "stopped"
    return "succeeded" if report.state == SUCCEEDED else "terminated" if report.state == TERMINATED else "failed"


def _end_of(report: Report) -> EndOfRun:
    return EndOfRun(
        run=report.run_id,
        workspace=report.workspace,
        state=end_state(report),
        exit_code=report.exit_code,
        steps_done=sum(step.succeeded for step in report.steps),
        num_steps=len(report.steps),
        ended_at=datetime.now(UTC).isoformat(timespec="seconds"),
        message=report.verdict,
    )


class _Rows:
    """How far the rows are of steps that Jobs do, now and then.

    A look lists the workspace once, and reads the plans and manifests that are new, and at most 16 parts' footers of
    each folder in the making: of 40,000 objects, a listing is 40 requests.
    """

    def __init__(self) -> None:
        self._looked = time.monotonic()
        self._known = Descriptions()

    def lines(self, report: Report) -> Iterator[str]:
        """Yield a line for each such step that runs, if it is time, and its rows may be seen."""
        at_work = {step.folder: step for step in report.steps if step.folder and step.state == RUNNING}
        if report.has_ended or not at_work or time.monotonic() - self._looked < ROWS_SECONDS:
            return
        self._looked = time.monotonic()
        with contextlib.suppress(InputError, UnavailableError):
            listing = listing_of(report.workspace)
            for progress in folders_in_the_making(listing, self._known):
                if progress.folder in at_work and progress.sentence:
                    yield _line(replace(at_work[progress.folder], course=progress.sentence), report)
            if told := outlook_of(listing, self._known, report.price_per_gpu_hour).sentence:
                yield told


class _Changes:
    """What was told of a run already."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, ...], tuple[str, str, str]] = {}
        self._notes: set[str] = set()
        self.succeeded: set[tuple[str, ...]] = set()

    def lines(self, report: Report) -> Iterator[str]:
        """Yield a line for each step that is at something else than before, and what could not be looked at."""
        begun = any(step.state != LATER for step in report.steps)
        if begun and report.note and report.note not in self._notes and not report.has_ended:
            self._notes.add(report.note)
            yield f"note: {report.note}"
        for step in (*report.steps, *report.drivers):
            now = (step.state, step.course, step.why)
            if self._told.get(step.place) == now or step.place in self.succeeded:
                continue
            if step.state == LATER or (step.state == WAITING and not step.why):
                continue  # a step that has just started is not worth a line
            self._told[step.place] = now
            if step.succeeded:
                self.succeeded.add(step.place)
            yield _line(step, report)


def _line(step: Step, report: Report) -> str:
    when = step.finished or step.started or datetime.now().astimezone()
    told = "; ".join(filter(None, (step.course, step.why)))
    if not step.finished and told:
        when = datetime.now().astimezone()  # a wait, a Job or another attempt began after the step did
    remedy = f" ({step.remedy})" if step.remedy else ""
    why = f": {told}" if told and step.state == FAILED else f" {told}" if told else ""
    return f"{when.astimezone():%H:%M:%S}  {report.count}  {step.title}  {step.state}{why}{remedy}"


def _what_goes_on(error: Exception, run_id: str, host: str, namespace: str) -> str:
    """Say that only the watching has ended (a token that expires is refused with 401), unless the run was deleted."""
    if isinstance(error.__cause__, kfp_server_api.ApiException) and error.__cause__.status == 404:
        return ""
    return _goes_on(run_id, host, namespace)


def _goes_on(run_id: str, host: str, namespace: str) -> str:
    address = f" --host {host}" if host else ""
    return f"; run {run_id} continues: `scalequest status {run_id} --namespace {namespace}{address}`"
