"""Whether an account of a namespace, which is not the caller, has the rights that it needs there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from components.shared.jobs.job_profiles import CONFIG_MAP
from components.shared.kubernetes_api import TIMEOUT
from pipelines.cluster.findings import Finding


class Right(NamedTuple):
    """What somebody may do to the objects of a namespace."""

    verb: str
    group: str
    resource: str  # with its subresource: pods/log
    name: str = ""  # of the one object that it is about; all of them

    @property
    def text(self) -> str:
        """The right as people read it, and kubectl: ``create runs.pipelines.kubeflow.org``, ``get secrets/keys``."""
        kind = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{self.verb} {kind}/{self.name}" if self.name else f"{self.verb} {kind}"

    def in_namespace(self, namespace: str) -> client.V1ResourceAttributes:
        """Return the right as the API is asked for it."""
        resource, _, subresource = self.resource.partition("/")
        return client.V1ResourceAttributes(
            namespace=namespace,
            verb=self.verb,
            group=self.group,
            resource=resource,
            subresource=subresource or None,
            name=self.name or None,
        )


OF_EVERY_STEP = (  # what Argo's executor, and Kubeflow's driver and launcher ask in a run's pods
    Right("create", "argoproj.io", "workflowtaskresults"),
    Right("patch", "argoproj.io", "workflowtaskresults"),
    Right("get", "", "pods"),
    Right("get", "", "configmaps", "kfp-launcher"),
)

OF_JOBS = (  # what a step asks whose work a Job does; why a Job waits (events, workloads) is optional
    *(Right(verb, "batch", "jobs") for verb in ("create", "get", "list", "watch", "patch", "delete")),
    Right("list", "", "pods"),
    Right("get", "", "pods/log"),
    Right("get", "", "configmaps", CONFIG_MAP),
)


def check_rights(namespace: str, account: str, rights: Sequence[Right], purpose: str, remedy: str) -> Finding:
    """Ask for each right of an account in its namespace, which those may ask whom the role scalequest-submit is given.

    Where the caller may not ask, nothing is known, and a run would show it: the account is taken to have them.
    """
    what = f"the service account {account} may {purpose}"
    try:
        lacking = [right.text for right in rights if not _is_allowed(namespace, account, right)]
    except ApiException as error:
        user = f"system:serviceaccount:{namespace}:{account}"
        question = f"kubectl auth can-i {rights[0].text} -n {namespace} --as {user}"
        unknown = f"{what}: not known, assumed to be so; the Kubernetes API responds {error.status}"
        return Finding(None, unknown, f"ask an administrator to run: {question}")
    if lacking:
        return Finding(False, f"the service account {account} may not {', '.join(lacking)} in {namespace}", remedy)
    return Finding(True, what)


def lacking_rights(namespace: str, rights: Sequence[Right]) -> list[str]:
    """Return which rights this process' own account lacks in a namespace; anybody may ask that of themselves."""
    return [right.text for right in rights if not _may_itself(namespace, right)]


def _may_itself(namespace: str, right: Right) -> bool:
    spec = client.V1SelfSubjectAccessReviewSpec(resource_attributes=right.in_namespace(namespace))
    review = client.V1SelfSubjectAccessReview(spec=spec)
    answer = client.AuthorizationV1Api().create_self_subject_access_review(review, _request_timeout=TIMEOUT)
    return bool(answer.status.allowed)


def _is_allowed(namespace: str, account: str, right: Right) -> bool:
    spec = client.V1SubjectAccessReviewSpec(
        user=f"system:serviceaccount:{namespace}:{account}",
        groups=["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"],
        resource_attributes=right.in_namespace(namespace),
    )
    review = client.V1LocalSubjectAccessReview(metadata=client.V1ObjectMeta(namespace=namespace), spec=spec)
    api = client.AuthorizationV1Api()
    answer = api.create_namespaced_local_subject_access_review(namespace, review, _request_timeout=TIMEOUT)
    return bool(answer.status.allowed)
