"""Pipelines and their versions, as Kubeflow Pipelines' API keeps them: names are unique, a version never changes."""

from __future__ import annotations

import email
import email.policy
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

PIPELINES = "/apis/v2beta1/pipelines"
UPLOAD = f"POST {PIPELINES}/upload_version"


@dataclass
class KeptPipelines:
    """The part of a server that keeps them; ``refusal``: what it answers to whoever would make one."""

    pipelines: dict[str, dict[str, Any]] = field(default_factory=dict)  # by id
    versions: dict[str, dict[str, Any]] = field(default_factory=dict)  # by id, with their files' documents
    refusal: tuple[int, Any] | None = None

    def __call__(self, request: str, query: Mapping[str, str], body: Any) -> tuple[int, Any] | None:
        """Answer a request that is about pipelines; None for another one."""
        method, path = request.split(" ")
        if not path.startswith(PIPELINES):
            return None
        if method == "POST" and self.refusal is not None:
            return self.refusal
        if request == UPLOAD:
            return self._upload(query["pipelineid"], query["name"], body)
        if method == "POST":
            return _make(self.pipelines, {"display_name": body["display_name"]}, "pipeline_id")
        if path == PIPELINES:
            return 200, {"pipelines": _named(self.pipelines, query)}
        of_pipeline = {key: each for key, each in self.versions.items() if each["pipeline_id"] == path.split("/")[-2]}
        return 200, {"pipeline_versions": _named(of_pipeline, query)}

    def _upload(self, pipeline_id: str, name: str, body: bytes) -> tuple[int, Any]:
        if pipeline_id not in self.pipelines:
            return 404, {"message": f"no pipeline {pipeline_id}"}
        head = body.partition(b"\r\n")[0]
        parsed = email.message_from_bytes(
            b'Content-Type: multipart/form-data; boundary="' + head[2:] + b'"\r\n\r\n' + body, policy=email.policy.HTTP
        )
        (part,) = parsed.iter_parts()
        documents = list(yaml.safe_load_all(part.get_content()))
        made = {"display_name": name, "pipeline_id": pipeline_id, "documents": documents}
        return _make(self.versions, made, "pipeline_version_id")

    def documents_of(self, run: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the compiled pipeline that a run was started from."""
        version = self.versions[run["pipeline_version_reference"]["pipeline_version_id"]]
        assert version["pipeline_id"] == run["pipeline_version_reference"]["pipeline_id"]
        documents: list[dict[str, Any]] = version["documents"]
        return documents


def _make(kept: dict[str, dict[str, Any]], made: dict[str, Any], key: str) -> tuple[int, Any]:
    if any(each["display_name"] == made["display_name"] for each in kept.values()):
        return 409, {"message": f"The name {made['display_name']} already exist"}
    number = f"{key[:-3]}-{len(kept)}"
    kept[number] = made | {key: number}
    return 200, {name: value for name, value in kept[number].items() if name != "documents"}


def _named(kept: Mapping[str, dict[str, Any]], query: Mapping[str, str]) -> list[dict[str, Any]]:
    (wanted,) = json.loads(query["filter"])["predicates"]
    assert (wanted["operation"], wanted["key"]) == ("EQUALS", "display_name")
    found = [each for each in kept.values() if each["display_name"] == wanted["stringValue"]]
    return [{name: value for name, value in each.items() if name != "documents"} for each in found]
