"""Checks of a model folder's files: no broken links, pointers, incomplete files, adapters or quantised weights.

Names alone say little: a Git clone without its large files has all names.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from components.shared.errors import InputError

# What a model needs to be loaded, at the top of its folder; pickles and other formats of the weights are not among it.
MODEL_FILES = ("*.safetensors", "*.json", "*.jinja", "*.model", "*.txt", "LICENSE*")
MODEL_CARD = "README.md"  # its front matter states the licence
DESCRIPTIONS = ("*.json", "*.jinja")  # of them, what describes it, without weights: some megabytes
LFS_POINTER = b"version https://git-lfs."
ANNEX_POINTER = b"/annex/objects/"
TEXTS_OF_LICENSES = "LICENSES"  # a folder beside the model, where a repository follows REUSE
BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
ADAPTERS = ("adapter_config.json", "adapter_model.safetensors")
QUANTISED = ("quantize_config.json", "quant_config.json", "hf_quant_config.json")  # beside config.json


def files_of_model(folder: Path) -> list[Path]:
    """Return what makes the model in a folder, by name; links to nothing and directories of such names are among it."""
    there = {path for pattern in MODEL_FILES for path in folder.glob(pattern)}
    return sorted(path for path in there if path.name != TEXTS_OF_LICENSES)


def check_files(folder: Path, uri: str) -> None:
    """Raise InputError, in terms of ``uri``, if a file is not what its name says, or the model is incomplete."""
    for path in files_of_model(folder):
        _check_is_there(path, uri)
        if path.suffix in (".json", ".jinja"):
            text = _read_text(path, uri)
            if path.suffix == ".json":
                _check_json(path.name, text, uri)
    config = read_object(folder / "config.json")
    if found := [name for name in ADAPTERS if (folder / name).exists()]:
        base = read_object(folder / ADAPTERS[0]).get("base_model_name_or_path")
        raise InputError(
            f"{uri} is an adapter ({', '.join(found)}{f' of {base}' if base else ''}), not a whole model; merge it "
            "into its model first (PEFT: merge_and_unload, then save_pretrained), and give that folder"
        )
    if kind := _quantisation(folder, config):
        raise InputError(
            f"{uri} holds quantised weights ({kind}), which cannot be trained or used here; give the model "
            "that it was made from, in bfloat16, float16 or float32"
        )
    if config and not config.get("architectures"):
        raise InputError(
            f"{uri}: config.json names no architectures, so nothing says what the weights are; "
            "expected one, such as LlamaForCausalLM: save the model by save_pretrained"
        )


def _quantisation(folder: Path, config: dict[str, Any]) -> str:
    """Return how the weights are quantised; "" if nothing says that they are."""
    text_config = config.get("text_config") or {}
    for key in ("quantization_config", "compression_config"):
        if settings := config.get(key) or text_config.get(key):
            method = settings.get("quant_method") if isinstance(settings, dict) else settings
            return f"{key} of config.json: {method or 'no method named'}"
    return next((name for name in QUANTISED if (folder / name).exists()), "")


def _check_is_there(path: Path, uri: str) -> None:
    if not path.exists():
        raise InputError(
            f"{uri}: {path.name} is a link to {path.readlink()}, which does not exist; give a folder with the files "
            "themselves (of a cache, its snapshot with the blobs beside it)"
        )
    if not path.is_file():
        raise InputError(f"{uri}: {path.name} is a directory; expected a file")
    with path.open("rb") as file:
        start = file.read(200)
    if not start and path.suffix in (".safetensors", ".json", ".jinja", ".model"):
        raise InputError(f"{uri}: {path.name} is empty; copy or download it again")
    if start.startswith(LFS_POINTER) or (ANNEX_POINTER in start and path.stat().st_size < 1024):
        tool, command = ("Git LFS", "git lfs pull") if start.startswith(LFS_POINTER) else ("git-annex", "git annex get")
        raise InputError(
            f"{uri}: {path.name} is a pointer of {tool}, not the file itself; run {command} in that clone, or name the "
            "repository as hf://org/name@revision"
        )


def _read_text(path: Path, uri: str) -> str:
    content = path.read_bytes()
    if content.startswith(BYTE_ORDER_MARKS):
        raise InputError(
            f"{uri}: {path.name} begins with a byte order mark, as some editors write it; save it as UTF-8 without one"
        )
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{uri}: {path.name} is not UTF-8 ({error}); copy or download it again") from error


def _check_json(name: str, text: str, uri: str) -> None:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{uri}: {name} is not JSON ({error}); perhaps it is incomplete: copy or download it again"
        ) from error
    if not isinstance(content, (dict, list)) or (name.endswith("config.json") and not isinstance(content, dict)):
        raise InputError(f"{uri}: {name} holds a JSON {type(content).__name__}; expected an object")


def read_object(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file that was checked; an empty one if there is no such file."""
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def some(names: Iterable[str], most: int = 3) -> str:
    """Return the first names, and how many more there are."""
    ordered = sorted(names)
    return ", ".join(ordered[:most]) + (f" and {len(ordered) - most} more" if len(ordered) > most else "")
