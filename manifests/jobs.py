"""Each step of ``components/`` as a plain Kubernetes Job; a step that several pods can share as an Indexed Job.

A step's options stand in a ConfigMap of its name, one key an option, with the defaults of its config. The Job hands
each of them to the command (``--seed $(seed)``), so that whoever runs it edits a list of names and values.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any, Literal

from components.shared.config import SharedConfig, StepConfig, flag_of, info_of, options_of
from components.shared.config.values import default_text
from components.shared.errors import ExitCode
from components.shared.images import ImageName, image
from components.shared.jobs.pod_hardware import Task
from components.steps import config_of, step_names
from pipelines import store_secret
from pipelines.hardware_profiles import read_profile
from pipelines.parameters import Hardware

Size = Literal["cpu", "inference", "training"]
SMALLEST_PROFILE = "gke-a100-40g"  # its tasks fit a node of every profile
LABELS = {"app.kubernetes.io/name": "scalequest", "app.kubernetes.io/part-of": "scalequest"}
# Istio's proxy keeps a Job from ending where it is no native sidecar, and the processes of a training from each other.
NO_SIDECAR = {"sidecar.istio.io/inject": "false"}
# As on a run's pods: an eviction to save nodes would cost the parts in flight, or what came after a checkpoint.
NO_EVICTION = {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false", "karpenter.sh/do-not-disrupt": "true"}
SIZE_LABEL = "scalequest.dev/size"
SIZES: dict[ImageName, Size] = {"cpu": "cpu", "vllm": "inference", "train": "training"}
RETRIES = 6  # of a pod that failed by itself; one that was evicted or preempted does not count
DAYS_KEPT = 7
DEADLINE_DAYS = 14  # longer than any step takes; an image that cannot be pulled does not hold a place forever
# The images keep their caches below /tmp, an emptyDir here; what else looks for a home finds it there, too.
HOME = "/tmp"  # noqa: S108


@dataclass(frozen=True, kw_only=True)
class Step:
    """What a Job has to know of a step."""

    name: str
    config: type[StepConfig]

    @property
    def image(self) -> ImageName:
        """Return the image that its command runs in."""
        return self.config.IMAGE

    @property
    def size(self) -> Size:
        """Return which task of a hardware profile it is; the import of a model only copies files."""
        return "cpu" if self.name == "import_model" else SIZES[self.image]

    @property
    def is_shared(self) -> bool:
        """Return whether several pods can share it."""
        return issubclass(self.config, SharedConfig)

    @property
    def object_name(self) -> str:
        """Return the name of its Job and ConfigMap."""
        return self.name.replace("_", "-")

    @property
    def options(self) -> list[dataclasses.Field[Any]]:
        """Return the options that somebody sets."""
        return options_of(self.config)


def read_steps() -> list[Step]:
    """Return every step, sorted by name."""
    return [Step(name=name, config=config_of(name)) for name in step_names()]


def options_text(step: Step) -> str:
    """Return a step's ConfigMap as YAML, with each option's help above it."""
    lines = [
        f"# The options of {step.name}. Those without a value that say [required] have to be given.",
        "apiVersion: v1",
        "kind: ConfigMap",
        "metadata:",
        f"  name: {step.object_name}",
        "  labels:",
        *(f"    {name}: {value}" for name, value in LABELS.items()),
        "immutable: true # pods that begin later have the options of those that began before",
        "data:",
    ]
    for field in step.options:
        required = " [required]" if field.default is dataclasses.MISSING else ""
        lines += [f"  # {info_of(field).help}{required}", f"  {field.name}: {json.dumps(default_text(field))}"]
    return "\n".join(lines) + "\n"


def job_of(step: Step) -> dict[str, Any]:
    """Return a step's Job, sized for a node of the smallest profile and tied to no kind of node."""
    task = read_profile(SMALLEST_PROFILE).tasks[step.size]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": step.object_name, "labels": {**LABELS, SIZE_LABEL: step.size}},
        "spec": {
            **_completions(step),
            "podReplacementPolicy": "Failed",  # a pod that is stopping may still write: the next one waits for its end
            "podFailurePolicy": {"rules": _failure_rules(step)},
            "activeDeadlineSeconds": DEADLINE_DAYS * 86400,
            "ttlSecondsAfterFinished": DAYS_KEPT * 86400,
            "template": {
                "metadata": {"labels": {**LABELS, **NO_SIDECAR, SIZE_LABEL: step.size}, "annotations": NO_EVICTION},
                "spec": _pod(step, task),
            },
        },
    }


def resources_of(task: Task) -> dict[str, dict[str, str]]:
    """Return a container's requests and limits; a GPU is asked for as a limit, which is its request as well."""
    return {
        "requests": {"cpu": task.cpu, "memory": task.memory, "ephemeral-storage": task.ephemeral_storage},
        "limits": {"memory": task.memory} | ({} if task.gpus == "0" else {"nvidia.com/gpu": task.gpus}),
    }


def shm_volume(task: Task) -> dict[str, Any]:
    """Return the shared memory that processes of one pod exchange tensors through."""
    return {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": task.shm}}


def _completions(step: Step) -> dict[str, Any]:
    if not step.is_shared:
        return {"backoffLimit": RETRIES}
    # any number of pods fits, completions as parallelism: they take what is left, whichever they are
    return {"completionMode": "Indexed", "completions": 1, "parallelism": 1, "backoffLimitPerIndex": RETRIES}


def _failure_rules(step: Step) -> list[dict[str, Any]]:
    def on_exit_codes(*codes: ExitCode) -> dict[str, Any]:
        return {"onExitCodes": {"containerName": "step", "operator": "In", "values": [*map(int, codes)]}}

    return [
        # evicted, preempted, its node gone: nobody's mistake
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        # bad input stays bad
        {"action": "FailIndex" if step.is_shared else "FailJob", **on_exit_codes(ExitCode.BAD_INPUT)},
        # a store that did not answer, out of memory, stopped: it goes on where it was
        {"action": "Count", **on_exit_codes(ExitCode.UNAVAILABLE, ExitCode.KILLED, ExitCode.STOPPED)},
    ]


def _pod(step: Step, task: Task) -> dict[str, Any]:
    return {
        "restartPolicy": "Never",
        "serviceAccountName": "scalequest",
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 1000,
            "runAsGroup": 0,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(step, task)],
        "volumes": [{"name": "tmp", "emptyDir": {}}, shm_volume(task), store_secret.volume(Hardware().store_secret)],
    }


def _container(step: Step, task: Task) -> dict[str, Any]:
    return {
        "name": "step",
        "image": image(step.image),
        "command": ["python3", "-m", f"components.{step.name}"],
        "args": [word for field in step.options for word in (flag_of(field.name), f"$({field.name})")],
        "envFrom": [{"configMapRef": {"name": step.object_name}}],
        "env": [{"name": "HOME", "value": HOME}, *_secrets(step)],
        "resources": resources_of(task),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108
            {"name": "shm", "mountPath": "/dev/shm"},  # noqa: S108
            store_secret.MOUNT,
        ],
    }


def _secrets(step: Step) -> list[dict[str, Any]]:
    """Return the keys that a step may use, from Secrets that may be missing."""
    names = {field.name for field in step.options}
    # What reads a hub: the imports, and whatever loads a model.
    hub = step.image != "cpu" or step.name.startswith("import_")
    secrets = Hardware()  # by the names that the pipelines know
    keys = [("HF_TOKEN", secrets.hub_secret, "token")] if hub else []
    keys += [("OPENAI_API_KEY", secrets.rewriter_secret, "key")] if "api_key_env" in names else []
    return [
        {"name": variable, "valueFrom": {"secretKeyRef": {"name": secret, "key": key, "optional": True}}}
        for variable, secret, key in keys
    ] + store_secret.variables(secrets.store_secret)
