"""Why Kueue does not admit something, whether that passes, and the remedy: by the conditions of its Workload."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from components.shared.jobs.api_objects import conditions_of, holding
from components.shared.jobs.pod_holds import Hold
from components.shared.plain_text import inert

JOB_UID_LABEL = "kueue.x-k8s.io/job-uid"  # by which the Workloads of a Job are found
# Kueue's words in a message, and what to do about it, the first that fits; 0.19.2 says them so.
_REMEDIES = {
    "maximum capacity": "it never begins: ask for fewer pods or GPUs, or raise nominalQuota of the ClusterQueue",
    "doesn't exist": (
        "it never begins: helm upgrade --set kueue.enabled=true makes the queue; or `scalequest stop` the run, and "
        "submit it with --no-queue"
    ),
    "doesn't match": "it never begins: let the ClusterQueue's namespaceSelector match this namespace",
    "unavailable in ClusterQueue": "it never begins: give the ClusterQueue quota for that resource (coveredResources)",
    "is inactive": (
        "it never begins: the ClusterQueue is stopped, or lacks a flavor or an admission check; kubectl describe "
        "clusterqueue says which"
    ),
}
_QUOTA_NOW = (
    "nothing to do: it begins as soon as others give quota back; or submit again with fewer GPUs or --no-queue, which "
    "replaces it"
)
_CHECKS = "nothing to do while nodes are being provided; kubectl describe workloads says more"
_UNKNOWN = "kubectl describe workloads says more"

Workload = Mapping[str, Any]


def hold_of_quota(said: str) -> Hold:
    """Return what Kueue's own message means."""
    found = (remedy for words, remedy in _REMEDIES.items() if words in said)
    return Hold(inert(said), next(found, _QUOTA_NOW if "insufficient unused quota" in said else _UNKNOWN))


def hold_of_workloads(workloads: Iterable[Workload]) -> Hold:
    """Return what keeps a Job waiting, from its Workloads: the youngest that is not done; nothing where all go on.

    A Job whose number of pods was changed has one for each size.
    """
    for workload in sorted(workloads, key=_created, reverse=True):
        held = holding(workload)
        if "Finished" in held or "Admitted" in held:
            continue
        evicted = held.get("Evicted", {}).get("reason", "")
        if "QuotaReserved" in held:
            return _pending_checks(workload.get("status", {}).get("admissionChecks") or [])
        refused = conditions_of(workload).get("QuotaReserved", {})
        hold = hold_of_quota(refused.get("message", "") or "not looked at yet")
        words = re.sub("(?<=[a-z])(?=[A-Z])", " ", evicted).lower()  # Preempted, ClusterQueueStopped
        return Hold(f"{words}, then {hold.why}", hold.remedy) if evicted else hold
    return Hold()


def _pending_checks(checks: Sequence[Mapping[str, Any]]) -> Hold:
    """Return which admission checks are not passed: GKE's Dynamic Workload Scheduler provides nodes in one."""
    told = [
        f"{each['name']} {each.get('state', '')}: {each.get('message', '')}".rstrip(": ")
        for each in checks
        if each.get("state") != "Ready"
    ]
    return Hold(inert(f"quota is reserved; admission check {'; '.join(told) or 'pending'}"), _CHECKS)


def _created(workload: Workload) -> str:
    return str(workload["metadata"].get("creationTimestamp", ""))
