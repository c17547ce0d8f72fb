"""Whole folders between this machine and a store."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from components.shared import storage
from components.shared.errors import InputError
from components.shared.refusals import explained

THREADS = 8


def upload_folder(folder: Path, uri: str) -> None:
    """Copy all files of a local folder below ``uri``; a file of the same name is replaced."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    with explained(uri), ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(lambda path: _upload(path, storage.join(uri, path.relative_to(folder).as_posix())), files))


def download_folder(uri: str, folder: Path) -> None:
    """Copy all files below ``uri`` into a local folder."""
    names = storage.list_files(uri)
    if not names:
        raise InputError(f"{uri}: there is nothing to read here; check the address")
    with explained(uri), ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(lambda name: _download(storage.join(uri, name), folder / name), names))


def _upload(path: Path, uri: str) -> None:
    if storage.is_remote(uri):
        storage.filesystem(uri).put_file(str(path), storage.client_path(uri))
        return
    target = storage.local_path(uri)
    target.parent.mkdir(parents=True, exist_ok=True)
    with storage.temporary_beside(target) as temporary:
        shutil.copyfile(path, temporary)
        temporary.replace(target)


def _download(uri: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with storage.temporary_beside(path) as temporary:
        storage.filesystem(uri).get_file(storage.client_path(uri), str(temporary))
        temporary.replace(path)
