"""Sets hardware, retries, secrets and permissions of each task, and turns Kubeflow's cache off. Nothing else does.

What a platform may choose comes from the task that checks the run, which reads the profile: text, because the backend
reads a whole number as "" and starts the pod without a GPU; and registered with the task, because the SDK does not pass
resources into loops by itself. compiled_checks.py holds both. What Kubeflow takes at compile time only (/dev/shm,
timeout, retries, security context) stands here; the queue of tasks that do GPU work is added where a run is submitted.
"""

from __future__ import annotations

from typing import Any

from kfp import kubernetes
from kfp.dsl import PipelineTask

from components.shared.jobs.body import NO_EVICTION
from pipelines import store_secret
from pipelines.parameters import Common, Importing
from pipelines.secret_names import SECRET_VARIABLES
from pipelines.task_outputs import IMAGE, NODE_SELECTOR, TOLD, task_output

QUEUE = "scalequest-gpu"  # the LocalQueue that the Helm chart makes
DAY = 86_400
TIMEOUT = 14 * DAY  # of one attempt: longer than any step takes, shorter than a pod that hangs is paid for unnoticed
# A row that takes its process down costs four attempts, until it is set aside: twice its part, twice alone; and each
# spot node that is taken away costs one. The pause stays the same: one that doubles leaves GPUs idle for half an hour.
# Kubeflow's launcher, which runs the step, ends with 1 (glog.Exit) whatever the step ends with; bad input is left alone
# by the policy of cluster/argo-retries.yaml, which exit codes are tried again by.
RETRIES, PAUSE = 20, "60s"
# Argo has a limit in time as well, from the first attempt's start: after it nothing is tried again, and what runs is
# ended. It is out of reach of all attempts with their time in queues. KFP makes an hour of a limit that is left out.
NO_LIMIT_IN_TIME = f"{3650 * DAY}s"
CHECK_CPU, CHECK_MEMORY = "500m", "2Gi"  # of the task that checks a run, whatever the profile
CHECK_RETRIES = 3  # of that task: a wrong form is told soon, also where KFP tries everything again
UID, GID = 1000, 0  # of the images
INFERENCE_SHM, TRAINING_SHM = "16Gi", "64Gi"  # memory, as far as it is used; NCCL and data loaders share it


def on_cpu_for_checks(task: PipelineTask, run: Importing) -> PipelineTask:
    """Run the task that checks a run: it needs no profile, and has what any step may have of Secrets."""
    task.set_cpu_request(CHECK_CPU).set_memory_limit(CHECK_MEMORY)
    for secret, keys in SECRET_VARIABLES.items():
        if hasattr(run, secret):
            kubernetes.use_secret_as_env(task, getattr(run, secret), keys, optional=True)
    return _prepared(task, run, CHECK_RETRIES)


def on_cpu(task: PipelineTask, run: Importing) -> PipelineTask:
    """Run a step without an accelerator."""
    return _prepared(_sized(task, run.hardware["cpu_step_cpu"], run.hardware["cpu_step_memory"]), run)


def on_cpu_with_hub(task: PipelineTask, run: Importing) -> PipelineTask:
    """Run a step that may fetch from the hub; its token is optional: only gated models ask for one."""
    return kubernetes.use_secret_as_env(
        on_cpu(task, run), run.hub_secret, SECRET_VARIABLES["hub_secret"], optional=True
    )


def with_endpoint_key(task: PipelineTask, run: Common) -> PipelineTask:
    """Let a task ask a served model, too; the key is optional: a judge inside the cluster has none."""
    return kubernetes.use_secret_as_env(task, run.rewriter_secret, SECRET_VARIABLES["rewriter_secret"], optional=True)


def on_inference_gpus(task: PipelineTask, run: Common, title: str) -> PipelineTask:
    """Run a step that generates or scores with a model; "0" GPUs for none, as where a Job does its work.

    The task that checks the run says by ``title`` what to ask for: nothing where nothing is to do. The pipelines leave
    ``tensor_parallel_size`` at 1: each of the ``pods`` uses one GPU.
    """
    return _on_gpus(task, run, title, INFERENCE_SHM)


def on_training_gpus(task: PipelineTask, run: Common, title: str) -> PipelineTask:
    """Run a step that trains a model, on one machine; "0" GPUs for none, as where Jobs do its work."""
    return _on_gpus(task, run, title, TRAINING_SHM)


def _sized(task: PipelineTask, cpu: Any, memory: Any) -> PipelineTask:
    task.set_cpu_request(cpu).set_memory_limit(memory)  # which Kubernetes takes for what is requested, too
    task.register_pipeline_channels([cpu, memory])
    return task


def _on_gpus(task: PipelineTask, run: Common, title: str, shm: str) -> PipelineTask:
    asked = {what: run.hardware[task_output(title, what)] for what in TOLD}
    task = _sized(task, asked["cpu"], asked["memory"]).set_container_image(asked[IMAGE])
    accelerator, gpus = run.hardware["accelerator"], asked["gpus"]
    task.set_accelerator_type(accelerator).set_accelerator_limit(gpus)
    task.register_pipeline_channels([accelerator, gpus])
    kubernetes.add_node_selector_json(task, asked[NODE_SELECTOR])
    kubernetes.add_toleration_json(task, run.hardware["gpu_tolerations"])
    kubernetes.empty_dir_mount(task, "shm", "/dev/shm", medium="Memory", size_limit=shm)  # noqa: S108 - where 64 MiB are the default
    return _prepared(task, run)


def _prepared(task: PipelineTask, run: Importing, retries: int = RETRIES) -> PipelineTask:
    # A step continues where it stopped, so that a retry after a lost pod is cheap.
    task.set_retry(retries, backoff_duration=PAUSE, backoff_factor=1, backoff_max_duration=NO_LIMIT_IN_TIME)
    # Kubeflow's cache does not check whether a folder still exists; the workspace does, and reuses finished work.
    task.set_caching_options(False)
    kubernetes.use_secret_as_env(task, run.store_secret, {key: key for key in store_secret.KEYS}, optional=True)
    kubernetes.use_secret_as_volume(task, run.store_secret, store_secret.FOLDER, optional=True)
    kubernetes.set_timeout(task, TIMEOUT)
    kubernetes.set_security_context(task, run_as_user=UID, run_as_group=GID, run_as_non_root=True)
    for name, value in NO_EVICTION.items():
        kubernetes.add_pod_annotation(task, name, value)
    return task
