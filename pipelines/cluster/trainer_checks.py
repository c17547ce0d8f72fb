"""Whether a training on several nodes would start: Kubeflow Trainer, its runtime, the rights of the steps' account."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from components.shared.train_jobs import GROUP, JOBS, QUEUE_LABEL, RUNTIMES, VERSION
from components.shared.training_config import TrainingConfig
from pipelines.cluster.examination import Finding

RUNTIME = str(TrainingConfig.train_job_runtime)  # the pipelines leave it at its default
ENABLE = "helm upgrade --set trainer.enabled=true"
NEEDED = (  # verb, group, resource: what a step asks that starts the nodes of a training and follows them
    ("get", GROUP, RUNTIMES),
    ("create", GROUP, JOBS),
    ("list", GROUP, JOBS),
    ("watch", GROUP, JOBS),
    ("patch", GROUP, JOBS),
    ("delete", GROUP, JOBS),
    ("get", "", "pods"),
    ("list", "", "pods"),
    ("get", "", "pods/log"),
)


def check_trainer(namespace: str, service_account: str, *, queued: bool) -> Iterator[Finding]:
    """Yield whether Trainer and the runtime are there, with a queue where runs have one, and the account's rights."""
    try:
        installed = _is_installed()
    except ApiException as error:
        what = f"whether Kubeflow Trainer is installed: the Kubernetes API answers {error.status}"
        yield Finding(None, what, "sign in again")
        return
    what = f"Kubeflow Trainer is {'installed' if installed else 'not installed'} ({GROUP}/{VERSION})"
    yield Finding(installed, what, "install 2.2 or newer, or train on one node: training_nodes=1")
    if not installed:
        return
    yield _runtime(namespace, queued=queued)
    yield _rights(namespace, service_account)


def _is_installed() -> bool:
    groups = client.ApisApi().get_api_versions().groups
    return f"{GROUP}/{VERSION}" in {version.group_version for group in groups for version in group.versions}


def _runtime(namespace: str, *, queued: bool) -> Finding:
    what = f"the TrainingRuntime {RUNTIME}"
    place = (GROUP, VERSION, namespace, RUNTIMES, RUNTIME)
    try:
        found: Any = client.CustomObjectsApi().get_namespaced_custom_object(*place)
    except ApiException as error:
        if error.status == 404:
            return Finding(False, f"{what} does not exist", ENABLE)
        if error.status in (401, 403):
            return Finding(None, f"{what} may not be looked at", f"see: kubectl get trainingruntime -n {namespace}")
        return Finding(None, f"{what}: the Kubernetes API answers {error.status} {error.reason}", "try again")
    if queued and QUEUE_LABEL not in (found["metadata"].get("labels") or {}):
        remedy = f"two trainings at once may each wait for the other's nodes: {ENABLE} --set kueue.enabled=true"
        return Finding(None, f"{what} exists, without the label {QUEUE_LABEL}", remedy)
    return Finding(True, f"{what} exists")


def _rights(namespace: str, account: str) -> Finding:
    """Ask for each right of the steps' account; in its namespace, whose administrators may ask that."""
    what = f"the service account {account} may start TrainJobs and follow them"
    try:
        lacking = [_name_of(*needed) for needed in NEEDED if not _is_allowed(namespace, account, *needed)]
    except ApiException as error:
        user = f"system:serviceaccount:{namespace}:{account}"
        remedy = f"have an administrator ask: kubectl auth can-i create {JOBS}.{GROUP} -n {namespace} --as {user}"
        return Finding(None, f"whether {what}: the Kubernetes API answers {error.status}", remedy)
    if lacking:
        return Finding(False, f"the service account {account} may not {', '.join(lacking)} in {namespace}", ENABLE)
    return Finding(True, what)


def _is_allowed(namespace: str, account: str, verb: str, group: str, resource: str) -> bool:
    name, _, subresource = resource.partition("/")
    spec = client.V1SubjectAccessReviewSpec(
        user=f"system:serviceaccount:{namespace}:{account}",
        groups=["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"],
        resource_attributes=client.V1ResourceAttributes(
            namespace=namespace, verb=verb, group=group, resource=name, subresource=subresource or None
        ),
    )
    review = client.V1LocalSubjectAccessReview(metadata=client.V1ObjectMeta(namespace=namespace), spec=spec)
    answer = client.AuthorizationV1Api().create_namespaced_local_subject_access_review(namespace, review)
    return bool(answer.status.allowed)


def _name_of(verb: str, group: str, resource: str) -> str:
    return f"{verb} {resource}{f'.{group}' if group else ''}"
