"""The steps of a run, each with its own name: the planned ones, and their state from Argo's nodes, pods and Jobs."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from components.shared.command.termination_message import REUSED
from components.shared.jobs.pod_endings import SAYS_NOTHING, Ending, Pod, terminated
from components.shared.jobs.pod_holds import Hold
from components.shared.plain_text import inert
from pipelines.cluster.endings import ending_of
from pipelines.cluster.holds import hold_of, pause_of
from pipelines.cluster.run_jobs import StepJob
from pipelines.cluster.run_pods import Pods
from pipelines.cluster.workflow import Node
from pipelines.compiled_pipeline import PlannedStep, step_of_command

# The states of a step.
LATER, WAITING, RUNNING, DONE, REUSED_STEP, FAILED, LEFT_OUT, TERMINATED, LOST = (
    "later", "waiting", "running", "done", "reused", "failed", "left out", "terminated", "lost"
)  # fmt: skip
_SUCCESS = {DONE, REUSED_STEP}
_DRIVER, _GRAPH_DRIVER = "system-container-driver", "system-dag-driver"  # Kubeflow's, before each task and each graph
_EXECUTOR, _POD = "system-container-executor", "system-container-impl"  # a task, and its attempts
_MAX_TOLD = 3


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of a run."""

    place: tuple[str, ...]
    name: str
    source: str = ""  # the generator, or what is imported
    state: str = LATER
    why: str = ""  # it waits, failed, or was tried before
    remedy: str = ""
    ending: Ending | None = None  # of a step that failed
    pod: str = ""  # the last attempt's, where it is known
    job: str = ""  # its Job's name
    folder: str = ""  # that its Job makes, as step/fingerprint
    course: str = ""  # of its Job, while that runs: how many pods do
    started: datetime | None = None
    finished: datetime | None = None

    @property
    def succeeded(self) -> bool:
        """Whether its work is there."""
        return self.state in _SUCCESS

    @property
    def title(self) -> str:
        """What it is called, with its source."""
        return f"{self.name} {self.source}".rstrip()


@dataclass
class _Nodes:
    """The nodes of one step."""

    drivers: list[Node] = field(default_factory=list)
    tasks: list[Node] = field(default_factory=list)
    attempts: list[Node] = field(default_factory=list)


@dataclass(frozen=True)
class _Standing:
    """Where a step stands, by its nodes."""

    state: str
    why: str = ""
    remedy: str = ""
    ending: Ending | None = None


def steps_of(
    nodes: Sequence[Node], planned: Sequence[PlannedStep], pods: Pods, jobs: Mapping[tuple[str, ...], StepJob]
) -> list[Step]:
    """Return every step of a run: the planned ones as they follow on each other, then what else there is.

    ``jobs``: by the place of the step whose work they do.
    """
    by_place = _by_place(nodes)
    plan = {step.place: step for step in planned}
    places = [*plan, *(place for place in by_place if place not in plan)]
    steps = (_step(place, plan.get(place), by_place.get(place, _Nodes()), pods) for place in places)
    return [_with_job(step, jobs.get(step.place)) for step in steps if step.state != LEFT_OUT]


def graph_drivers(nodes: Sequence[Node], pods: Pods) -> list[Step]:
    """Return Kubeflow's drivers of loops and boxes that failed or wait: no steps, but why none begins."""
    by_place: dict[tuple[str, ...], list[Node]] = {}
    for node in nodes:
        if node.template.endswith(_GRAPH_DRIVER):
            by_place.setdefault(_of_driver(node), []).append(node)
    drivers = (_driver(place, group, pods) for place, group in by_place.items() if _last(group))
    return [driver for driver in drivers if driver.state in (FAILED, WAITING) and driver.why]


def _with_job(step: Step, job: StepJob | None) -> Step:
    """Return what a step is at whose task only follows a Job; the task may itself wait for another attempt."""
    if job is None:
        return step
    step = replace(step, job=job.name, folder=job.folder)
    if step.state not in (RUNNING, WAITING):
        return step
    phase, told, remedy = job.state.phase, job.state.told, job.state.remedy or step.remedy
    if phase in ("complete", "failed"):  # the task has not ended yet, or begins anew
        return replace(step, course=f"its last Job {'is complete' if phase == 'complete' else f'has failed ({told})'}")
    if phase in ("running", "ending"):
        return replace(step, state=RUNNING, course=told, remedy=remedy)
    return replace(step, state=WAITING, why="; ".join(filter(None, (told, step.why))), remedy=remedy)


def _by_place(nodes: Iterable[Node]) -> dict[tuple[str, ...], _Nodes]:
    by_place: dict[tuple[str, ...], _Nodes] = {}
    for node in nodes:  # by the time of their start
        if node.template.endswith(_DRIVER):
            by_place.setdefault(_of_driver(node), _Nodes()).drivers.append(node)
        elif node.template.endswith(_EXECUTOR):
            by_place.setdefault(node.place, _Nodes()).tasks.append(node)
        elif node.template.endswith(_POD):
            by_place.setdefault(node.place[:-1], _Nodes()).attempts.append(node)
    return by_place


def _of_driver(node: Node) -> tuple[str, ...]:
    return (*node.place[:-1], node.place[-1].removesuffix("-driver")) if node.place else ()


def _step(place: tuple[str, ...], planned: PlannedStep | None, nodes: _Nodes, pods: Pods) -> Step:
    standing = _standing(nodes, pods)
    begun = [node.started for node in (*nodes.attempts, *nodes.drivers) if node.is_attempt and node.started]
    ended = [node.finished for node in (*nodes.attempts, *nodes.tasks, *nodes.drivers) if node.finished]
    last = _last(nodes.attempts) or _last(nodes.drivers)
    options = planned.options if planned else _given(nodes)
    return Step(
        place=place,
        name=planned.name if planned else _name(place, nodes),
        source=_source(options, planned.item if planned else ""),
        state=standing.state,
        why=standing.why,
        remedy=standing.remedy,
        ending=standing.ending,
        pod=pods.by_node.get(last.id, {}).get("metadata", {}).get("name", "") if last else "",
        started=min(begun, default=None),
        finished=max(ended, default=None) if standing.state in (*_SUCCESS, FAILED) else None,
    )


def _driver(place: tuple[str, ...], nodes: Sequence[Node], pods: Pods) -> Step:
    standing = _tried(nodes, pods, of_kubeflow=True)
    name = next((part for part in reversed(place) if not part.isdigit()), "the pipeline")
    title = f"Kubeflow's driver of {name}"
    return Step(place=place, name=title, state=standing.state, why=standing.why, ending=standing.ending)


def _standing(nodes: _Nodes, pods: Pods) -> _Standing:
    if _last(nodes.attempts):
        return _tried(nodes.attempts, pods)
    if any(node.phase in ("Skipped", "Omitted") for node in nodes.attempts):
        return _Standing(REUSED_STEP)  # Kubeflow's own cache had it
    if not nodes.drivers:
        return _Standing(LATER)
    driver = _last(nodes.drivers)
    if driver is None or driver.gave("condition") == "false":
        skipped = driver is not None or any("when " in node.message for node in nodes.drivers)
        return _Standing(LEFT_OUT if skipped else LATER)  # what is omitted waits for what failed
    if driver.phase == "Succeeded":
        return _Standing(WAITING)
    tried = _tried(nodes.drivers, pods, of_kubeflow=True)
    if not tried.why:
        return tried
    ending = tried.ending and Ending(f"Kubeflow's driver: {tried.ending.why}")
    return _Standing(tried.state, f"Kubeflow's driver: {tried.why}", tried.remedy, ending)


def _tried(nodes: Sequence[Node], pods: Pods, *, of_kubeflow: bool = False) -> _Standing:
    """Return where something stands that Argo tries until it ends well, or until it gives up."""
    attempts = [node for node in nodes if node.is_attempt]
    last, pod = attempts[-1], pods.by_node.get(attempts[-1].id, {})
    failed = list(_endings(attempts, pods, of_kubeflow))
    retry = next((node for node in reversed(nodes) if node.is_retry), None)
    if last.phase == "Succeeded":
        said = terminated(pod).get("message", "")
        return _Standing(REUSED_STEP if said.startswith(REUSED) else DONE, _told(failed))
    if last.phase in ("Failed", "Error"):
        if retry is not None and not retry.has_ended:
            return _Standing(WAITING, "; ".join([_told(failed), pause_of(retry.message)]))
        return _Standing(FAILED, _told(failed) if len(failed) > 1 else failed[-1][1].why, ending=failed[-1][1])
    state, hold = _live(last, pod, pods.warnings)
    before = _told(failed)
    attempt = f"attempt {len(attempts)}" if len(attempts) > 1 else ""
    return _Standing(state, "; ".join(filter(None, (attempt, hold.why, before))), hold.remedy)


def _live(node: Node, pod: Pod, warnings: Mapping[str, str]) -> tuple[str, Hold]:
    """Return whether an attempt that has not ended runs or waits; its pod knows before Argo does."""
    if not pod:
        return (RUNNING, Hold()) if node.phase == "Running" else (WAITING, hold_of(node.message, {}, {}))
    if pod["metadata"].get("deletionTimestamp"):
        return RUNNING, Hold("its pod is being deleted")
    if pod["status"].get("phase") == "Pending":
        return WAITING, hold_of(node.message, pod, warnings)
    if terminated(pod):
        return RUNNING, Hold("its work is done, its pod has not ended yet")
    return RUNNING, Hold()


def _endings(attempts: Sequence[Node], pods: Pods, of_kubeflow: bool) -> Iterator[tuple[int, Ending]]:
    for number, node in enumerate(attempts, start=1):
        if node.phase in ("Failed", "Error"):
            ending = ending_of(node.message, pods.by_node.get(node.id, {}))
            # Kubeflow's own pods never leave a termination message, so a missing one says nothing about how they ended.
            yield number, Ending("exit code 1") if of_kubeflow and ending.why == SAYS_NOTHING else ending


def _told(failed: Sequence[tuple[int, Ending]]) -> str:
    """Return the attempts that failed: those that ended alike in one word, and of many kinds the last."""
    told = []
    for why, alike in itertools.groupby(failed, key=lambda each: each[1].why):
        first, *others = [number for number, _ in alike]
        told.append(f"attempts {first} to {others[-1]} failed ({why})" if others else f"attempt {first} failed ({why})")
    return "; ".join(["…"] * (len(told) > _MAX_TOLD) + told[-_MAX_TOLD:])


def _last(nodes: Sequence[Node]) -> Node | None:
    return next((node for node in reversed(nodes) if node.is_attempt), None)


def _given(nodes: _Nodes) -> dict[str, Any]:
    """Return the options that Kubeflow's driver found for a step that was not planned here."""
    driver = _last(nodes.drivers)
    with contextlib.suppress(ValueError, LookupError, TypeError, AttributeError):
        command = json.loads(driver.gave("pod-spec-patch"))["containers"][0]["command"]  # type: ignore[union-attr]
        executor_input = json.loads(command[command.index("--executor_input") + 1])
        return dict(executor_input["inputs"]["parameterValues"])
    return {}


def _name(place: tuple[str, ...], nodes: _Nodes) -> str:
    """Return the step that a task's container runs; the task's own name where that is none of ours."""
    driver = _last(nodes.drivers)
    with contextlib.suppress(ValueError, LookupError, TypeError, AttributeError):
        return inert(step_of_command(json.loads(driver.given("container"))["command"]))  # type: ignore[union-attr]
    return inert(re.sub(r"-\d+$", "", place[-1])).replace("-", "_")


def _source(options: Mapping[str, Any], item: str) -> str:
    named = (item, options.get("generator"), options.get("source"))
    return ", ".join(dict.fromkeys(inert(each) for each in named if isinstance(each, str) and each))
