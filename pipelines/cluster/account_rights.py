"""Whether an account of a namespace, which is not the caller, has the rights that it needs there."""

from __future__ import annotations

from collections.abc import Sequence

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from components.shared.kubernetes_api import TIMEOUT
from pipelines.cluster.examination import Finding

Right = tuple[str, str, str]  # verb, group, resource
OF_EVERY_STEP: tuple[Right, ...] = (  # what Argo's executor and Kubeflow's driver ask in a run's pods
    ("create", "argoproj.io", "workflowtaskresults"),
    ("patch", "argoproj.io", "workflowtaskresults"),
    ("get", "", "pods"),
)


def check_rights(namespace: str, account: str, rights: Sequence[Right], purpose: str, remedy: str) -> Finding:
    """Ask for each right of an account in its namespace, whose administrators may ask that."""
    what = f"the service account {account} may {purpose}"
    try:
        lacking = [name_of(right) for right in rights if not _is_allowed(namespace, account, right)]
    except ApiException as error:
        verb, group, resource = rights[0]
        user = f"system:serviceaccount:{namespace}:{account}"
        question = f"kubectl auth can-i {verb} {resource}.{group} -n {namespace} --as {user}"
        unknown = f"whether {what}: the Kubernetes API answers {error.status}"
        return Finding(None, unknown, f"have an administrator ask: {question}")
    if lacking:
        return Finding(False, f"the service account {account} may not {', '.join(lacking)} in {namespace}", remedy)
    return Finding(True, what)


def name_of(right: Right) -> str:
    """Return a right as people read it: ``create runs.pipelines.kubeflow.org``."""
    verb, group, resource = right
    return f"{verb} {resource}{f'.{group}' if group else ''}"


def attributes_of(namespace: str, right: Right) -> client.V1ResourceAttributes:
    """Return a right as the API is asked for it."""
    verb, group, resource = right
    name, _, subresource = resource.partition("/")
    return client.V1ResourceAttributes(
        namespace=namespace, verb=verb, group=group, resource=name, subresource=subresource or None
    )


def _is_allowed(namespace: str, account: str, right: Right) -> bool:
    spec = client.V1SubjectAccessReviewSpec(
        user=f"system:serviceaccount:{namespace}:{account}",
        groups=["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"],
        resource_attributes=attributes_of(namespace, right),
    )
    review = client.V1LocalSubjectAccessReview(metadata=client.V1ObjectMeta(namespace=namespace), spec=spec)
    api = client.AuthorizationV1Api()
    answer = api.create_namespaced_local_subject_access_review(namespace, review, _request_timeout=TIMEOUT)
    return bool(answer.status.allowed)
