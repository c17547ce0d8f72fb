"""Runs of a real Kubeflow Pipelines 2.17, as its APIs and Kubernetes' answered, served again.

The Workflows are without their spec, which nothing reads.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.pipelines.cluster.conftest import KUBEFLOW_DEPLOYMENT, Server, deployment
from tests.pipelines.cluster.recorded import body_of

RECORDINGS = Path(__file__).with_name("recordings")
NAMESPACE = "kubeflow"  # where they ran
PODS, EVENTS = (f"GET /api/v1/namespaces/{NAMESPACE}/{what}" for what in ("pods", "events"))
JOBS = f"GET /apis/batch/v1/namespaces/{NAMESPACE}/jobs"


def recorded(name: str) -> Any:
    """Return a recorded answer, or an object of Kubernetes."""
    return json.loads(gzip.decompress((RECORDINGS / f"{name}.json.gz").read_bytes()))


def answer_of(name: str) -> tuple[int, Any]:
    """Return status and body of a recorded answer of Kubeflow."""
    document = recorded(f"kfp/{name}")
    return document["status"], document["body"]


def run_of(name: str) -> Any:
    """Return a run as v2beta1 gives it."""
    return answer_of(f"{name}.v2beta1")[1]


def serve_run(server: Server, name: str, run_id: str = "") -> str:
    """Serve a recorded run by both of Kubeflow's APIs, by another id if one is given; return its id."""
    run_id = run_id or run_of(name)["run_id"]
    server.on(f"GET /apis/v2beta1/runs/{run_id}", run_of(name) | {"run_id": run_id})
    if (RECORDINGS / f"kfp/{name}.v1beta1.json.gz").exists():
        server.on(f"GET /apis/v1beta1/runs/{run_id}", answer_of(f"{name}.v1beta1")[1])
    return run_id


def serve_runs_in_turn(server: Server, names: Iterable[str], run_id: str) -> None:
    """Serve recorded runs as one that goes on: the next one whenever it is asked for again."""
    names = list(names)
    server.in_turn(f"GET /apis/v2beta1/runs/{run_id}", *(run_of(name) | {"run_id": run_id} for name in names))
    server.in_turn(f"GET /apis/v1beta1/runs/{run_id}", *(answer_of(f"{name}.v1beta1")[1] for name in names))


GONE = "run-says-running-workflow-gone"
WORKFLOW = f"GET /apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/workflows/scalequest-gjbgt"
NOT_FOUND = {"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404,
             "details": {"name": "scalequest-gjbgt", "group": "argoproj.io", "kind": "workflows"}}  # fmt: skip


def serve_gone_workflow(server: Server) -> None:
    """Serve Kubeflow's own cluster, in which the Workflow of the run GONE is not any more, nor a pod of it."""
    serve_pods(server)
    server.on(WORKFLOW, NOT_FOUND, 404)
    server.on(f"GET /api/v1/namespaces/{NAMESPACE}", body_of("rbac/namespace-kubeflow"))
    server.on(f"GET {KUBEFLOW_DEPLOYMENT}", deployment("2.17.0"))


def serve_pods(server: Server, name: str = "") -> None:
    """Serve the pods of a recorded run, or that it has none; no events and no Jobs."""
    server.on(JOBS, {"items": []})
    server.on(PODS, recorded(f"pods/{name}.pods" if name else "pods/no-pods"))
    server.on(EVENTS, {"items": []})
