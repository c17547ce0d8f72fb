"""TrainJobs of Kubeflow Trainer 2, by the fields that all of its versions have: create, find, watch, delete.

The TrainingRuntime, which a platform team creates once in each namespace, says what the pods need beside command, image
and number: GPUs, node selection, environment, secrets, volumes. It also names the queue: if it has the label
``kueue.x-k8s.io/queue-name``, the TrainJob gets the same.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar, cast

import urllib3
from kubernetes import client, watch
from kubernetes.client.exceptions import ApiException

from components.shared import stopping
from components.shared.config.training import TrainingConfig
from components.shared.errors import InputError, UnavailableError
from components.shared.jobs.api_objects import labels_of
from components.shared.jobs.body import LABELS, QUEUE_LABEL, unexpanded
from components.shared.jobs.folder_names import FOLDER_LABEL, RUN_LABEL, TASK_ANNOTATION
from components.shared.jobs.own_pod import Handed
from components.shared.jobs.queue_holds import Workload
from components.shared.jobs.selected_jobs import workloads_of
from components.shared.kubernetes_api import BRIEF_TIMEOUT, TIMEOUT, answer_of, ask, ask_or_none, body_of
from components.shared.training.train_job_reading import end_of, is_waiting_in_queue, state_of_train_job
from components.shared.workspace.planning import words_of

GROUP, VERSION, KIND = "trainer.kubeflow.org", "v1alpha1", "TrainJob"
RUNTIMES, JOBS = "trainingruntimes", "trainjobs"
JOBSET_LABEL = "jobset.sigs.k8s.io/jobset-name"  # of the JobSet that is made for a TrainJob, of the same name
CONTAINER = "node"  # of its pods, by Kubeflow Trainer's contract, as are the labels of JobSet and of its Jobs
WATCH_SECONDS = 300  # of one request; the next one follows
PAUSE_SECONDS = 5.0  # before the next look, whatever ended a watch

ALLOWED_BY = (
    "the role scalequest-step allows it if the Helm chart is installed with trainer.enabled=true, or with "
    "manifests/options/trainer"
)

TrainJob = dict[str, Any]
T = TypeVar("T")

logger = logging.getLogger(__name__)


def ask_trainer(what: str, call: Callable[[], T]) -> T:
    """Ask the Kubernetes API as ``ask`` does; who may not is told what allows it."""
    return ask(what, call, allowed_by=ALLOWED_BY)


def train_job(name: str, folder: str, config: TrainingConfig, launch: Handed, runtime: Mapping[str, Any]) -> TrainJob:
    """Return the TrainJob whose pods run the step's own command; without an image in ``launch``, the runtime's."""
    words = words_of(config)
    labels = LABELS | {key: value for key, value in labels_of(runtime).items() if key == QUEUE_LABEL}
    labels |= {RUN_LABEL: launch.run} if launch.run else {}
    trainer = {"command": ["python3", *words[1:3]], "args": unexpanded(words[3:]), "numNodes": config.num_nodes}
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": KIND,
        "metadata": {
            "name": name,
            "labels": labels,
            "annotations": {FOLDER_LABEL: folder} | ({TASK_ANNOTATION: launch.task} if launch.task else {}),
            **({"ownerReferences": [dict(launch.owner)]} if launch.owner else {}),
        },
        "spec": {
            "runtimeRef": {"apiGroup": GROUP, "kind": "TrainingRuntime", "name": config.train_job_runtime},
            "trainer": trainer | ({"image": launch.image} if launch.image else {}),
        },
    }


class TrainJobs:
    """The TrainJobs of a namespace."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self._api = client.CustomObjectsApi()

    def read_runtime(self, name: str) -> dict[str, Any]:
        """Return a TrainingRuntime; InputError if there is none, or no Kubeflow Trainer at all."""
        what = f"looking for the TrainingRuntime {name} in {self.namespace}"
        place = (GROUP, VERSION, self.namespace, RUNTIMES, name)
        try:
            found = ask_trainer(what, lambda: self._api.get_namespaced_custom_object(*place, _request_timeout=TIMEOUT))
        except ApiException as error:
            if error.status == 404 and body_of(error).get("details", {}).get("kind") == RUNTIMES:
                raise InputError(
                    f"--train-job-runtime: there is no TrainingRuntime {name} in the namespace {self.namespace}; the "
                    "Helm chart makes scalequest-training with trainer.enabled=true"
                ) from error
            if error.status == 404:
                raise InputError(
                    f"--num-nodes above 1 needs Kubeflow Trainer, and this cluster has no {GROUP}/{VERSION}; install "
                    "Kubeflow Trainer 2.2 or newer, or train on one machine: --num-nodes 1"
                ) from error
            raise
        return cast(dict[str, Any], found)

    def find(self, name: str) -> tuple[TrainJob | None, str]:
        """Return the TrainJob, if there is one, and the version of the cluster's state to watch it from."""
        found = ask_trainer(f"looking for the TrainJob {name}", lambda: self._list(name, _request_timeout=TIMEOUT))
        items = found["items"]
        return (items[0] if items else None), found["metadata"]["resourceVersion"]

    def create(self, job: TrainJob) -> bool:
        """Create a TrainJob; False if one of that name stands."""
        place = (GROUP, VERSION, self.namespace, JOBS)
        created = ask_or_none(
            f"creating the TrainJob {job['metadata']['name']} in {self.namespace}",
            lambda: self._api.create_namespaced_custom_object(*place, job, _request_timeout=TIMEOUT),
            (409,),
            allowed_by=ALLOWED_BY,
        )
        return created is not None

    def add_owner(self, job: TrainJob, owner: Mapping[str, Any]) -> None:
        """Add an owner to an existing TrainJob, which is then kept as long as one of its owners exists."""
        owners = job["metadata"].get("ownerReferences") or []
        if owner["uid"] in {each["uid"] for each in owners}:
            return
        path, value = ("/metadata/ownerReferences/-", dict(owner)) if owners else ("/metadata/ownerReferences", [owner])
        place = (GROUP, VERSION, self.namespace, JOBS, job["metadata"]["name"])
        change = [{"op": "add", "path": path, "value": value}]
        ask_trainer(
            f"becoming an owner of the TrainJob {job['metadata']['name']}",
            lambda: self._api.patch_namespaced_custom_object(*place, change, _request_timeout=TIMEOUT),
        )

    def delete(self, name: str) -> None:
        """Delete a TrainJob and wait until it is gone, and its pods before it."""
        ask_trainer(f"deleting the TrainJob {name}", lambda: self._delete(name, TIMEOUT))
        while self.find(name)[0] is not None:
            stopping.sleep(PAUSE_SECONDS)

    def cancel(self, name: str) -> None:
        """Request a TrainJob's deletion once, without retries: this process has about a second left."""
        self._delete(name, BRIEF_TIMEOUT)

    def wait(self, name: str) -> TrainJob:
        """Wait until the TrainJob has ended, without a limit, and return it; each change of its state is logged.

        A watch can be cut off by a proxy, or refused with 410 because its version is too old. In each case the state is
        listed again and watched from there. Raises UnavailableError if somebody deletes the TrainJob.
        """
        state = ""
        while True:
            job, version = self.find(name)
            for each in self._changes(job, name, version):
                if each is None:
                    raise UnavailableError(
                        f"the TrainJob {name} was deleted while this step waited for it; the same command creates "
                        "it again, and it continues from the last checkpoint"
                    )
                if (told := self.state_of(each)) != state:
                    state = told
                    logger.info("TrainJob %s: %s", name, state)
                if end_of(each):
                    return each
            stopping.sleep(PAUSE_SECONDS)

    def state_of(self, job: TrainJob) -> str:
        """Return in a few words what a TrainJob is at; of one in a queue also why it waits, where that may be read."""
        workloads: list[Workload] = []
        if is_waiting_in_queue(job):
            try:
                workloads = workloads_of(self._api, self.namespace, job)
            except (ApiException, urllib3.exceptions.HTTPError) as error:
                logger.debug("workloads: %s", answer_of(error))
        return state_of_train_job(job, workloads=workloads).told

    def _changes(self, job: TrainJob | None, name: str, version: str) -> Iterator[TrainJob | None]:
        """Yield the TrainJob now and after each change, None when it is deleted, until the watch ends."""
        yield job
        try:
            events = watch.Watch().stream(
                self._list, name, resource_version=version, timeout_seconds=WATCH_SECONDS,
                _request_timeout=(TIMEOUT[0], WATCH_SECONDS + TIMEOUT[1]),
            )  # fmt: skip
            for event in events:
                yield None if event["type"] == "DELETED" else event["object"]
        except (ApiException, urllib3.exceptions.HTTPError, ValueError) as error:  # ValueError: a line that was cut
            logger.info("the watch of TrainJob %s ended: %s", name, answer_of(error))

    def _list(self, name: str, **options: Any) -> Any:
        """Return the list of at most one."""
        place = (GROUP, VERSION, self.namespace, JOBS)
        return self._api.list_namespaced_custom_object(*place, field_selector=f"metadata.name={name}", **options)

    def _delete(self, name: str, timeout: tuple[int, int]) -> None:
        place = (GROUP, VERSION, self.namespace, JOBS, name)
        # Foreground: it stays until its pods are gone, so that the next TrainJob never meets them.
        options = client.V1DeleteOptions(propagation_policy="Foreground")
        try:
            self._api.delete_namespaced_custom_object(*place, body=options, _request_timeout=timeout)
        except ApiException as error:
            if error.status != 404:
                raise
