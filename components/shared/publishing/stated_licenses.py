"""What models and data sets say of their licences: imported ones in their folders, others where they come from."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from components.shared.addresses import HubAddress
from components.shared.errors import InputError
from components.shared.publishing.licenses import license_in_card
from components.shared.stores import storage
from components.shared.workspace.lineage import Stage, stages_of
from components.shared.workspace.manifests import read_manifest_or_none

CARD, FILES = "README.md", "LICENSE"


def license_texts(stages: Sequence[Stage]) -> dict[str, list[str]]:
    """Return the LICENSE files that imported models brought with them, by the addresses of the models."""
    return {
        entry.uri: texts
        for stage in stages
        if stage.step == "import_model" and (texts := _licenses(stage))
        for entry in stage.manifest.inputs.get("source", ())
    }


def _licenses(stage: Stage) -> list[str]:
    names = [name for name in stage.manifest.files if name.rpartition("/")[2].startswith(FILES)]
    places = [storage.join(stage.folder, name) for name in names]
    return [storage.read_bytes(place).decode("utf-8", "replace") for place in places if storage.exists(place)]


def stated_on_hub(address: HubAddress) -> list[str]:
    """Return the lines of a repository's card that state its licence, and its LICENSE files; fetches no others."""
    from components.shared.models import hugging_face

    return list(_stated_in(str(hugging_face.download_repository(address, (CARD, f"{FILES}*")))))


def stated_in_folder(uri: str) -> list[str]:
    """Return the same of a directory or a store's folder; of a finished folder what all models behind it brought."""
    if read_manifest_or_none(uri):
        return [text for texts in license_texts(stages_of(uri)).values() for text in texts]
    return list(_stated_in(uri))


def _stated_in(folder: str) -> Iterator[str]:
    """Read the card and the LICENSE files at the top of a folder, not the folder LICENSES that may be among them.

    What cannot be read is passed over: an import says of its own files what is wrong with them.
    """
    for name in storage.list_files(folder):
        if "/" not in name and (name == CARD or name.startswith(FILES)):
            text = _read(storage.join(folder, name))
            if stated := license_in_card(text) if name == CARD else text:
                yield stated


def _read(uri: str) -> str:
    with contextlib.suppress(OSError, InputError):
        return storage.read_bytes(uri).decode("utf-8", "replace")
    return ""
