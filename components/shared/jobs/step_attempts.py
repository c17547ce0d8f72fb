"""The Jobs that do a step's work, attempt by attempt: their name, their body, and whose task follows one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from components.shared.config import SharedConfig, StepConfig
from components.shared.jobs import JobRequest
from components.shared.jobs.asked import note_asked
from components.shared.jobs.body import SERVICE_ACCOUNT, SIZES, Work, job_body, unexpanded
from components.shared.jobs.folder_names import (
    FOLDER_LABEL,
    RUN_LABEL,
    STEP_LABEL,
    TASK_ANNOTATION,
    folder_label,
    object_name,
    step_label,
)
from components.shared.jobs.job_profiles import JobProfile, is_name, profile_of_json, profile_of_name
from components.shared.jobs.job_reading import Job
from components.shared.jobs.own_pod import Handed, handed_on, read_own_pod
from components.shared.jobs.pod_numbers import read_pod_numbers
from components.shared.jobs.selected_jobs import SelectedJobs
from components.shared.workspace import StepFolder
from components.shared.workspace.planning import words_of

ALLOWED_BY = (
    "the Role scalequest-step of this account has to allow it (Helm chart: gpuWork=job; or manifests/base); where runs "
    "may make no Jobs, submit with --gpu-work task (gpu_work: task): the step then works in its own pod"
)


class StepAttempts:
    """What a task has Jobs do for it: the work of a step, in one folder."""

    def __init__(self, namespace: str, config: StepConfig, folder: StepFolder, request: JobRequest) -> None:
        self._config, self._request = config, request
        self._label = folder_label(config, folder.fingerprint)
        self.folder = folder.uri
        self.name = object_name(config, folder.fingerprint)  # of all attempts, without their number
        self.jobs = SelectedJobs(namespace, f"{FOLDER_LABEL}={self._label}", allowed_by=ALLOWED_BY)

    @property
    def run(self) -> str:
        """The run of Kubeflow Pipelines that this process works for; "" for none."""
        return self._handed.run

    def body(self, window: int) -> Job:
        """Return the Job of the next attempt: sized by the profile, with what this process' own pod hands on."""
        config, handed, profile = self._config, self._handed, self._profile()
        pods = read_pod_numbers(self._request.pods or "1")
        size, shared = SIZES[config.IMAGE], isinstance(config, SharedConfig)
        follower = self.follower()
        job = job_body(
            Work(
                name=self.name,
                step=config.step,
                size=size,
                is_shared=shared,
                image=profile.images.get(config.IMAGE, self._request.image),
                arguments=unexpanded(words_of(config)[3:]),
                task=profile.task(size),
                deadline_seconds=window,
                pods=pods.most if shared else 1,
                least_pods=pods.least if shared else 1,
                placement=profile.placement,
                queue=profile.queue,
                priority_class=profile.priority_class,
                labels={STEP_LABEL: step_label(config.step), FOLDER_LABEL: self._label, **follower["labels"]},
                annotations={FOLDER_LABEL: self.folder, **follower["annotations"]},
                owners=follower["ownerReferences"],
                service_account=handed.service_account or SERVICE_ACCOUNT,
                pull_secrets=handed.pull_secrets,
                env=handed.env,
                env_from=handed.env_from,
                volumes=handed.volumes,
                mounts=handed.mounts,
            )
        )
        note_asked(job)
        return job

    def follower(self) -> dict[str, Any]:
        """Return what the metadata of a Job say of the task that follows it: its run, itself, its owner.

        As a strategic merge patch, the owner is added to those that there are: the Job lives as long as one of them.
        """
        handed = self._handed
        owner: Mapping[str, Any] = handed.owner or {}
        return {
            "labels": {RUN_LABEL: handed.run} if handed.run else {},
            "annotations": {TASK_ANNOTATION: handed.task} if handed.task else {},
            "ownerReferences": [{**owner, "controller": False}] if owner else [],
        }

    @cached_property
    def _handed(self) -> Handed:
        return handed_on(read_own_pod(self.jobs.namespace, allowed_by=ALLOWED_BY))

    def _profile(self) -> JobProfile:
        text = self._request.profile
        return profile_of_name(text, self.jobs.profiles()) if is_name(text) else profile_of_json(text)
