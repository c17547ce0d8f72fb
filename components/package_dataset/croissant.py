"""A dataset's description for machines, in the Croissant format of MLCommons (version 1.0): files, columns, licence.

Field by field as its specification says; tests read it with mlcroissant.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import pyarrow as pa

from components.package_dataset.documents import CITATION, Contents, Lineage
from components.package_dataset.exports import CONFIGS
from components.package_dataset.forms import DATA_COLUMNS, DATA_SCHEMA, RL_COLUMNS, RL_SCHEMA, Split
from components.shared.publishing.licenses import UNKNOWN

NAME = "croissant.json"
SPLITS: Sequence[Split] = ("train", "validation")
_PARQUET = "application/x-parquet"
_TYPES = MappingProxyType({"string": "sc:Text", "int64": "sc:Integer", "double": "sc:Float", "bool": "sc:Boolean"})
_FORMS: Mapping[str, tuple[pa.Schema, Mapping[str, str]]] = MappingProxyType(
    {"data": (DATA_SCHEMA, DATA_COLUMNS), "rl": (RL_SCHEMA, RL_COLUMNS)}
)
_OWN = (
    "citeAs", "column", "equivalentProperty", "extract", "field", "fileObject", "fileProperty", "fileSet", "format",
    "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex",
    "repeated", "replace", "samplingRate", "separator", "source", "subField", "transform",
)  # fmt: skip
_CONTEXT: Mapping[str, Any] = MappingProxyType(
    {
        "@language": "en",
        "@vocab": "https://schema.org/",
        "sc": "https://schema.org/",
        "cr": "http://mlcommons.org/croissant/",
        "rai": "http://mlcommons.org/croissant/RAI/",
        "dct": "http://purl.org/dc/terms/",
        "conformsTo": "dct:conformsTo",
        "data": {"@id": "cr:data", "@type": "@json"},
        "examples": {"@id": "cr:examples", "@type": "@json"},
        "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
        **{name: f"cr:{name}" for name in _OWN},
    }
)


def render_croissant(contents: Contents, lineage: Lineage) -> str:
    """Return the description; the same rows and manifests give the same text."""
    forms = [(form, split) for form in _FORMS for split in SPLITS if contents.exports.num_rows(form, split)]
    described = {
        "@context": dict(_CONTEXT),
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": contents.title,
        "description": "Mathematical questions with worked solutions, made with the ScaleQuest method.",
        "citeAs": CITATION,
        "datePublished": lineage.made[:10],
        "version": "1.0.0",
        "url": "https://arxiv.org/abs/2410.18693",
        "distribution": [_files(form, split) for form, split in forms],
        "recordSet": [_rows(form, split) for form, split in forms],
    }
    licence = {} if contents.license == UNKNOWN else {"license": contents.license}
    return json.dumps(described | licence, indent=1, ensure_ascii=False) + "\n"


def _files(form: str, split: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": f"files-{form}-{split}",
        "name": f"files-{form}-{split}",
        "encodingFormat": _PARQUET,
        "includes": f"{form}/{split}-*.parquet",
    }


def _rows(form: str, split: str) -> dict[str, Any]:
    schema, meanings = _FORMS[form]
    name = f"{CONFIGS[form]}-{split}"
    files = {"fileSet": {"@id": f"files-{form}-{split}"}}
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "field": [_field(name, column, meanings[column.name], files) for column in schema],
    }


def _field(place: str, column: pa.Field, meaning: str, files: Mapping[str, Any]) -> dict[str, Any]:
    kind, source = column.type, {**files, "extract": {"column": column.name}}
    is_list = pa.types.is_list(kind)
    element = kind.value_type if is_list else kind
    name = f"{place}/{column.name}"
    field: dict[str, Any] = {"@type": "cr:Field", "@id": name, "name": name, "description": meaning}
    if is_list:
        field["repeated"] = True
    if not pa.types.is_struct(element):
        return field | {"dataType": _TYPES[str(element)], "source": source}
    members = [
        {
            "@type": "cr:Field",
            "@id": f"{name}/{member.name}",
            "name": f"{name}/{member.name}",
            "dataType": _TYPES[str(member.type)],
            "source": {**source, "transform": {"jsonPath": member.name}},
        }
        for member in element
    ]
    return field | {"subField": members}
