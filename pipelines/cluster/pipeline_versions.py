"""What a run is submitted as: a version of a pipeline that Kubeflow keeps, so that its list of runs names it.

A run that brings its pipeline along is "[View pipeline]" there. The versions belong to a pipeline of their own: what is
submitted leaves out what that run does not need, and the page offers the newest version of a pipeline for new runs.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

import kfp
import kfp_server_api

PIPELINE = "scalequest-submitted"
DESCRIPTION = "What `scalequest submit` has sent; start runs on this page from the pipelines of the chart"
_HASH = 10  # characters, as in the versions of the chart
_LONGEST = 63 - 1 - _HASH  # a name of Kubernetes, where it keeps pipelines


@dataclass(frozen=True, kw_only=True)
class Version:
    """A version of a pipeline, as Kubeflow knows it."""

    pipeline_id: str
    version_id: str
    name: str


def kept_version(client: kfp.Client, namespace: str | None, package: Path, title: str) -> Version:
    """Return the version that holds a compiled file, made unless it stands: the same file is the same version.

    ``title``: how its name begins. kfp_server_api.ApiException where Kubeflow does not keep it.
    """
    name = version_name(package, title)
    pipeline_id = _pipeline(client, namespace)
    if (version := _standing(client, pipeline_id, name)) is not None:
        return version
    try:
        made = client._upload_api.upload_pipeline_version(str(package), name=name, pipelineid=pipeline_id)
    except kfp_server_api.ApiException as error:
        # Another submit may have made it just now.
        if error.status != 409 or (version := _standing(client, pipeline_id, name)) is None:
            raise
        return version
    return Version(pipeline_id=pipeline_id, version_id=str(made.pipeline_version_id), name=name)


def version_name(package: Path, title: str) -> str:
    """Return the name of a file's version, which Kubernetes takes as a name, too."""
    begin = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:_LONGEST].strip("-")
    return f"{begin or 'run'}-{hashlib.sha256(package.read_bytes()).hexdigest()[:_HASH]}"


def _pipeline(client: kfp.Client, namespace: str | None) -> str:
    """Return the id of the pipeline whose versions they are; made where there is none."""
    found = client.list_pipelines(filter=_named(PIPELINE), namespace=namespace).pipelines
    if found:
        return str(found[0].pipeline_id)
    pipeline = kfp_server_api.V2beta1Pipeline(
        name=PIPELINE, display_name=PIPELINE, description=DESCRIPTION, namespace=namespace
    )
    try:
        return str(client._pipelines_api.pipeline_service_create_pipeline(pipeline=pipeline).pipeline_id)
    except kfp_server_api.ApiException as error:
        if error.status != 409:  # else another submit has just made it
            raise
    return str(client.list_pipelines(filter=_named(PIPELINE), namespace=namespace).pipelines[0].pipeline_id)


def _standing(client: kfp.Client, pipeline_id: str, name: str) -> Version | None:
    found = client.list_pipeline_versions(pipeline_id, filter=_named(name)).pipeline_versions or []
    return next(
        (Version(pipeline_id=pipeline_id, version_id=str(each.pipeline_version_id), name=name) for each in found), None
    )


def _named(name: str) -> str:
    return json.dumps({"predicates": [{"operation": "EQUALS", "key": "display_name", "stringValue": name}]})
