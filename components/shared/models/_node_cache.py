"""The cache of models from stores on this node: each model once for all processes, named by its content.

``models/{content}`` holds a complete model, ``models/{content}.partial`` a partly downloaded one. The process that
downloads it holds ``models/{content}.lock``, which ends with the process.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from components.shared import speaking
from components.shared.errors import InputError, UnavailableError
from components.shared.stores import storage, transfers

CACHE_VARIABLE = "SCALEQUEST_CACHE"

logger = logging.getLogger(__name__)


def fetch_once(source: str, digests: Mapping[str, str]) -> Path:
    """Return a local copy of a model in a store, downloaded if this node has none yet.

    ``digests`` (SHA-256 by name) identify its content; without them, the store's own tags do. The download of a killed
    process is continued. The cache is ``SCALEQUEST_CACHE``, ``~/.cache/scalequest`` by
    default; raises InputError if it cannot be written to, UnavailableError if this node has no room for it.
    """
    tags = "" if digests else f"{source} {storage.content_id(source)}"
    key = hashlib.sha256((tags or json.dumps(dict(digests), sort_keys=True)).encode()).hexdigest()[:16]
    folder = _root() / "models" / key
    if folder.exists():
        return folder
    with _locked(folder.with_suffix(".lock")):
        if not folder.exists():
            partial = folder.with_suffix(".partial")
            _fetch(source, digests, partial)
            if tags and tags != f"{source} {storage.content_id(source)}":
                shutil.rmtree(partial)
                raise UnavailableError(
                    f"{source} changed while it was downloaded; start again when no process writes to it"
                )
            partial.rename(folder)
    return folder


def _root() -> Path:
    if named := os.environ.get(CACHE_VARIABLE):
        return Path(named)
    try:
        return Path.home() / ".cache" / "scalequest"
    except RuntimeError as error:  # a user without a home directory, as in many clusters
        raise InputError(f"{error}; name a directory for the cache of models with {CACHE_VARIABLE}") from error


def _fetch(source: str, digests: Mapping[str, str], folder: Path) -> None:
    num_bytes = sum(transfers.files_to_download(source, digests).values())
    folder.mkdir(exist_ok=True)
    missing = num_bytes - sum(path.stat().st_blocks * 512 for path in folder.rglob("*"))
    if missing > shutil.disk_usage(folder).free:
        raise _full(source, num_bytes, folder)
    logger.info("downloading %s to %s", source, folder)
    try:
        transfers.download_folder(source, folder, digests)
    except InputError as error:
        if getattr(error.__cause__, "errno", 0) in (errno.ENOSPC, errno.EDQUOT):  # others fill this disk too
            raise _full(source, num_bytes, folder) from error
        raise


def _full(source: str, num_bytes: int, folder: Path) -> UnavailableError:
    models = {path for path in folder.parent.iterdir() if path.is_dir() and path != folder}
    used = sum(path.stat().st_size for model in models for path in model.rglob("*") if path.is_file())
    free = shutil.disk_usage(folder).free
    return UnavailableError(  # another node may have room
        f"{source} needs {_megabytes(num_bytes)}, but {folder.parent} has {_megabytes(free)} free; free some there "
        f"(it holds {len(models)} other models, {_megabytes(used)}: any that no running step uses may be deleted) or "
        f"name a directory on a larger disk by {CACHE_VARIABLE}, then start again: the download continues"
    )


def _megabytes(num_bytes: int) -> str:
    return f"{num_bytes / 1e6:,.0f} MB"


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock for which other processes of this node wait, and which ends with this process."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("w")
    except OSError as error:
        raise InputError(
            f"the cache of models cannot be written to ({error}); name another directory by {CACHE_VARIABLE}"
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting = f"waiting for another process, which is fetching the same model ({path})"
            logger.info("%s", waiting)
            with speaking.phase(waiting):
                fcntl.flock(file, fcntl.LOCK_EX)
        yield
