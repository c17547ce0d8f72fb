"""A cluster's pods for the stand-in of its API: refused, left Pending or really run, by Kubernetes' rules."""

from __future__ import annotations

import base64
import copy
import os
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any

from tests.pipelines.cluster.conftest import NAMESPACE, Server
from tests.source_tree import ROOT

CORE = f"/api/v1/namespaces/{NAMESPACE}"


@dataclass
class PodRunner:
    """Takes pods at the namespace's address; a pod's command runs as a process of this machine."""

    server: Server
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)
    status: dict[str, Any] = field(default_factory=dict)  # where pods are not to start: what they show instead
    created: list[dict[str, Any]] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.server.on(f"POST {CORE}/pods", self._create, 201)
        self.server.on(f"GET {CORE}/events", {"items": []})
        for name, held in self.secrets.items():
            data = {key: base64.b64encode(value.encode()).decode() for key, value in held.items()}
            self.server.on(f"GET {CORE}/secrets/{name}", {"metadata": {"name": name}, "data": data})

    def _create(self, pod: dict[str, Any]) -> dict[str, Any]:
        assert_restricted(pod)
        self.created.append(pod)
        place = f"{CORE}/pods/{pod['metadata']['name']}"
        metadata = pod["metadata"] | {"namespace": NAMESPACE}
        pending = pod | {"metadata": metadata, "status": {"phase": "Pending"}}
        self.server.on(f"DELETE {place}", lambda _: self._delete(place))
        if self.status:
            self.server.on(f"GET {place}", pod | {"metadata": metadata, "status": self.status})
            return pending
        ended = self._run(pod["spec"]["containers"][0])
        phase = "Succeeded" if ended.returncode == 0 else "Failed"
        started = {"startedAt": "2026-11-29T12:00:00Z"}
        running = pending | {"status": status_of("Running", {"running": started})}
        terminated = {"terminated": started | {"exitCode": ended.returncode}}
        self.server.in_turn(f"GET {place}", pending, running, pending | {"status": status_of(phase, terminated)})
        self.server.on(f"GET {place}/log", ended.stdout)
        return pending

    def _delete(self, place: str) -> dict[str, Any]:
        self.deleted.append(place.rsplit("/", 1)[-1])
        del self.server.answers[f"GET {place}"]
        return {"kind": "Pod", "metadata": {"name": self.deleted[-1]}}

    def _run(self, container: dict[str, Any]) -> subprocess.CompletedProcess[bytes]:
        """Run a container as a node does: with its own variables and those of Secrets, and with no others."""
        names = ("PATH", "LD_LIBRARY_PATH", "STORAGE_EMULATOR_HOST")
        environment = {name: os.environ[name] for name in names if name in os.environ} | {"PYTHONPATH": str(ROOT)}
        for variable in container["env"]:
            source = variable.get("valueFrom", {}).get("secretKeyRef")
            held = self.secrets.get(source["name"], {}) if source else {"": variable["value"]}
            key = source["key"] if source else ""
            if key in held:
                environment[variable["name"]] = held[key]
            else:
                assert source["optional"], f"{variable} would leave the pod in CreateContainerConfigError"
        program, *arguments = container["command"]
        assert program == "python3"
        return subprocess.run([sys.executable, *arguments], env=environment, stdout=subprocess.PIPE, check=False)


def status_of(phase: str, state: dict[str, Any]) -> dict[str, Any]:
    """Return a pod's status whose container is in a state, as the API has it."""
    container = {"name": "main", "image": "i", "imageID": "", "ready": False, "restartCount": 0, "state": state}
    return {"phase": phase, "containerStatuses": [container]}


def assert_restricted(pod: dict[str, Any]) -> None:
    """Assert what Pod Security Standards ask of a pod at the level restricted."""
    spec = copy.deepcopy(pod["spec"])
    security = spec["securityContext"]
    assert security["runAsNonRoot"] is True
    assert security["runAsUser"] != 0
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    allowed = {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
    assert all(set(volume) - {"name"} <= allowed for volume in spec.get("volumes", ()))
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
    for container in spec["containers"]:
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert not any("hostPort" in port for port in container.get("ports", ()))
