"""Checks that the namespace has what a run's pods need: account, permissions, queue, secrets, nodes with GPUs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import urllib3
from kubernetes import client
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException
from kubernetes.utils import parse_quantity

from components.shared.jobs.body import ACCELERATOR
from components.shared.kubernetes_api import TIMEOUT, cause_of
from pipelines.cluster.account_rights import OF_EVERY_STEP, OF_JOBS, Right, check_rights, lacking_rights
from pipelines.cluster.controller_checks import check_controller
from pipelines.cluster.findings import Finding, PlannedRun
from pipelines.cluster.kubernetes_access import READER, SUBMITTER, configure, not_told
from pipelines.cluster.kueue_checks import check_kueue
from pipelines.cluster.launcher_checks import check_launcher
from pipelines.cluster.package import is_queued
from pipelines.cluster.queue_checks import check_queue
from pipelines.cluster.store_checks import check_store_access
from pipelines.cluster.trainer_checks import check_trainer
from pipelines.hardware_profiles import Profile
from pipelines.parameters import Common

DRIVER_MAJOR = 580  # the oldest driver for the images' CUDA 13
# By GPU feature discovery; the second is its older name.
DRIVER_LABELS = ("nvidia.com/cuda.driver-version.major", "nvidia.com/cuda.driver.major")
NEEDED = (  # what submitting a run and looking at it take
    Right("create", "pipelines.kubeflow.org", "runs"),
    Right("get", "pipelines.kubeflow.org", "runs"),
    Right("list", "pipelines.kubeflow.org", "runs"),  # those that make the same folders
    Right("create", "pipelines.kubeflow.org", "experiments"),
    Right("list", "", "pods"),
    Right("get", "", "pods/log"),
)


def check_kubernetes(run: PlannedRun, profile: Profile) -> Iterator[Finding]:
    """Yield one finding for each thing; where the cluster does not answer, one that says so."""
    try:
        configure()
    except ConfigException as error:
        yield Finding(False, f"no Kubernetes cluster is configured ({error})", "set KUBECONFIG, or run it in a pod")
        return
    cluster, namespace = run.cluster, run.cluster.namespace
    try:
        yield _namespace(namespace)
        yield from _permissions(namespace)
        yield from _service_account(namespace, run.account, makes_jobs=cluster.gpu_work == "job")
        yield from check_launcher(namespace, run.account)
        yield check_store_access(run)
        yield from check_controller(namespace)
        yield from check_queue(cluster, profile)
        if is_queued(profile, queue=cluster.queue):
            yield from check_kueue()
        yield from _secrets(namespace)
        yield from _nodes(profile, spot=cluster.spot)
        if run.training_nodes > 1:
            yield from check_trainer(namespace, run.account, queued=is_queued(profile, queue=cluster.queue))
    except urllib3.exceptions.HTTPError as error:
        yield Finding(
            False, f"the Kubernetes API does not respond ({cause_of(error)})", "check kubectl's current context"
        )


def _asked(what: str, call: Callable[[], Any], absent: str, forbidden: str) -> Finding:
    """Return whether a thing is there: an answer passes, 404 fails, and what may not be seen is not known."""
    try:
        call()
    except ApiException as error:
        if error.status == 404:
            return Finding(False, f"{what} does not exist", absent)
        return not_told(what, error, forbidden)
    return Finding(True, f"{what} exists")


def _namespace(namespace: str) -> Finding:
    return _asked(
        f"the namespace {namespace}",
        lambda: client.CoreV1Api().read_namespace(namespace, _request_timeout=TIMEOUT),
        "create it, or check --namespace",
        "ask someone who may run: kubectl get namespace",
    )


def _permissions(namespace: str) -> Iterator[Finding]:
    for right in NEEDED:
        what = f"{right.text} in {namespace}"
        try:
            allowed = not lacking_rights(namespace, [right])
        except ApiException as error:
            yield Finding(None, f"whether you may {what}: the Kubernetes API responds {error.status}", "sign in again")
            continue
        yield Finding(allowed, f"you may {'' if allowed else 'not '}{what}", SUBMITTER)


def _service_account(namespace: str, name: str, *, makes_jobs: bool) -> Iterator[Finding]:
    found = _asked(
        f"the service account {name}",
        lambda: client.CoreV1Api().read_namespaced_service_account(name, namespace, _request_timeout=TIMEOUT),
        "install the Helm chart, or name an existing one with --service-account",
        SUBMITTER,
    )
    yield found
    if found.passed:
        remedy = "the role scalequest-step of the Helm chart allows it: helm upgrade, with this serviceAccount.name"
        yield check_rights(namespace, name, OF_EVERY_STEP, "do what Argo and Kubeflow do in a run's pods", remedy)
        if makes_jobs:
            remedy = "helm upgrade --set gpuWork=job; where runs may make no Jobs, submit with --gpu-work task"
            yield check_rights(namespace, name, OF_JOBS, "make the Jobs of GPU steps and follow them", remedy)


def _secrets(namespace: str) -> Iterator[Finding]:
    """Look for the Secrets that steps may use; not every run needs them."""
    defaults = Common
    for name, key, purpose in (
        (defaults.hub_secret, "token", "gated models"),
        (defaults.rewriter_secret, "key", "a rewriter endpoint"),
    ):
        try:
            secret = client.CoreV1Api().read_namespaced_secret(name, namespace, _request_timeout=TIMEOUT)
        except ApiException as error:
            if error.status == 404:
                yield Finding(True, f"the Secret {name} does not exist; only {purpose} need it")
                continue
            remedy = f"only {purpose} need it; see: kubectl get secret {name} --namespace {namespace}"
            yield not_told(f"the Secret {name}", error, remedy)
            continue
        held = secret.data or {}
        remedy = f"create it: kubectl create secret generic {name} --namespace {namespace} --from-literal={key}=…"
        what = f"the Secret {name} has {'the' if key in held else 'no'} key {key!r}"
        yield Finding(key in held, what, remedy)


def _nodes(profile: Profile, *, spot: bool) -> Iterator[Finding]:
    place = profile.spot if spot else profile.on_demand
    selector = ",".join(f"{key}={value}" for key, value in place.node_selector.items())
    wanted = f"nodes of the profile {profile.name} ({selector or 'any'})"
    try:
        nodes = client.CoreV1Api().list_node(label_selector=selector, _request_timeout=TIMEOUT).items
    except ApiException as error:
        yield not_told(wanted, error, READER)
        return
    if not nodes:
        remedy = "fine if a node pool starts from zero; otherwise check the pool's labels"
        yield Finding(None, f"there are no {wanted} now", remedy)
        return
    yield Finding(True, f"{len(nodes)} {wanted}")
    yield _room(nodes, profile)
    if profile.node.gpus:
        yield _driver(nodes)


def _room(nodes: list[Any], profile: Profile) -> Finding:
    """Compare what the nodes leave to pods with the profile's largest pod."""
    task = profile.tasks["training"]
    asked = {
        ACCELERATOR: task.gpus,
        "cpu": task.cpu,
        "memory": task.memory,
        "ephemeral-storage": task.ephemeral_storage,
    }
    for node in nodes:
        if all(parse_quantity(node.status.allocatable.get(name, "0")) >= parse_quantity(asked[name]) for name in asked):
            return Finding(True, f"a training pod fits the node {node.metadata.name}")
    largest = ", ".join(f"{name} {nodes[0].status.allocatable.get(name, 0)}" for name in asked)
    wanted = ", ".join(f"{name} {value}" for name, value in asked.items())
    return Finding(
        False, f"a training pod ({wanted}) fits none of the nodes, such as {nodes[0].metadata.name} ({largest})",
        "is the GPU driver installed on them, are their local disks joined (manifests/cluster-admin)? otherwise "
        "use another "
        "profile, or --set training_memory=… and the like",
    )  # fmt: skip


def _driver(nodes: list[Any]) -> Finding:
    labels = [node.metadata.labels or {} for node in nodes]
    majors = {each[name] for each in labels for name in DRIVER_LABELS if name in each}
    if not majors:
        remedy = f"the images need {DRIVER_MAJOR} or newer: see nvidia-smi in a pod"
        return Finding(None, f"the nodes do not report their driver's version ({DRIVER_LABELS[0]})", remedy)
    oldest = min(map(int, majors))
    return Finding(oldest >= DRIVER_MAJOR, f"GPU driver {oldest}", f"the images' CUDA 13 needs {DRIVER_MAJOR} or newer")
