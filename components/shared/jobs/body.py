"""The body of a Job that runs a step: one for the Jobs of ``manifests/jobs`` and for those that a run makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from components.shared.errors import FINAL, ExitCode
from components.shared.images import ImageName
from components.shared.jobs.pod_endings import DISRUPTED
from components.shared.jobs.pod_hardware import Placement, Task

Size = Literal["cpu", "inference", "training"]
SIZES: dict[ImageName, Size] = {"cpu": "cpu", "vllm": "inference", "train": "training"}
LABELS = {"app.kubernetes.io/name": "scalequest", "app.kubernetes.io/part-of": "scalequest"}
SIZE_LABEL = "scalequest.dev/size"
QUEUE_LABEL, PRIORITY_LABEL = "kueue.x-k8s.io/queue-name", "kueue.x-k8s.io/priority-class"
# Kueue refuses a Job with both: one that may begin smaller, and one whose number of pods may change while it runs.
LEAST_ANNOTATION, ELASTIC_ANNOTATION = "kueue.x-k8s.io/job-min-parallelism", "kueue.x-k8s.io/elastic-job"
# One that begins smaller gets as many completions as pods: those of its indexes beyond would wait for a place.
EQUAL_ANNOTATION = "kueue.x-k8s.io/job-completions-equal-parallelism"
# Istio's proxy keeps a Job from ending where it is no native sidecar, and the processes of a training from each other.
NO_SIDECAR = {"sidecar.istio.io/inject": "false"}
# As on a run's pods: an eviction to save nodes would cost the parts in flight, or what came after a checkpoint.
NO_EVICTION = {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false", "karpenter.sh/do-not-disrupt": "true"}
CONTAINER = "step"
SERVICE_ACCOUNT = "scalequest"  # that chart and manifests/base make
RETRIES = 6  # of a pod that failed by itself; one that was evicted or preempted does not count
DAYS_KEPT = 7
# The images keep their caches below /tmp, an emptyDir here; what else looks for a home finds it there, too.
HOME = "/tmp"  # noqa: S108
ACCELERATOR = "nvidia.com/gpu"
ANY_NODE = Placement(node_selector={}, tolerations=[])


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a Job is to do, and what is its own beside what all Jobs have in common."""

    name: str
    step: str
    size: Size
    is_shared: bool  # several pods can share it
    image: str
    arguments: Sequence[str]  # of the step's command
    task: Task
    deadline_seconds: int
    pods: int = 1
    least_pods: int = 1  # that a queue has to admit together; fewer than ``pods``: it may begin smaller
    placement: Placement = ANY_NODE
    queue: str = ""
    priority_class: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)  # of the Job and its pods
    annotations: Mapping[str, str] = field(default_factory=dict)  # of the Job
    owners: Sequence[Mapping[str, Any]] = ()
    service_account: str = SERVICE_ACCOUNT
    pull_secrets: Sequence[Mapping[str, str]] = ()
    env: Sequence[Mapping[str, Any]] = ()
    env_from: Sequence[Mapping[str, Any]] = ()
    volumes: Sequence[Mapping[str, Any]] = ()
    mounts: Sequence[Mapping[str, Any]] = ()


def job_body(work: Work) -> dict[str, Any]:
    """Return the Job; the Kubernetes API takes it as it is."""
    if work.task.gpus == "0":  # queue and placement are those of GPUs, and the queue's priorities are no pod's
        work = replace(work, queue="", priority_class="" if work.queue else work.priority_class, placement=ANY_NODE)
    labels = {**LABELS, SIZE_LABEL: work.size, **work.labels}
    annotations = {**work.annotations, **_elastic(work)}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": work.name,
            "labels": {**labels, **_queue(work)},
            **({"annotations": annotations} if annotations else {}),
            **({"ownerReferences": [*work.owners]} if work.owners else {}),
        },
        "spec": {
            **_completions(work),
            "podReplacementPolicy": "Failed",  # a pod that is stopping may still write: the next one waits for its end
            "podFailurePolicy": {"rules": _failure_rules()},
            "activeDeadlineSeconds": work.deadline_seconds,
            "ttlSecondsAfterFinished": DAYS_KEPT * 86400,
            "template": {
                "metadata": {"labels": {**labels, **NO_SIDECAR}, "annotations": NO_EVICTION},
                "spec": _pod(work),
            },
        },
    }


def unexpanded(words: Sequence[str]) -> list[str]:
    """Return a command's words as Kubernetes takes them as they are: it reads $(NAME) as a variable, $$ as a dollar."""
    return [word.replace("$", "$$") for word in words]


def resources_of(task: Task) -> dict[str, dict[str, str]]:
    """Return a container's requests and limits; a GPU is asked for as a limit, which is its request as well.

    A pod that fills its node's disk would take others with it: the kubelet evicts it alone at its own limit.
    """
    return {
        "requests": {"cpu": task.cpu, "memory": task.memory, "ephemeral-storage": task.ephemeral_storage},
        "limits": {"memory": task.memory, "ephemeral-storage": task.ephemeral_storage}
        | ({} if task.gpus == "0" else {ACCELERATOR: task.gpus}),
    }


def shm_volume(task: Task) -> dict[str, Any]:
    """Return the shared memory that processes of one pod exchange tensors through."""
    return {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": task.shm}}


def _completions(work: Work) -> dict[str, Any]:
    if not work.is_shared:
        return {"backoffLimit": RETRIES}
    # any number of pods fits, completions as parallelism: they take what is left, whichever they are
    return {
        "completionMode": "Indexed",
        "completions": work.pods,
        "parallelism": work.pods,
        "backoffLimitPerIndex": RETRIES,
    }


def _queue(work: Work) -> dict[str, str]:
    if not work.queue:
        return {}
    return {QUEUE_LABEL: work.queue} | ({PRIORITY_LABEL: work.priority_class} if work.priority_class else {})


def _elastic(work: Work) -> dict[str, str]:
    """Return how a queue may size it: at its start, or while it runs."""
    if not work.queue or not work.is_shared:
        return {}
    if work.least_pods < work.pods:
        return {LEAST_ANNOTATION: str(work.least_pods), EQUAL_ANNOTATION: "true"}
    return {ELASTIC_ANNOTATION: "true"}


def _failure_rules() -> list[dict[str, Any]]:
    def on_exit_codes(*codes: ExitCode) -> dict[str, Any]:
        return {"onExitCodes": {"containerName": CONTAINER, "operator": "In", "values": [*map(int, codes)]}}

    return [
        # evicted, preempted, its node gone: nobody's mistake
        {"action": "Ignore", "onPodConditions": [{"type": DISRUPTED, "status": "True"}]},
        # bad input stays bad, and all pods of a Job have the same: none of them needs to find out by itself; a
        # budget that is spent, and a gate, hold them all
        {"action": "FailJob", **on_exit_codes(*FINAL)},
        # a store that did not answer, out of memory, stopped: it goes on where it was
        {"action": "Count", **on_exit_codes(ExitCode.UNAVAILABLE, ExitCode.KILLED, ExitCode.STOPPED)},
    ]


def _pod(work: Work) -> dict[str, Any]:
    place = {"nodeSelector": work.placement.node_selector, "tolerations": work.placement.tolerations}
    return {
        "restartPolicy": "Never",
        "serviceAccountName": work.service_account,
        "automountServiceAccountToken": False,
        **({"imagePullSecrets": [*work.pull_secrets]} if work.pull_secrets else {}),
        **({"priorityClassName": work.priority_class} if work.priority_class and not work.queue else {}),
        **{key: value for key, value in place.items() if value},
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 1000,
            "runAsGroup": 0,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(work)],
        "volumes": [{"name": "tmp", "emptyDir": {}}, shm_volume(work.task), *work.volumes],
    }


def _container(work: Work) -> dict[str, Any]:
    return {
        "name": CONTAINER,
        "image": work.image,
        "command": ["python3", "-m", f"components.{work.step}"],
        "args": [*work.arguments],
        **({"envFrom": [*work.env_from]} if work.env_from else {}),
        "env": [{"name": "HOME", "value": HOME}, *work.env],
        "resources": resources_of(work.task),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108
            {"name": "shm", "mountPath": "/dev/shm"},  # noqa: S108
            *work.mounts,
        ],
    }
