"""Whole folders to and from a store: several files at a time, large ones by parts, continued after an interruption."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import shutil
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import cast

from components.shared import speaking
from components.shared.errors import InputError, UnavailableError
from components.shared.stores import _directories, storage
from components.shared.stores._parallel import PART_BYTES, in_parallel
from components.shared.stores._partial_files import PartialFile
from components.shared.stores.refusals import explained

NO_DIGESTS: Mapping[str, str] = MappingProxyType({})

logger = logging.getLogger(__name__)


def upload_folder(folder: Path, uri: str, *, replace: bool = True) -> None:
    """Copy all files of a local folder below ``uri``; each appears there whole or not at all.

    Without ``replace``, a file of the same size counts as uploaded: for addresses that are named by the content, so
    that an interrupted upload does not start again.
    """
    sizes = local_files(folder)
    standing = {} if replace else storage.list_files(uri)
    names = [name for name, size in sizes.items() if standing.get(name) != size]
    begun = time.monotonic()

    def upload(name: str) -> None:
        _upload(folder / name, storage.join(uri, name))

    with explained(uri), speaking.phase(f"uploading {_gigabytes(sum(sizes[name] for name in names))} to {uri}"):
        in_parallel(upload, [name for name in names if sizes[name] <= PART_BYTES])
        for name in names:  # one at a time: the parts of each use all threads
            if sizes[name] > PART_BYTES:
                upload(name)
    _log("uploaded", uri, len(sizes), sum(sizes[name] for name in names), sum(sizes.values()), begun)


def create_file(content: bytes | Path, uri: str) -> str:
    """Write a new object, perhaps from a local file; return the SHA-256 of what stands there.

    What an earlier attempt wrote there stays: an account may not be allowed to replace it.
    """
    if isinstance(content, Path):
        if not storage.exists(uri):
            with explained(uri):
                _upload(content, uri)
            return storage.digest_file(content)
    else:
        with contextlib.suppress(FileExistsError):
            storage.create(uri, content)
            return hashlib.sha256(content).hexdigest()
    with storage.open_read(uri) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


def download_folder(uri: str, folder: Path, digests: Mapping[str, str] = NO_DIGESTS) -> None:
    """Copy the files below ``uri`` into a local folder; continues what an earlier attempt has left there.

    ``digests`` (SHA-256 by name) lists the required files, which are checked at the end. Without it, all files are
    copied, and the folder must be for this content only. Raises InputError for a file that is missing or differs.
    """
    sizes = files_to_download(uri, digests)
    files = [
        _Download(storage.join(uri, name), folder / name, size, digests.get(name, "")) for name, size in sizes.items()
    ]
    moved, begun = sum(file.bytes_missing for file in files), time.monotonic()

    def course() -> str:
        return f"{_gigabytes(moved - sum(file.bytes_missing for file in files))} of {_gigabytes(moved)}"

    with speaking.phase(f"downloading {uri}", course):
        in_parallel(lambda step: step(), [step for file in files for step in file.steps()])
    _log("downloaded", uri, len(sizes), moved, sum(sizes.values()), begun)


def files_to_download(uri: str, digests: Mapping[str, str] = NO_DIGESTS) -> dict[str, int]:
    """Return the sizes by name of the files that would be downloaded; InputError if one is missing."""
    sizes = storage.list_files(uri)
    if not sizes:
        raise InputError(f"{uri}: there is nothing to read here; check the address")
    for name in digests:
        if name not in sizes:
            raise InputError(_not_the_file(storage.join(uri, name), digests[name]))
    return {name: sizes[name] for name in digests or sizes}


def local_files(folder: Path) -> dict[str, int]:
    """Return the sizes in bytes of all files below a local folder, by path relative to it, sorted."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in paths}


class _Download:
    """One file that is downloaded: its ranges in any order, and its name once its digest is checked."""

    def __init__(self, uri: str, path: Path, size: int, digest: str) -> None:
        self.uri, self.digest = uri, digest
        with explained(str(path)):
            self.file = PartialFile(path, size)

    @property
    def bytes_missing(self) -> int:
        return sum(stop - start for start, stop in map(self.file.bounds, self.file.missing))

    def steps(self) -> list[Callable[[], None]]:
        """Return the remaining work, in any order."""
        if self.file.finished:
            return [self._check_again] if self.digest else []
        return [partial(self._fetch, number) for number in self.file.missing] or [self._settle]

    def _check_again(self) -> None:
        """Download a complete file of an earlier attempt again if it has changed (a power cut, other content)."""
        if storage.digest_file(self.file.path) != self.digest:
            self.file.path.unlink()
            self.file = PartialFile(self.file.path, self.file.size)
            for step in self.steps():
                step()

    def _fetch(self, number: int) -> None:
        content = _read_range(self.uri, *self.file.bounds(number))
        with explained(str(self.file.path)):  # it is this machine's disk that may be full
            if self.file.write(number, content):
                self._settle()

    def _settle(self) -> None:
        if self.digest and storage.digest_file(self.file.data) != self.digest:
            resumed = self.file.resumed
            self.file.start_again()
            if not resumed:
                raise InputError(_not_the_file(self.uri, self.digest))
            logger.warning("%s came in several attempts and is not what was asked for: once more", self.uri)
            for step in self.steps():
                step()
        else:
            self.file.finish()


def _read_range(uri: str, start: int, stop: int) -> bytes:
    with explained(uri):
        try:
            content = storage.filesystem(uri).cat_file(storage.client_path(uri), start=start, end=stop)
        except FileNotFoundError:
            content = b""
    if len(content) != stop - start:
        raise UnavailableError(
            f"{uri} was deleted or changed during its download; start again when no process writes to it"
        )
    return cast(bytes, content)


def _upload(path: Path, uri: str) -> None:
    scheme = storage.scheme_of(uri)
    if scheme == "gs":
        from components.shared.stores import _gs_uploads

        _gs_uploads.upload_file(path, uri)
    elif scheme == "s3":
        from components.shared.stores import _s3_uploads

        _s3_uploads.upload_file(path, uri)
    else:
        _copy(path, storage.local_path(uri))


def _copy(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with _directories.temporary_beside(target) as temporary:
        shutil.copyfile(path, temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())  # the manifest that names it must not outlive it
        temporary.replace(target)


def _not_the_file(uri: str, digest: str) -> str:
    return (
        f"{uri} is not the file that its manifest names (SHA-256 {digest[:12]}…): it is missing or was changed; "
        "run the model's step again in another workspace"
    )


def _gigabytes(num_bytes: int) -> str:
    return f"{num_bytes / 1e9:.1f} GB"


def _log(done: str, uri: str, num_files: int, moved: int, total: int, begun: float) -> None:
    seconds = time.monotonic() - begun
    logger.info(
        "%s %s: %d files, %.1f MB in %.1f s (%.0f MB/s); %.1f MB were there already",
        *(done, uri, num_files, moved / 1e6, seconds, moved / 1e6 / max(seconds, 1e-3), (total - moved) / 1e6),
    )
