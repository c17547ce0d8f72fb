"""Training on several machines: the step that starts them as a TrainJob, follows it, and returns the finished folder.

The TrainJob is named after the folder (step, fingerprint, workspace): a restarted step finds the running TrainJob and
follows it. If the TrainJob has ended without a finished folder, it is replaced by a new one, which continues from the
last checkpoint.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
from collections.abc import Iterator

import urllib3
from kubernetes.client.exceptions import ApiException

from components.shared import speaking, stopping
from components.shared.config.training import TrainingConfig
from components.shared.errors import InputError
from components.shared.jobs.folder_names import object_name
from components.shared.jobs.own_pod import handed_on, read_own_pod
from components.shared.jobs.pod_endings import Pod
from components.shared.kubernetes_api import answer_of, connect
from components.shared.training._train_job_pods import (
    LAST_LINES,
    FirstNodeLog,
    failure_of,
    is_disrupted,
)
from components.shared.training.node_deadlines import NodeDeadlines
from components.shared.training.train_job_reading import end_of
from components.shared.training.train_jobs import ALLOWED_BY, TrainJob, TrainJobs, train_job
from components.shared.workspace import StepFolder
from components.shared.workspace.manifests import read_manifest_or_none

logger = logging.getLogger(__name__)


def train_on_nodes(config: TrainingConfig, folder: StepFolder, image: str = "") -> str:
    """Run the step on as many machines as its options say; return the folder's address.

    ``image``: that of the machines, "" for this pod's own. Raises what the step itself would raise on one machine.
    """
    jobs = TrainJobs(connect("--num-nodes above 1 starts a TrainJob"))
    runtime = jobs.read_runtime(config.train_job_runtime)
    pod = read_own_pod(jobs.namespace, allowed_by=ALLOWED_BY)
    launch = handed_on(pod)
    launch = dataclasses.replace(launch, image=image or launch.image)
    job = train_job(object_name(config, folder.fingerprint), folder.uri, config, launch, runtime)
    name = job["metadata"]["name"]
    with _cancelled_with_this(jobs, name, pod), speaking.phase(f"TrainJob {name} of {config.num_nodes} nodes"):
        is_new = _get_or_create(jobs, job)
        log = FirstNodeLog(jobs.namespace, name, lines_before=None if is_new else LAST_LINES)
        with NodeDeadlines(jobs.namespace, name).moved(), log.followed():
            ended = jobs.wait(name)
    if end_of(ended) == "Failed":
        logger.error("TrainJob %s %s; it is kept for inspection until the next attempt", name, jobs.state_of(ended))
        raise failure_of(jobs.namespace, name, config.step, config.num_nodes, jobs.state_of(ended))
    if read_manifest_or_none(folder.uri) is not None:
        return folder.uri
    raise InputError(
        f"TrainJob {name} is complete, but {folder.uri} is not finished: its pods made another folder, because their "
        "image or their workspace differs; start the step in a pod, or give the runtime this version's image"
    )


def _get_or_create(jobs: TrainJobs, job: TrainJob) -> bool:
    """Make sure that the TrainJob exists and has not ended; return whether this step created it."""
    name = job["metadata"]["name"]
    while True:
        standing, _ = jobs.find(name)
        if standing is None:
            if jobs.create(job):
                logger.info("created TrainJob %s of %d nodes", name, job["spec"]["trainer"]["numNodes"])
                return True
        elif end_of(standing) or standing["metadata"].get("deletionTimestamp"):
            logger.info(
                "TrainJob %s is an earlier attempt's (%s); waiting until it is gone", name, jobs.state_of(standing)
            )
            jobs.delete(name)
        else:
            _attach(jobs, job, standing)
            return False


def _attach(jobs: TrainJobs, job: TrainJob, standing: TrainJob) -> None:
    nodes = standing["spec"].get("trainer", {}).get("numNodes")
    logger.info("found TrainJob %s, which has %s nodes: %s", job["metadata"]["name"], nodes, jobs.state_of(standing))
    if nodes != job["spec"]["trainer"]["numNodes"]:
        logger.warning("it keeps its nodes; delete it to train on %d", job["spec"]["trainer"]["numNodes"])
    for owner in job["metadata"].get("ownerReferences", ()):
        jobs.add_owner(standing, owner)


@contextlib.contextmanager
def _cancelled_with_this(jobs: TrainJobs, name: str, pod: Pod | None) -> Iterator[None]:
    """Delete the TrainJob if this step is told to stop; its nodes then save a checkpoint.

    If this pod is only moved (drained, preempted, evicted: Kubernetes or Kueue marks it so), the training goes on, and
    the pod's successor follows it. If there is no time for this, the TrainJob is deleted together with its owner.
    """
    try:
        yield
    except stopping.Stopped:
        try:
            if pod is not None and is_disrupted(jobs.namespace, pod["metadata"]["name"]):
                logger.info(
                    "this pod is being moved: TrainJob %s continues, and the same command follows it again", name
                )
            else:
                jobs.cancel(name)
                logger.info("deleted TrainJob %s", name)
        except (ApiException, urllib3.exceptions.HTTPError) as error:
            logger.warning("TrainJob %s may go on: %s", name, answer_of(error))
        raise
