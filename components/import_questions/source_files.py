"""The files that a source names: one, those of a pattern, or those of a folder that ``datasets`` saved."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from components.import_questions.file_readers import ANY_PATTERN, COMPRESSED, READERS, format_of, reader_of
from components.shared.addresses import HubAddress, parse_address
from components.shared.errors import InputError
from components.shared.stores import storage

STATE, SPLITS = "state.json", "dataset_dict.json"  # stand in what Dataset and DatasetDict save


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceFile:
    """One file: ``uri`` is what is read, ``shown_as`` what messages call it."""

    uri: str
    shown_as: str


def files_of(source: str) -> Sequence[SourceFile]:
    """Return the files of a source in their order, those of the hub fetched; InputError if there are none."""
    if source.startswith("hf://"):
        return _fetched(source)
    storage.scheme_of(source)
    if storage.is_pattern(source):
        return _checked(source, storage.matches(source))
    if format_of(source) not in READERS:
        return _checked(source, _saved_files(source))
    reader_of(source)
    return [SourceFile(uri=source, shown_as=source)]


def name_of_files(source: str) -> str:
    """Return what the rows of a source are said to come from: the name of the file, or of the folder of several."""
    path = PurePosixPath(source)
    if storage.is_pattern(source):
        fixed = list(itertools.takewhile(lambda part: not storage.is_pattern(part), path.parts))
        return fixed[-1] if fixed else ""
    if format_of(source) not in READERS:
        return path.name
    return PurePosixPath(path.stem).stem if path.suffix.lower() in COMPRESSED else path.stem


def _checked(source: str, uris: Sequence[str]) -> Sequence[SourceFile]:
    if not uris:
        raise InputError(f"--source {source!r}: no file is named so; check the pattern, and quote it for the shell")
    for uri in uris:
        reader_of(uri)
    return [SourceFile(uri=uri, shown_as=uri) for uri in uris]


def _saved_files(folder: str) -> Sequence[str]:
    """Return the files of a folder that ``save_to_disk`` wrote; of several splits, the only one."""
    if storage.exists(storage.join(folder, SPLITS)):
        splits = storage.read_json(storage.join(folder, SPLITS))["splits"]
        if len(splits) != 1:
            raise InputError(
                f"--source {folder!r} has the splits {', '.join(splits)}; name one: {storage.join(folder, splits[0])}"
            )
        folder = storage.join(folder, splits[0])
    if not storage.exists(storage.join(folder, STATE)):
        reader_of(folder, _pattern_for(folder) or ANY_PATTERN)  # says what is accepted
    names = [entry["filename"] for entry in storage.read_json(storage.join(folder, STATE))["_data_files"]]
    return [storage.join(folder, name) for name in names]


def _pattern_for(folder: str) -> str:
    """Return the pattern of most files of rows in a folder, or in its data/, as the hub has it; "" for no file."""
    for place in (folder, storage.join(folder, "data")):
        names = [name for name in storage.list_names(place) if not name.startswith(("dataset_info", "README"))]
        endings = [name[name.lower().rindex(format_of(name)) :] for name in names if format_of(name) in READERS]
        if endings:
            return storage.join(place, f"*{Counter(endings).most_common(1)[0][0]}")
    return ""


def addresses_on_hub(source: str) -> Sequence[HubAddress]:
    """Return the addresses of the files of a source on the hub in their order; none is fetched."""
    from components.shared.models import hugging_face

    address = parse_address(source, "dataset")
    paths = hugging_face.names_matching(address) if storage.is_pattern(address.path) else [address.path]
    if not paths:
        raise InputError(f"--source {source!r}: the repository has no file of this pattern; check it")
    for path in paths:
        reader_of(path)
    return [dataclasses.replace(address, path=path) for path in paths]


def _fetched(source: str) -> Sequence[SourceFile]:
    from components.shared.models import hugging_face

    return [
        SourceFile(uri=str(hugging_face.download_file(address)), shown_as=str(address))
        for address in addresses_on_hub(source)
    ]
