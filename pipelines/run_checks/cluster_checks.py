"""Checks what a run needs of its cluster, from the pod of its first task: rights, the queue, the account."""

from __future__ import annotations

from collections.abc import Iterator

import urllib3
from kubernetes.client.exceptions import ApiException

from components.shared.errors import InputError, NotAllowedError, UnavailableError
from components.shared.jobs.job_profiles import JobProfile
from components.shared.kubernetes_api import answer_of
from pipelines.cluster.account_rights import OF_JOBS, lacking_rights
from pipelines.cluster.findings import Finding
from pipelines.cluster.queue_checks import check_local_queue

GRANTED_BY = "the Role scalequest-step allows it (helm upgrade --set gpuWork=job); without Jobs: gpu_work=task"


def check_place(profile: JobProfile, *, gpu_work: str, namespace: str, account: str) -> list[Finding]:
    """Return what was found; InputError for what would fail, or wait forever, NotAllowedError for want of a right.

    UnavailableError where the Kubernetes API does not answer.
    """
    try:
        found = list(_findings(profile, gpu_work, namespace, account))
    except (ApiException, urllib3.exceptions.HTTPError) as error:
        raise UnavailableError(f"the Kubernetes API does not answer ({answer_of(error)}); start again later") from error
    for finding in found:
        if finding.passed is False:
            raise InputError(finding.text)
    return found


def _findings(profile: JobProfile, gpu_work: str, namespace: str, account: str) -> Iterator[Finding]:
    if gpu_work == "job":
        lacking = lacking_rights(namespace, OF_JOBS)
        who = f"gpu_work job: the account {account or 'of this pod'} may"
        if lacking:
            raise NotAllowedError(f"{who} not {', '.join(lacking)} in {namespace}; {GRANTED_BY}")
        yield Finding(True, f"{who} make and follow Jobs in {namespace}")
    largest = profile.tasks.get("training")
    if profile.queue and largest and any(task.gpus != "0" for task in profile.tasks.values()):
        for finding in check_local_queue(profile.queue, namespace, largest, profile.accelerator):
            yield Finding(finding.passed, f"profile {profile.name}: {finding.what}", finding.remedy)
