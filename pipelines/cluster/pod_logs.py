"""`scalequest logs` of a run on Kubeflow: what the pods of its steps have logged, and those of the steps' Jobs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from components.shared.errors import ExitCode, InputError, UnavailableError
from components.shared.jobs.api_objects import labels_of
from components.shared.jobs.pod_endings import CONTAINERS, Pod, step_spec
from components.shared.jobs.selected_jobs import JOB_LABEL
from components.shared.plain_text import inert
from components.shared.training.train_jobs import CONTAINER, JOBSET_LABEL
from pipelines.cluster.kubeflow_api import connect, explained
from pipelines.cluster.run_namespace import NOT_SEEN, TIMEOUT, RunNamespace, items_of, why_not_seen
from pipelines.cluster.run_report import look_at
from pipelines.cluster.run_steps import LATER, Step
from pipelines.logs_command import Log, write_log
from pipelines.reporting import exit_code_of


@dataclass(frozen=True, kw_only=True)
class _Logging:
    """A container whose log belongs to a step."""

    step: str
    title: str
    pod: str
    container: str


def show_pod_logs(run_id: str, step: str, host: str, namespace: str, *, as_json: bool = False) -> int:
    """Print the logs of a run's pods, or of those of the steps that have a name; return the exit code."""
    return exit_code_of("logs", lambda: _show(run_id, step, host, namespace, as_json))


def _show(run_id: str, step: str, host: str, namespace: str, as_json: bool) -> int:
    with explained(host, namespace):
        kubeflow, _ = connect(host, namespace)
        report = look_at(kubeflow, run_id, namespace)
    place, steps = RunNamespace(report.namespace), [each for each in report.steps if each.state != LATER]
    chosen = [each for each in steps if not step or each.name == step]
    if not chosen:
        begun = ", ".join(dict.fromkeys(each.name for each in steps)) or "none yet"
        raise InputError(f"run {inert(run_id)} has not begun {step or 'any step'}; its steps so far: {begun}")
    try:
        found = [_write(each, place, as_json) for each in _pods_of(chosen, place)]
    except NOT_SEEN as error:
        message = f"the pods of run {inert(run_id)} in {place.name} cannot be read: {why_not_seen(error)}"
        refused = isinstance(error, ApiException) and error.status in (401, 403)
        raise (InputError if refused else UnavailableError)(message) from error
    if not any(found):
        raise InputError(
            f"no pod of {step or 'a step'} of run {inert(run_id)} is left in {place.name}: pods are removed with their "
            "run, and a cluster's own log store may have what they wrote"
        )
    return ExitCode.DONE


def _pods_of(steps: Sequence[Step], place: RunNamespace) -> Iterator[_Logging]:
    """Yield the container of each pod: a task's own, then those of its Job, in the order of their names."""
    of_jobs = _job_pods([step.job for step in steps if step.job], place)
    for step in steps:
        if step.pod:
            title = f"{step.title}, pod {step.pod}"
            yield _Logging(step=step.name, title=title, pod=step.pod, container=CONTAINERS[0])
        for pod in sorted(of_jobs.get(step.job, []), key=lambda pod: str(pod["metadata"]["name"])):
            name = inert(pod["metadata"]["name"])
            title = f"{step.title}, pod {name} of its Job"
            yield _Logging(step=step.name, title=title, pod=name, container=_container_of(pod))


def _job_pods(jobs: Sequence[str], place: RunNamespace) -> dict[str, list[Pod]]:
    """Return the pods of Jobs and TrainJobs by these; not by the run, whose Job may have been another one's before."""
    by_job: dict[str, list[Pod]] = {}
    for label in (JOB_LABEL, JOBSET_LABEL):  # a TrainJob's pods are of Jobs of other names
        if not (without := [job for job in jobs if job not in by_job]):
            break
        selector = f"{label} in ({','.join(without)})"
        for pod in items_of(client.CoreV1Api(place.api).list_namespaced_pod, place.name, label_selector=selector):
            by_job.setdefault(labels_of(pod).get(label, ""), []).append(pod)
    return by_job


def _container_of(pod: Pod) -> str:
    return CONTAINER if JOBSET_LABEL in labels_of(pod) else str(step_spec(pod).get("name", CONTAINERS[1]))


def _write(logging: _Logging, place: RunNamespace, as_json: bool) -> bool:
    """Print a pod's log; False where the pod is gone, or has no log yet."""
    api = client.CoreV1Api(place.api)
    try:
        answer = api.read_namespaced_pod_log(
            logging.pod, place.name, container=logging.container, _preload_content=False, _request_timeout=TIMEOUT
        )
    except ApiException as error:
        if error.status in (400, 404):
            return False
        raise
    text = answer.data.decode(errors="replace")
    write_log(Log(step=logging.step, title=logging.title, text=text), as_json=as_json)
    return True
