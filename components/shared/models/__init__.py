"""Model URIs to local directories: a model folder of a workspace, a directory, ``gs://``, ``s3://`` or ``hf://``."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from components.shared.addresses import MODEL_SCHEMES, STORES, meant_by, parse_address, scheme_of_model
from components.shared.errors import InputError
from components.shared.models import _node_cache
from components.shared.models.files import DESCRIPTIONS, MODEL_CARD, MODEL_FILES, check_files, some
from components.shared.stores import storage
from components.shared.templates import has_own_template
from components.shared.workspace.manifests import MANIFEST, Manifest, read_manifest
from components.shared.workspace.plans import PLAN

NOT_FETCHED = ("consolidated*.safetensors",)  # Mistral's own format, beside the same weights in transformers' format
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
OTHER_TOKENIZERS = ("tokenizer.model", "spiece.model", "tekken.json", "vocab.json", "vocab.txt")
MISTRALS_OWN = ("params.json", "consolidated")  # how the names begin


def fetch_model(uri: str) -> Path:
    """Return a local directory that holds the model's safetensors and tokenizer.

    A local model stays where it is. One in a store is downloaded once for each node, also if several processes ask at
    once (``_node_cache``), and checked against the digests in its manifest. Raises InputError if it is not a usable
    model.
    """
    scheme = scheme_of_model(uri)
    if scheme == "hf":
        from components.shared.models import hugging_face

        address = parse_address(uri, "model")
        folder = hugging_face.download_repository(address, (*MODEL_FILES, MODEL_CARD), NOT_FETCHED)
        if not any(folder.glob("*.safetensors")):
            check_model(folder, uri, others=hugging_face.names_at_top(address))
    elif scheme in STORES:
        folder = _fetch_from_store(uri)
    else:
        raise InputError(
            f"{uri!r} has to be imported first: python -m components.import_model --source {uri} --workspace …; "
            f"a model is {MODEL_SCHEMES}"
        )
    check_model(folder, uri)
    return folder


def check_unfetched(uri: str, *, is_chat: bool) -> None:
    """Raise InputError if a model cannot be usable, as far as that shows without fetching its weights.

    ``is_chat``: it needs a chat template of its own. What describes it (config, tokenizer, template) is fetched.
    """
    from components.shared.models import hugging_face

    if scheme_of_model(uri) == "hf" and not hugging_face.is_offline():
        address = parse_address(uri, "model")
        folder = hugging_face.download_repository(address, DESCRIPTIONS)
        _check_content(
            folder, uri, sorted({*hugging_face.names_at_top(address), *(path.name for path in folder.iterdir())})
        )
    elif scheme_of_model(uri) != "hf" and storage.is_remote(uri):
        _check_in_store(uri, is_chat=is_chat)
        return
    else:  # where the hub must not be asked, its cache has to be whole
        folder = fetch_model(uri)
    if is_chat:
        check_chat_template(folder, uri)


def _check_in_store(uri: str, *, is_chat: bool) -> None:
    if _manifest_of(uri):  # a folder of ours: it was checked when it was made
        return
    names = storage.list_names(uri)
    with tempfile.TemporaryDirectory(prefix="model-") as temporary:
        for name in names:
            if any(fnmatch(name, pattern) for pattern in DESCRIPTIONS):
                storage.create(str(Path(temporary, name)), storage.read_bytes(storage.join(uri, name)))
        _check_content(Path(temporary), uri, names)
        if is_chat:
            check_chat_template(Path(temporary), uri)


def check_model(folder: Path, uri: str, *, others: Sequence[str] = ()) -> None:
    """Raise InputError, in terms of ``uri``, unless the folder can be loaded as a model; reads no weights.

    ``others``: further names beside its files, at its source.
    """
    names = sorted({*others, *(path.name for path in folder.iterdir())} if folder.is_dir() else others)
    _check_content(folder, uri, names)
    from components.shared.models.weight_files import check_weight_files

    check_weight_files(folder, uri)


def _check_content(folder: Path, uri: str, names: Sequence[str]) -> None:
    """Raise InputError where a model lacks a file, or one that is here is not what its name says."""
    check_files(folder, uri)
    _check_weights_are_there(names, uri)
    if "config.json" not in names:
        raise InputError(f"{uri} has no config.json; {_found(names)}")
    if "tokenizer.json" not in names:
        raise InputError(_without_tokenizer(names, uri))


def check_chat_template(folder: Path, uri: str) -> None:
    """Raise InputError, in terms of ``uri``, if the model in the folder has no chat template of its own."""
    if not has_own_template(folder):
        raise InputError(
            f"{uri} has no chat template (chat_template.jinja, or chat_template in tokenizer_config.json): it is not a "
            "chat model; use a chat model, or import it with --kind base"
        )


def _check_weights_are_there(names: Sequence[str], uri: str) -> None:
    """Raise InputError if no file of the weights can be loaded here."""
    if any(name.endswith(".safetensors") and not name.startswith(MISTRALS_OWN) for name in names):
        return
    if pickles := [name for name in names if name.endswith(PICKLES)]:
        raise InputError(
            f"{uri} has only pickled weights ({some(pickles)}), which run code when they are loaded; "
            "convert them to safetensors"
        )
    if own := [name for name in names if name.startswith(MISTRALS_OWN)]:
        raise InputError(
            f"{uri} holds the model in Mistral's own format only ({', '.join(own)}); "
            "use the repository that has it in the format of transformers (config.json, model-*.safetensors)"
        )
    if ggufs := [name for name in names if name.lower().endswith(".gguf")]:
        raise InputError(
            f"{uri} holds the model as GGUF only ({some(ggufs)}), which has no exact weights as a rule; use the "
            "repository that it was made from, with safetensors"
        )
    raise InputError(f"{uri} has no weights (*.safetensors); {_found(names)}")


def _without_tokenizer(names: Sequence[str], uri: str) -> str:
    if others := [name for name in names if name in OTHER_TOKENIZERS]:
        return (
            f"{uri} has its tokenizer as {', '.join(others)} only; expected tokenizer.json, which every step reads: "
            "convert it where its libraries are (AutoTokenizer.from_pretrained(…).save_pretrained(…)), compare what "
            "both make of a text, and add the file"
        )
    return f"{uri} has no tokenizer (tokenizer.json); {_found(names)}"


def _found(names: Sequence[str]) -> str:
    return f"found: {', '.join(names[:12]) or 'nothing'}{', …' if names[12:] else ''}"


def _fetch_from_store(uri: str) -> Path:
    manifest = _manifest_of(uri)
    subfolder = next(iter(manifest.files)).split("/", 1)[0] if manifest else ""
    source = storage.join(uri, subfolder) if subfolder else uri
    if not storage.is_remote(uri):
        path = storage.local_path(source)
        if not path.is_dir():
            hint = meant_by(uri, is_model=True)
            raise InputError(f"{uri!r}: nothing exists there; check the address{hint}; a model is {MODEL_SCHEMES}")
        return path
    digests = {name.split("/", 1)[1]: digest for name, digest in manifest.files.items()} if manifest else {}
    return _node_cache.fetch_once(source, digests)


def _manifest_of(uri: str) -> Manifest | None:
    """Return the manifest of a model folder; None if it is not a folder of a workspace."""
    if not any(storage.exists(storage.join(uri, name)) for name in (MANIFEST, PLAN)):
        return None
    manifest = read_manifest(uri)
    if manifest.kind != "model":
        raise InputError(f"{uri} holds {manifest.kind} rows, made by {manifest.step}; expected a model")
    return manifest
