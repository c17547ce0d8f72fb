"""`scalequest logs` of a run on Kubeflow: what the pods of its steps have logged, and those of the steps' Jobs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from components.shared.errors import ExitCode, InputError, UnavailableError
from components.shared.jobs.selected_jobs import JOB_LABEL
from components.shared.plain_text import inert
from pipelines.cluster.kubeflow_api import connect, explained
from pipelines.cluster.run_jobs import Place, jobs_of
from pipelines.cluster.run_namespace import NOT_SEEN, TIMEOUT, RunNamespace, items_of, why_not_seen
from pipelines.cluster.run_place import find_run
from pipelines.cluster.run_report import look_at
from pipelines.cluster.run_steps import LATER, Step
from pipelines.logs_command import write_log
from pipelines.reporting import exit_code_of

CONTAINER = "main"  # of the pods of tasks: the step itself, beside Argo's


def show_pod_logs(run_id: str, step: str, host: str, namespace: str) -> int:
    """Print the logs of a run's pods, or of those of the steps that have a name; return the exit code."""
    return exit_code_of("logs", lambda: _show(run_id, step, host, namespace))


def _show(run_id: str, step: str, host: str, namespace: str) -> int:
    with explained(host, namespace):
        kubeflow, _ = connect(host, namespace)
        place = RunNamespace(find_run(kubeflow, run_id, namespace).namespace)
        steps = [each for each in look_at(kubeflow, run_id, namespace).steps if each.state != LATER]
    chosen = [each for each in steps if not step or each.name == step]
    if not chosen:
        begun = ", ".join(dict.fromkeys(each.name for each in steps)) or "none yet"
        raise InputError(f"run {inert(run_id)} has not begun {step or 'any step'}; its steps so far: {begun}")
    try:
        found = [_write(title, pod, place) for title, pod in _pods_of(run_id, chosen, place)]
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


def _pods_of(run_id: str, steps: Sequence[Step], place: RunNamespace) -> Iterator[tuple[str, str]]:
    """Yield title and name of each pod: a task's own, then those of its Job, in the order of their names."""
    jobs = jobs_of(run_id, place).by_place
    for step in steps:
        if step.pod:
            yield f"{step.title}, pod {step.pod}", step.pod
        for pod in _job_pods(step.place, {where: job.name for where, job in jobs.items()}, place):
            yield f"{step.title}, pod {pod} of its Job", pod


def _job_pods(step: Place, jobs: dict[Place, str], place: RunNamespace) -> list[str]:
    if step not in jobs:
        return []
    api = client.CoreV1Api(place.api)
    pods = items_of(api.list_namespaced_pod, place.name, label_selector=f"{JOB_LABEL}={jobs[step]}")
    return sorted(inert(pod["metadata"]["name"]) for pod in pods)


def _write(title: str, pod: str, place: RunNamespace) -> bool:
    """Print a pod's log; False where the pod is gone, or has no log yet."""
    api = client.CoreV1Api(place.api)
    try:
        answer = api.read_namespaced_pod_log(
            pod, place.name, container=_container_of(api, pod, place), _preload_content=False, _request_timeout=TIMEOUT
        )
    except ApiException as error:
        if error.status in (400, 404):
            return False
        raise
    write_log(title, answer.data.decode(errors="replace"))
    return True


def _container_of(api: client.CoreV1Api, pod: str, place: RunNamespace) -> str:
    """Return the container whose log is the step's: the one that has our name for it, else the first."""
    found = api.read_namespaced_pod(pod, place.name, _request_timeout=TIMEOUT)
    names = [each.name for each in found.spec.containers]
    return CONTAINER if CONTAINER in names else str(names[0])
