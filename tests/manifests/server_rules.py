"""What the Kubernetes API server refuses although its schemas allow it, as a function of objects.

There is no API server for tests here (none is on PyPI, npm or in Debian). These are the rules of its own code that our
objects could break. Source: kubernetes/kubernetes, pkg/apis/{core,batch,apps,rbac,networking}/validation.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from zoneinfo import ZoneInfo

from kubernetes.utils import parse_quantity

from tests.manifests.pod_security import pods_of
from tests.manifests.tools import Objects

NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?")
KEY = re.compile(r"[-._a-zA-Z0-9]+")
LONGEST_NAME = {"Job": 63, "CronJob": 52, "Service": 63, "Pod": 253}
LARGEST = 1_000_000  # bytes of one object as JSON; etcd takes 1.5 MB

Document = dict[str, Any]


def refusals(objects: Objects) -> list[str]:
    """Return what an API server would refuse, one line each."""
    found = [f"{_name(each)}: {problem}" for each in objects for problem in _of_object(each)]
    return found + [f"{owner}: {problem}" for owner, pod in pods_of(objects) for problem in _of_pod(pod)]


def _name(document: Document) -> str:
    return f"{document['kind']} {document['metadata']['name']}"


def _of_object(document: Document) -> Iterator[str]:
    metadata = document["metadata"]
    longest = LONGEST_NAME.get(document["kind"], 253)
    if not NAME.fullmatch(metadata["name"]) or len(metadata["name"]) > longest:
        yield f"{metadata['name']!r} is no name"
    for key, value in metadata.get("labels", {}).items():
        if not LABEL_VALUE.fullmatch(value) or len(value) > 63 or len(key.rpartition("/")[2]) > 63:
            yield f"{key}={value} is no label"
    if len(str(document)) > LARGEST:
        yield f"{len(str(document))} bytes are too many"
    rules: dict[str, Callable[[Document], Iterator[str]]] = {
        "Job": _of_job, "CronJob": _of_cron_job, "Deployment": _of_deployment, "RoleBinding": _of_binding,
        "NetworkPolicy": _of_policy, "ConfigMap": _of_config_map,
    }  # fmt: skip
    if document["kind"] in rules:
        yield from rules[document["kind"]](document)


def _of_job(job: Document) -> Iterator[str]:
    spec = job["spec"]
    indexed = spec.get("completionMode") == "Indexed"
    if indexed and "completions" not in spec:
        yield "an Indexed Job needs completions"
    if "backoffLimitPerIndex" in spec and not indexed:
        yield "backoffLimitPerIndex is for Indexed Jobs"
    policy = spec.get("podFailurePolicy", {}).get("rules", [])
    if policy and spec["template"]["spec"].get("restartPolicy") != "Never":
        yield "podFailurePolicy needs restartPolicy Never"
    if policy and spec.get("podReplacementPolicy", "Failed") != "Failed":
        yield "podFailurePolicy needs podReplacementPolicy Failed"
    names = {each["name"] for each in spec["template"]["spec"]["containers"]}
    for rule in policy:
        yield from _of_failure_rule(rule, names, per_index="backoffLimitPerIndex" in spec)


def _of_failure_rule(rule: Document, containers: set[str], *, per_index: bool) -> Iterator[str]:
    if ("onExitCodes" in rule) == ("onPodConditions" in rule):
        yield "a rule looks at exit codes or at conditions, and not at both"
    if rule["action"] == "FailIndex" and not per_index:
        yield "FailIndex needs backoffLimitPerIndex"
    codes = rule.get("onExitCodes", {})
    values = codes.get("values", [1])
    if values != sorted(set(values)) or (codes.get("operator") == "In" and 0 in values):
        yield f"exit codes {values} are not sorted, single and above 0"
    if codes.get("containerName", next(iter(containers))) not in containers:
        yield f"there is no container {codes['containerName']}"


def _of_cron_job(job: Document) -> Iterator[str]:
    ZoneInfo(job["spec"].get("timeZone", "Etc/UTC"))
    if len(job["spec"]["schedule"].split()) != 5:
        yield f"schedule {job['spec']['schedule']!r}"
    if job["spec"]["jobTemplate"]["spec"]["template"]["spec"].get("restartPolicy") not in ("Never", "OnFailure"):
        yield "a Job's pods have restartPolicy Never or OnFailure"


def _of_deployment(deployment: Document) -> Iterator[str]:
    spec = deployment["spec"]
    if not spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items():
        yield "the selector does not select its own pods"


def _of_binding(binding: Document) -> Iterator[str]:
    for subject in binding.get("subjects", []):
        if subject["kind"] == "ServiceAccount" and (subject.get("apiGroup") or not subject.get("namespace")):
            yield f"subject {subject['name']}: an account has a namespace and no apiGroup"
        if subject["kind"] != "ServiceAccount" and subject.get("apiGroup") != "rbac.authorization.k8s.io":
            yield f"subject {subject['name']}: apiGroup is rbac.authorization.k8s.io"


def _of_policy(policy: Document) -> Iterator[str]:
    for rule in [*policy["spec"].get("egress", []), *policy["spec"].get("ingress", [])]:
        for peer in [*rule.get("to", []), *rule.get("from", [])]:
            if "ipBlock" in peer and len(peer) > 1:
                yield "a peer is a block of addresses or pods, and not both"
            if not peer:
                yield "a peer that names nothing"
            block = peer.get("ipBlock", {"cidr": "0.0.0.0/0"})
            whole = ipaddress.ip_network(block["cidr"])
            for part in map(ipaddress.ip_network, block.get("except", [])):
                if whole.version != part.version or not part.subnet_of(whole) or part == whole:  # type: ignore[arg-type]
                    yield f"{part} is not a part of {whole}"


def _of_config_map(document: Document) -> Iterator[str]:
    yield from (f"key {key!r}" for key in document.get("data", {}) if not KEY.fullmatch(key))
    yield from (f"{key}: not text" for key, value in document.get("data", {}).items() if not isinstance(value, str))


def _of_pod(pod: Document) -> Iterator[str]:
    volumes = [each["name"] for each in pod.get("volumes", [])]
    containers = [*pod.get("initContainers", []), *pod["containers"]]
    yield from _repeated("volume", volumes)
    yield from _repeated("container", [each["name"] for each in containers])
    for container in containers:
        mounts = container.get("volumeMounts", [])
        yield from _repeated("mount", [each["mountPath"] for each in mounts])
        yield from (f"mounts {each['name']}, which is no volume" for each in mounts if each["name"] not in volumes)
        yield from _repeated("variable", [each["name"] for each in container.get("env", [])])
        yield from _of_resources(container.get("resources", {}))
        ports = {port.get("name") for port in container.get("ports", [])}
        for probe in (container[name] for name in container if name.endswith("Probe")):
            port = probe.get("httpGet", {}).get("port")
            if isinstance(port, str) and port not in ports:
                yield f"a probe asks the port {port}"


def _of_resources(resources: Document) -> Iterator[str]:
    requests, limits = resources.get("requests", {}), resources.get("limits", {})
    for name in {*requests} & {*limits}:
        if parse_quantity(requests[name]) > parse_quantity(limits[name]):
            yield f"asks for more {name} than its limit"
    for name in {*requests, *limits}:
        if "/" in name and (name not in limits or requests.get(name, limits[name]) != limits[name]):
            yield f"{name}: request and limit of a device are one"


def _repeated(what: str, names: list[str]) -> Iterator[str]:
    yield from (f"{what} {name} twice" for name, count in Counter(names).items() if count > 1)
