"""Checks that a training on several nodes would start: Kubeflow Trainer, its runtime, permissions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from components.shared.config.training import TrainingConfig
from components.shared.jobs.api_objects import labels_of
from components.shared.jobs.body import QUEUE_LABEL
from components.shared.kubernetes_api import TIMEOUT
from components.shared.training.train_jobs import GROUP, JOBS, RUNTIMES, VERSION
from pipelines.cluster.account_rights import Right, check_rights
from pipelines.cluster.findings import Finding

RUNTIME = str(TrainingConfig.train_job_runtime)  # the pipelines leave it at its default
ENABLE = "helm upgrade --set trainer.enabled=true"
NEEDED = (  # what a step asks that starts the nodes of a training and follows them
    Right("create", GROUP, JOBS),
    Right("get", GROUP, RUNTIMES),
    Right("list", GROUP, JOBS),
    Right("watch", GROUP, JOBS),
    Right("patch", GROUP, JOBS),
    Right("delete", GROUP, JOBS),
    Right("get", "", "pods"),
    Right("list", "", "pods"),
    Right("get", "", "pods/log"),
    Right("list", "batch", "jobs"),  # those of its nodes, whose deadlines it moves
    Right("patch", "batch", "jobs"),
)


def check_trainer(namespace: str, service_account: str, *, queued: bool) -> Iterator[Finding]:
    """Yield whether Trainer and the runtime are there, with a queue where runs have one, and the account's rights."""
    try:
        installed = _is_installed()
    except ApiException as error:
        what = f"whether Kubeflow Trainer is installed: the Kubernetes API responds {error.status}"
        yield Finding(None, what, "sign in again")
        return
    what = f"Kubeflow Trainer is {'installed' if installed else 'not installed'} ({GROUP}/{VERSION})"
    yield Finding(installed, what, "install 2.2 or newer, or train on one node: training_nodes=1")
    if not installed:
        return
    yield _runtime(namespace, queued=queued)
    yield check_rights(namespace, service_account, NEEDED, "start TrainJobs and follow them", ENABLE)


def _is_installed() -> bool:
    groups = client.ApisApi().get_api_versions(_request_timeout=TIMEOUT).groups
    return f"{GROUP}/{VERSION}" in {version.group_version for group in groups for version in group.versions}


def _runtime(namespace: str, *, queued: bool) -> Finding:
    what = f"the TrainingRuntime {RUNTIME}"
    place = (GROUP, VERSION, namespace, RUNTIMES, RUNTIME)
    try:
        found: Any = client.CustomObjectsApi().get_namespaced_custom_object(*place, _request_timeout=TIMEOUT)
    except ApiException as error:
        if error.status == 404:
            return Finding(False, f"{what} does not exist", ENABLE)
        if error.status in (401, 403):
            return Finding(None, f"{what} could not be read", f"see: kubectl get trainingruntime -n {namespace}")
        return Finding(None, f"{what}: the Kubernetes API responds {error.status} {error.reason}", "try again")
    if queued and QUEUE_LABEL not in labels_of(found):
        remedy = (
            f"two trainings at the same time may each wait for the other's nodes: {ENABLE} --set kueue.enabled=true"
        )
        return Finding(None, f"{what} exists, without the label {QUEUE_LABEL}", remedy)
    return Finding(True, f"{what} exists")
