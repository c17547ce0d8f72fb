"""Model URIs to local directories: a model folder of a workspace, a directory, ``gs://``, ``s3://`` or ``hf://``."""

from __future__ import annotations

import json
from pathlib import Path

from components.shared.addresses import MODEL_SCHEMES, STORES, parse_address, scheme_of_model
from components.shared.errors import InputError
from components.shared.models import _node_cache
from components.shared.stores import storage
from components.shared.workspace.manifests import MANIFEST, Manifest, read_manifest
from components.shared.workspace.plans import PLAN

# What a model needs to be loaded, at the top of its folder; pickles and other formats of the weights are not among it.
MODEL_FILES = ("*.safetensors", "*.json", "*.jinja", "*.model", "*.txt", "LICENSE*")
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt")


def fetch_model(uri: str, *, chat: bool = False) -> Path:
    """Return a local directory that holds the model's safetensors and tokenizer.

    What is local stays where it is; what is in a store is downloaded once a node, also where several processes ask at
    once (``node_cache``), and checked against the digests of its manifest. ``chat`` asks for a chat template too.
    Raises InputError for what is no usable model.
    """
    scheme = scheme_of_model(uri)
    if scheme == "hf":
        from components.shared.models import hugging_face

        folder = hugging_face.download_repository(parse_address(uri, "model"), MODEL_FILES)
    elif scheme in STORES:
        folder = _fetch_from_store(uri)
    else:
        raise InputError(
            f"{uri!r} has to be imported first: python -m components.import_model --source {uri} --workspace …; "
            f"a model is {MODEL_SCHEMES}"
        )
    check_model(folder, uri, chat=chat)
    return folder


def check_model(folder: Path, uri: str, *, chat: bool) -> None:
    """Raise InputError, in terms of ``uri``, unless the folder can be loaded as a model."""
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    found = f"found: {', '.join(names[:12]) or 'nothing'}{', …' if names[12:] else ''}"
    if not any(name.endswith(".safetensors") for name in names):
        if pickles := [name for name in names if name.endswith(PICKLES)]:
            raise InputError(
                f"{uri} holds pickled weights only ({', '.join(pickles[:3])}), which run code when they are loaded; "
                "convert them to safetensors"
            )
        raise InputError(f"{uri} holds no weights (*.safetensors); {found}")
    if missing := _missing_shards(folder):
        raise InputError(f"{uri} lacks weights that its index names: {', '.join(missing[:3])}; {found}")
    if "config.json" not in names:
        raise InputError(f"{uri} holds no config.json; {found}")
    if not set(TOKENIZERS) & set(names):
        raise InputError(f"{uri} holds no tokenizer ({', '.join(TOKENIZERS)}); {found}")
    if chat and not _has_chat_template(folder):
        raise InputError(
            f"{uri} has no chat template (chat_template.jinja, or chat_template in tokenizer_config.json): it is not a "
            "chat model; take one, or import it with --kind base"
        )


def _missing_shards(folder: Path) -> list[str]:
    shards: set[str] = set()
    for index in folder.glob("*.safetensors.index.json"):
        shards.update(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    return sorted(name for name in shards if not (folder / name).exists())


def _has_chat_template(folder: Path) -> bool:
    if (folder / "chat_template.jinja").exists() or (folder / "chat_template.json").exists():
        return True
    config = folder / "tokenizer_config.json"
    return config.exists() and bool(json.loads(config.read_text(encoding="utf-8")).get("chat_template"))


def _fetch_from_store(uri: str) -> Path:
    manifest = _manifest_of(uri)
    subfolder = next(iter(manifest.files)).split("/", 1)[0] if manifest else ""
    source = storage.join(uri, subfolder) if subfolder else uri
    if not storage.is_remote(uri):
        path = storage.local_path(source)
        if not path.is_dir():
            raise InputError(f"{uri}: there is no such directory; a model is {MODEL_SCHEMES}")
        return path
    digests = {name.split("/", 1)[1]: digest for name, digest in manifest.files.items()} if manifest else {}
    return _node_cache.fetch_once(source, digests)


def _manifest_of(uri: str) -> Manifest | None:
    """Return the manifest of a model folder; None where no folder of a workspace stands there."""
    if not any(storage.exists(storage.join(uri, name)) for name in (MANIFEST, PLAN)):
        return None
    manifest = read_manifest(uri)
    if manifest.kind != "model":
        raise InputError(f"{uri} holds {manifest.kind} rows, made by {manifest.step}; expected a model")
    return manifest
