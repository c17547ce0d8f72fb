"""Which cluster is examined, and with what: kubectl's current context, and values from the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields

REQUIRED = {
    "E2E_NAMESPACE": "the namespace of the runs, which exists",
    "E2E_HOST": "the address of Kubeflow Pipelines' API, such as http://localhost:8888",
    "E2E_WORKSPACE": "a place in a store, gs://… or s3://…, where the checks leave a new folder",
}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a platform team gives; the environment has it in capitals, behind E2E_."""

    namespace: str
    host: str
    workspace: str
    store_secret: str = "scalequest-store"
    profile: str = "local"
    values: str = ""  # a file of values for the chart, with the images; "": the chart is installed already
    tags: str = "no"  # yes: images without a digest are accepted, as before a release


def read_settings() -> Settings:
    """Read them; ValueError names all that are missing."""
    missing = [f"{name} ({what})" for name, what in REQUIRED.items() if not os.environ.get(name)]
    if missing:
        raise ValueError(f"make e2e-cluster needs {', '.join(missing)}")
    given = {each.name: os.environ.get(f"E2E_{each.name.upper()}", "") for each in fields(Settings)}
    return Settings(**{name: value for name, value in given.items() if value})
