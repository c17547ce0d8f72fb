"""The state of a run, from Kubeflow's API and, if the caller may list them, its pods and its Jobs."""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import kfp
import yaml

from components.shared.errors import FINAL, ExitCode
from components.shared.jobs.pod_endings import SAYS_NOTHING, Ending
from components.shared.plain_text import inert
from pipelines.cluster.kubeflow_api import get_run_by_old_api, parameters_of
from pipelines.cluster.run_jobs import Jobs, jobs_of
from pipelines.cluster.run_namespace import RunNamespace
from pipelines.cluster.run_pods import Pods, pods_of
from pipelines.cluster.run_steps import (
    DONE,
    FAILED,
    LOST,
    RUNNING,
    TERMINATED,
    WAITING,
    Step,
    graph_drivers,
    steps_of,
)
from pipelines.cluster.workflow import Workflow, read_workflow
from pipelines.compiled_pipeline import PlannedStep, planned_steps

SUCCEEDED, BEING_TERMINATED, NOT_KNOWN = "succeeded", "being terminated", "not known to run"
_OF_KUBEFLOW = {"SUCCEEDED": SUCCEEDED, "SKIPPED": SUCCEEDED, "FAILED": FAILED, "CANCELED": TERMINATED,
                "CANCELING": BEING_TERMINATED, "PAUSED": "paused"}  # fmt: skip
_ENDED = {SUCCEEDED, FAILED, TERMINATED, NOT_KNOWN}
_LEFT = {  # what has become of a step that the last record has as running or waiting, by the end of its run
    SUCCEEDED: (DONE, ""),
    FAILED: (LOST, "the run ended before it did"),
    NOT_KNOWN: (LOST, ""),
}
_AGAIN = "submit it again: finished work is reused"
_MENDS: dict[int, str] = {
    ExitCode.BAD_INPUT: "fix it, then submit again",
    ExitCode.BUDGET_SPENT: "then submit it again",
    ExitCode.GATE_CLOSED: "then submit it again",
    ExitCode.BUG: "please report it; the traceback is in its log",
    ExitCode.UNAVAILABLE: _AGAIN,
}
_TOO_LARGE = "workflow is longer than maximum allowed size"
_NOT_KNOWN = "Kubeflow says that it runs, but its Workflow and its pods are gone from the cluster"


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a run is at."""

    run_id: str
    name: str
    state: str  # waiting, running, succeeded, failed, terminated, …
    steps: Sequence[Step]
    drivers: Sequence[Step] = ()  # of Kubeflow, that hold the run up
    verdict: str = ""  # why it has ended without success, and what to do
    exit_code: int = ExitCode.DONE
    workspace: str = ""
    price_per_gpu_hour: float = 0.0  # US dollars, as the run knows it; 0: it does not
    namespace: str = ""  # of its pods and Jobs
    planned: bool = True  # whether the number of its steps is known
    note: str = ""  # what could not be looked at

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state in _ENDED

    @property
    def count(self) -> str:
        """How many of its steps are done: "12 of 30"."""
        done = sum(step.succeeded for step in self.steps)
        return f"{done} of {len(self.steps)}" if self.planned else str(done)

    @property
    def heading(self) -> str:
        """Its state in a few words."""
        return f"{self.state}, {self.count} step{'s' if self.count != '1' else ''} done"


def look_at(
    client: kfp.Client, run_id: str, namespace: str, succeeded: Collection[tuple[str, ...]] = frozenset()
) -> Report:
    """Ask what a run is at.

    ``succeeded``: the places of the steps that are known to be done. Pods that ended well, of which there are hundreds,
    are looked at where there is another one: they alone know what was reused.
    """
    run = client.get_run(run_id)
    by_old_api = get_run_by_old_api(client, run_id)  # behind the state, so that it knows as much
    workflow = read_workflow(by_old_api)
    planned, pods, jobs = _planned(run, by_old_api), Pods(), Jobs()
    place = RunNamespace(workflow.namespace or namespace)
    if workflow.nodes:
        done = {step.place for step in steps_of(workflow.nodes, planned, pods, {}) if step.succeeded}
        pods = pods_of(run_id, place, workflow.name, finished=not done <= set(succeeded))
        jobs = jobs_of(run_id, place)
    steps = steps_of(workflow.nodes, planned, pods, jobs.by_place)
    drivers = graph_drivers(workflow.nodes, pods)
    state = _state(run, pods, [*steps, *drivers])
    report = Report(
        run_id=run_id,
        name=inert(run.display_name or ""),
        state=state,
        steps=[_overtaken(step, state, run) for step in steps],
        drivers=[] if state == SUCCEEDED else [_overtaken(driver, state, run) for driver in drivers],
        workspace=inert(parameters_of(run).get("workspace", "")),
        price_per_gpu_hour=_price(parameters_of(run)),
        namespace=inert(place.name),
        planned=bool(planned),
        note=_note(run_id, workflow, pods, jobs, state),
    )
    verdict, exit_code = _verdict(report, run, workflow, pods)
    return replace(report, verdict=verdict, exit_code=exit_code)


def _price(parameters: Mapping[str, Any]) -> float:
    """Return what a GPU-hour costs: as the run says, or the profile that it holds."""
    with contextlib.suppress(ValueError, TypeError, AttributeError, LookupError):
        own = float(parameters.get("price_per_gpu_hour") or 0.0)
        return own or float(json.loads(parameters["profile"] or "{}").get("price_per_gpu_hour") or 0.0)
    return 0.0


def _planned(run: Any, by_old_api: Mapping[str, Any]) -> list[PlannedStep]:
    """Return the steps that the run's own pipeline takes; none where it is not one of ours, or of another version."""
    with contextlib.suppress(AssertionError, LookupError, TypeError, ValueError, AttributeError, yaml.YAMLError):
        spec = run.pipeline_spec or _uploaded(by_old_api["run"]["pipeline_spec"]["pipeline_manifest"])
        return planned_steps(spec.get("pipeline_spec", spec), parameters_of(run))
    return []


@functools.cache
def _uploaded(manifest: str) -> dict[str, Any]:
    """Return the pipeline of a run that was made from an uploaded one: v2beta1 says its id only."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return dict(next(iter(yaml.load_all(manifest, Loader=loader))))


def _state(run: Any, pods: Pods, steps: Sequence[Step]) -> str:
    said = run.state or "PENDING"  # one that was only just taken has none
    if said == "FAILED" and _was_terminated(run):
        return TERMINATED
    if said in _OF_KUBEFLOW:
        return _OF_KUBEFLOW[said]
    if pods.workflow_is_gone:
        return NOT_KNOWN
    states = {step.state for step in steps if step.state == RUNNING or step.why}
    if said == "PENDING" or (WAITING in states and RUNNING not in states):
        return WAITING
    return RUNNING


def _was_terminated(run: Any) -> bool:
    """Return whether the last thing before the end was that somebody asked for it."""
    before = [each.state for each in run.state_history or [] if each.state not in (None, "FAILED")]
    return bool(before) and before[-1] == "CANCELING"


def _overtaken(step: Step, state: str, run: Any) -> Step:
    """Return a step as the end of its run has left it: the last record of its Workflow may be older than that."""
    live = step.state in (RUNNING, WAITING)
    if state == TERMINATED and (live or step.state == FAILED):
        finished = step.finished or _end_of(run, step)
        return replace(step, state=TERMINATED, why="", course="", remedy="", finished=finished)
    if not live or state not in _LEFT:
        return step
    left, why = _LEFT[state]
    return replace(step, state=left, why=why, course="", remedy="", finished=_end_of(run, step))


def _end_of(run: Any, step: Step) -> datetime | None:
    """Return when a run ended, as far as Kubeflow knows: until it does, it says the year 1970."""
    ended: datetime | None = run.finished_at
    return ended if ended and step.started and ended >= step.started else None


def _note(run_id: str, workflow: Workflow, pods: Pods, jobs: Jobs, state: str) -> str:
    if not workflow.nodes:
        return "Kubeflow has no record of its steps (yet)"
    if pods.workflow_is_gone is None and state not in _ENDED:
        return (
            f"neither its Workflow {inert(workflow.name)} nor a pod of it was seen in the namespace "
            f"{inert(workflow.namespace)} by {pods.cluster}, which may not be Kubeflow's cluster: this is "
            "what Kubeflow knows"
        )
    if jobs.live and state in _ENDED:
        names = ", ".join(job.name for job in jobs.live)
        return f"Jobs of it end within ten minutes, at once with `scalequest stop {inert(run_id)}`: {names}"
    if state in (SUCCEEDED, TERMINATED):
        return ""
    if pods.not_seen_because:
        what = "pods and Jobs" if jobs.not_seen_because else "pods"
        return f"its {what} could not be read: {inert(pods.not_seen_because)}"
    if jobs.not_seen_because:
        return (
            f"its Jobs could not be read ({inert(jobs.not_seen_because)}): of a step that a Job does, this is what "
            "Kubeflow knows of the task that follows it"
        )
    return ""


def _verdict(report: Report, run: Any, workflow: Workflow, pods: Pods) -> tuple[str, int]:
    """Return why a run ended without success and what to do, and the exit code that says so."""
    if report.state == FAILED:
        return _failure(report, run, workflow)
    if report.state == TERMINATED:
        return "somebody terminated it; the same submit continues it", ExitCode.TERMINATED
    if report.state == NOT_KNOWN:
        where = f"{workflow.name} in the namespace {workflow.namespace} of {pods.cluster}"
        return f"{_NOT_KNOWN} ({where}); {_AGAIN}", ExitCode.UNAVAILABLE
    return "", ExitCode.DONE


def _failure(report: Report, run: Any, workflow: Workflow) -> tuple[str, int]:
    """Return the worst of what failed: nothing should be submitted again before it is fixed."""
    order = (*FINAL, ExitCode.BUG, ExitCode.UNAVAILABLE)
    failed = sorted(_failed(report), key=lambda each: order.index(each[1].exit_code))
    if failed:
        step, ending = failed[0]
        log = _log_of(step, workflow) if ending.why == SAYS_NOTHING else ""
        return f"{step.title}: {ending.why}; {_MENDS[ending.exit_code]}{log}", ending.exit_code
    said = inert((run.error and run.error.message) or workflow.message or "Kubeflow does not say why")
    if _TOO_LARGE in said:
        return f"{said}; submit it with shorter lists of sources, generators or solvers", ExitCode.BAD_INPUT
    return f"{said}; {_AGAIN}", ExitCode.UNAVAILABLE


def _failed(report: Report) -> Iterator[tuple[Step, Ending]]:
    for step in (*report.steps, *report.drivers):
        if step.state == FAILED and step.ending:
            yield step, step.ending


def _log_of(step: Step, workflow: Workflow) -> str:
    if not step.pod:
        return ""
    return f"; its log: kubectl logs --namespace {workflow.namespace} {step.pod} --container main"
