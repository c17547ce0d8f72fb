"""The values that the chart is rendered with: what it is for on each cloud, and each part of it on and off."""

from __future__ import annotations

from typing import Any

DIGEST = "sha256:" + "0" * 64
IMAGES = {
    "images__registry": "europe-docker.pkg.dev/my-project/scalequest",
    "images__cpu__digest": DIGEST,
    "images__vllm__digest": DIGEST,
    "images__train__digest": DIGEST,
}
JUDGE: dict[str, Any] = {"judge__enabled": True, "judge__model": "Qwen/Qwen2-Math-7B-Instruct", **IMAGES}
RECURRING: dict[str, Any] = {"recurring__enabled": True, "recurring__workspace": "gs://my-bucket/runs", **IMAGES}
QUEUE: dict[str, Any] = {"kueue__enabled": True, "kueue__clusterQueue__create": True}
MATRIX: dict[str, dict[str, Any]] = {
    "default": {},
    "gke": {
        "profile": "gke-a100-80g",
        "serviceAccount__gcpServiceAccount": "scalequest@my-project.iam.gserviceaccount.com",
        "networkPolicy__enabled": True,
        **QUEUE,
        **IMAGES,
    },
    "eks": {
        "profile": "eks-p4de",
        "serviceAccount__awsRoleArn": "arn:aws:iam::123456789012:role/scalequest",
        "networkPolicy__enabled": True,
        **QUEUE,
        **IMAGES,
    },
    "spot": {"profile": "gke-a100-40g", "spot": True, **QUEUE, **JUDGE},
    "kueue-off": {"kueue__enabled": False, **JUDGE},
    "judge": {"networkPolicy__enabled": True, "images__pullSecrets": ["registry"], **JUDGE},
    "existing-account": {
        "serviceAccount__create": False,
        "serviceAccount__name": "default-editor",
        "images__pullSecrets": ["registry"],
        "secrets__pipelineStore__name": "mlpipeline-minio-artifact",
        **IMAGES,
    },
    "no-network-policy": {"networkPolicy__enabled": False, "trainer__enabled": True, **JUDGE},
    "everything": {
        "submitters": [{"kind": "Group", "name": "data-team"}, {"kind": "ServiceAccount", "name": "ci"}],
        "networkPolicy__enabled": True,
        "networkPolicy__extraEgress": [{"ports": [{"protocol": "TCP", "port": 8333}]}],
        "modelCache__enabled": True,
        "modelCache__storageClass": "filestore",
        "plainJobs__enabled": True,
        "trainer__enabled": True,
        "pipelines__enabled": True,
        "monitoring__dashboard__enabled": True,
        "monitoring__rules__enabled": True,
        "monitoring__rules__labels": ["release=prometheus"],
        "recurring__settings": ["seed=7", "source=a, b"],
        "test__workspace": "gs://my-bucket/runs",
        **QUEUE,
        **JUDGE,
        **RECURRING,
    },
    "preset-file": {"recurring__presetFile": "extends: paper\ngenerator_num_questions: 50000\n", **RECURRING},
    "local": {"profile": "local", "limitRange__enabled": False, **JUDGE},
}
