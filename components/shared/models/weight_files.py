"""Which files hold a model's weights, and whether each of them can be read to its end; reads headers only."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

from safetensors import SafetensorError, safe_open

from components.shared.errors import InputError
from components.shared.models.files import some

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
NUMBERS = ("F64", "F32", "F16", "BF16")  # safetensors' names; others are quantised weights


def weight_files(folder: Path) -> list[Path]:
    """Return the files that hold the weights: those in the index, otherwise the only file."""
    if (folder / INDEX).exists():
        return [folder / name for name in sorted(set(_weight_map(folder).values()))]
    return [folder / WEIGHTS]


def files_of_weights(folder: Path) -> list[Path]:
    """Return the files that hold the weights, and their index."""
    index = folder / INDEX
    return [*weight_files(folder), *([index] if index.exists() else [])]


def check_weight_files(folder: Path, uri: str) -> None:
    """Raise InputError, in terms of ``uri``, unless index and files match, and each file is complete."""
    _check_names(folder, uri)
    files = weight_files(folder)
    places: dict[str, str] = {}
    for file in files:
        for name in _tensors(file, uri):
            if name in places:
                raise InputError(
                    f"{uri}: {name} is in {places[name]} and in {file.name}; expected each weight once: "
                    "delete the file that does not belong to the model, or save it again"
                )
            places[name] = file.name
    if (folder / INDEX).exists():
        wrong = [name for name, file in _weight_map(folder).items() if places.get(name) != file]
        if wrong:
            raise InputError(
                f"{uri}: {INDEX} names weights that are not in the file that it says: {some(wrong)}; "
                "the index or a shard is from a different version of the model: download all of them again"
            )


def _check_names(folder: Path, uri: str) -> None:
    there = sorted(path.name for path in folder.glob("*.safetensors"))
    if not (folder / INDEX).exists():
        if WEIGHTS in there:
            return
        raise InputError(
            f"{uri} has no {INDEX} that says what is in {some(there)}, and no {WEIGHTS}; "
            f"add the index that belongs to these files, or rename a file that is the whole model to {WEIGHTS}"
        )
    weight_map = _weight_map(folder, uri)
    missing = {name for name in weight_map.values() if not (folder / name).exists()}
    if missing:
        raise InputError(f"{uri} lacks weights that its index names: {some(missing)}; found: {some(there, 12)}")
    if WEIGHTS in there and WEIGHTS not in weight_map.values():
        raise InputError(
            f"{uri} holds the weights twice, {WEIGHTS} and the files that {INDEX} names, and libraries differ in which "
            "they take; delete one of the two"
        )


def _weight_map(folder: Path, uri: str = "") -> dict[str, str]:
    content = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    weight_map = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(weight_map, dict) or not weight_map or not all(map(_is_name, weight_map.values())):
        raise InputError(
            f"{uri or folder}: {INDEX} has no weight_map of a weight's name to a file beside it; download it again"
        )
    return weight_map


def _is_name(value: object) -> bool:
    return isinstance(value, str) and value.endswith(".safetensors") and "/" not in value


def _tensors(file: Path, uri: str) -> list[str]:
    """Return the names of the tensors in a file; InputError if it is incomplete or quantised."""
    quantised: defaultdict[str, list[str]] = defaultdict(list)
    try:
        with safe_open(file, framework="np") as weights:
            names = list(weights.keys())
            for name in names:
                kind = weights.get_slice(name).get_dtype()
                if name.endswith("weight") and kind not in NUMBERS:
                    quantised[kind].append(name)
    except (SafetensorError, OSError) as error:
        raise InputError(
            f"{uri}: {file.name} ({file.stat().st_size:,} bytes) is not a complete safetensors file ({error}); "
            "copy or download it again"
        ) from error
    if quantised:
        kinds = "; ".join(f"{kind}: {some(names)}" for kind, names in quantised.items())
        raise InputError(
            f"{uri}: {file.name} holds quantised weights ({kinds}); expected {', '.join(NUMBERS)}: give the model that "
            "it was made from"
        )
    return names
