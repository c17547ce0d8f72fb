"""Whether an object is what the Kubernetes API takes: nothing unknown, nothing of the wrong type, no unknown kind."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import kubernetes_validate  # type: ignore[import-untyped]
import yaml

from tests.manifests.tools import Objects

OLDEST = (1, 30)  # the project's floor
CUSTOM_RESOURCES = Path(__file__).parent / "custom_resources"
# It would read two megabytes anew for each object.
kubernetes_validate.utils.schema_contents = functools.cache(kubernetes_validate.utils.schema_contents)


def kubernetes_versions() -> list[str]:
    """Return the versions to validate against: from the floor to the newest that is known."""
    found = {tuple(map(int, version.split(".")[:2])) for version in kubernetes_validate.utils.all_versions()}
    return [f"{major}.{minor}" for major, minor in sorted(found) if (major, minor) >= OLDEST]


def problems_of(objects: Objects, version: str) -> list[str]:
    """Return what a Kubernetes of ``version`` would complain of, one line an object; custom resources included."""
    return [
        f"{document['kind']} {document['metadata']['name']}: {problem}"
        for document in objects
        if (problem := _problem(document, version))
    ]


def _problem(document: dict[str, Any], version: str) -> str:
    custom = custom_resources().get(f"{document['apiVersion']}/{document['kind']}")
    try:
        if custom:
            error = jsonschema.exceptions.best_match(custom.iter_errors(document))
        else:
            error = None
            kubernetes_validate.validate(document, version, strict=True)
    except kubernetes_validate.SchemaNotFoundError as missing:
        return str(missing.message)
    except jsonschema.ValidationError as invalid:
        error = invalid
    return f"{'.'.join(map(str, error.absolute_path))}: {error.message[:300]}" if error else ""


@functools.cache
def custom_resources() -> dict[str, jsonschema.Draft202012Validator]:
    """Return a validator for each kind that its own controller defines."""
    definitions = _read(CUSTOM_RESOURCES / "definitions.yaml")
    kinds = {"trainer.kubeflow.org/v1alpha1/TrainingRuntime": _training_runtime()}
    for path in sorted(CUSTOM_RESOURCES.glob("*.yaml")):
        for kind, spec in _read(path).items() if path.name != "definitions.yaml" else ():
            kinds[kind] = {
                "$defs": definitions,
                "type": "object",
                "additionalProperties": False,
                "required": ["apiVersion", "kind", "metadata", "spec"],
                "properties": {
                    "apiVersion": {},
                    "kind": {},
                    "metadata": {"$ref": "#/$defs/metadata"},
                    "spec": {"type": "object", "additionalProperties": False, **spec},
                },
            }
    return {kind: jsonschema.Draft202012Validator(schema) for kind, schema in kinds.items()}


def _read(path: Path) -> dict[str, Any]:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


def _training_runtime() -> Any:
    """Return the schema of Kubeflow Trainer's own Python models, closed to fields that they do not know.

    Quantities and numbers that may be text are objects in it, which they never are in YAML.
    """
    from kubeflow_trainer_api.models.trainer_v1alpha1_training_runtime import (  # type: ignore[import-untyped]
        TrainerV1alpha1TrainingRuntime,
    )

    # By way of JSON: pydantic hands out parts of it twice.
    schema = json.loads(json.dumps(TrainerV1alpha1TrainingRuntime.model_json_schema(by_alias=True)))
    for part in [schema, *schema["$defs"].values()]:
        if "properties" in part:
            part["additionalProperties"] = False
    schema["$defs"] |= {"IoK8sApimachineryPkgApiResourceQuantity": {"type": "string"}}
    schema["$defs"] |= {"IoK8sApimachineryPkgUtilIntstrIntOrString": {"type": ["string", "integer"]}}
    return schema
