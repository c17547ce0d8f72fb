"""Import a model into the workspace once, so that a hundred pods do not download it from the hub."""

from __future__ import annotations

import dataclasses
import logging
import tempfile
import time
from pathlib import Path

from components.import_model.config import RANDOM_MODEL, ImportModelConfig
from components.import_model.python_package import find_gguf, license_of_model, pin_package
from components.shared import speaking
from components.shared.addresses import parse_address, scheme_of_model
from components.shared.errors import InputError
from components.shared.models import check_chat_template, check_model, check_unfetched, fetch_model
from components.shared.models.files import MODEL_CARD, files_of_model
from components.shared.publishing.licenses import CARD_LICENSE, license_in_card
from components.shared.publishing.stated_licenses import stated_in_folder, stated_on_hub
from components.shared.stores import storage
from components.shared.templates import load_chat_template
from components.shared.templates.families import OWN
from components.shared.workspace import Workspace

RANDOM_SEED = 0

logger = logging.getLogger(__name__)


def run(config: ImportModelConfig, workspace: Workspace) -> str:
    """Fetch, check and store the model; return the folder's address."""
    # The address rests on the commit or the package's version: what a branch means, or what is installed, may change.
    config = dataclasses.replace(config, source=pin_source(config.source))
    is_directory = scheme_of_model(config.source) == "file" and storage.local_path(config.source).is_dir()
    # A broken directory is refused before the digest of its gigabytes is taken.
    given = fetch_model(config.source) if is_directory else None
    found = workspace.open(config)
    if found.finished:
        return found.uri
    started = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="import_model-") as temporary,
        speaking.phase(f"importing {config.source}"),
    ):
        made, staged = Path(temporary, "made"), Path(temporary, "staged")
        model = given or fetch_source(config.source, made)
        if config.kind == "chat" and config.chat_template == OWN:
            check_chat_template(model, config.source)
        from components.import_model.examination import examine

        examine(model, config.source, chat=config.kind == "chat")
        if config.kind == "chat":
            _check_chat_template(config, model)
        size = _stage(model, staged)
        folder = found.begin_model()
        return folder.finish(staged, metrics={"seconds": time.monotonic() - started, "size_bytes": size})


def check_ahead(config: ImportModelConfig, _: Workspace) -> None:
    """Raise InputError if the import would fail, as far as that shows without the weights; writes nothing."""
    source = pin_source(config.source)
    if scheme_of_model(source) in ("package", "random"):
        return
    check_unfetched(source, is_chat=config.kind == "chat" and config.chat_template == OWN)


def licenses_ahead(config: ImportModelConfig) -> list[str]:
    """Return what states the licence of the model, without its weights; [] where nothing does."""
    source = pin_source(config.source)
    scheme = scheme_of_model(source)
    if scheme == "random":
        return [f"{RANDOM_MODEL} is made here, of nobody's work"]
    if scheme == "package":
        stated = license_of_model(find_gguf(source))
        return [stated] if stated else []
    return stated_on_hub(parse_address(source, "model")) if scheme == "hf" else stated_in_folder(source)


def _check_chat_template(config: ImportModelConfig, model: Path) -> None:
    """Raise InputError if the model cannot be asked as it will be; log where a family is not the model's own way."""
    try:
        load_chat_template(config.chat_template, model)
    except InputError as error:
        raise InputError(
            f"--source {config.source}: {error}; a model that is never asked may be imported with --kind base"
        ) from error


def pin_source(source: str) -> str:
    """Return the source with what it leaves open settled: a branch's commit, an installed package's version."""
    scheme = scheme_of_model(source)
    if scheme == "hf":
        from components.shared.models import hugging_face

        return str(hugging_face.pin(parse_address(source, "model")))
    if scheme == "package":
        return pin_package(source)
    if scheme == "random" and source != RANDOM_MODEL:
        raise InputError(f"--source {source!r} is not a random model; expected {RANDOM_MODEL}")
    return source


def fetch_source(source: str, folder: Path) -> Path:
    """Return a local directory with the model; one that has to be made is made in ``folder``."""
    scheme = scheme_of_model(source)
    if scheme == "random":
        from components.import_model.random_model import save_random_model

        save_random_model(folder, RANDOM_SEED)
        return folder
    if scheme == "package":
        from components.import_model.gguf_model import save_gguf_model

        gguf = find_gguf(source)
        save_gguf_model(gguf, folder)
        if stated := license_of_model(gguf):
            storage.create(str(folder / CARD_LICENSE), stated.encode())
        check_model(folder, source)
        return folder
    return fetch_model(source)


def _stage(model: Path, folder: Path) -> int:
    """Link the files that make the model into ``folder``, nothing else that lies beside them; return their bytes.

    Of the weights those that are loaded: others may be the same ones in another format. tokenizer_config.json is
    written anew where transformers would make another tokenizer by it than tokenizer.json has. Of the card, what it
    says of the licence is kept: many models have no other file that states it.
    """
    from components.shared.models.tokenizers import is_rebuilt_otherwise, write_tokenizer_config
    from components.shared.models.weight_files import files_of_weights

    folder.mkdir()
    weights = files_of_weights(model)
    files = [path for path in files_of_model(model) if "safetensors" not in path.name or path in weights]
    for path in files:
        (folder / path.name).symlink_to(path.resolve())
    if is_rebuilt_otherwise(model):
        logger.warning(
            "transformers makes another tokenizer of %s than its tokenizer.json has (spaces may be lost); the copy "
            "is set to use the file, and every step here uses it unchanged", model,
        )  # fmt: skip
        (folder / "tokenizer_config.json").unlink(missing_ok=True)
        write_tokenizer_config(model, folder)
    card = model / MODEL_CARD
    stated = license_in_card(storage.read_bytes(str(card)).decode("utf-8", "replace")) if card.is_file() else ""
    if stated:
        (folder / CARD_LICENSE).unlink(missing_ok=True)  # a link to the source's
        storage.create(str(folder / CARD_LICENSE), stated.encode())
    return sum(path.stat().st_size for path in files)
