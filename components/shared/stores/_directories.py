"""The two writes of a store that is a directory: a new file, complete or not at all, and deleting a folder.

Several processes may do both in one place at once, such as pods of a step, each of which believes that it is the last.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

TRIES = 100  # attempts of a write whose directory others delete each time


def create_file(path: Path, data: bytes) -> None:
    """Write a new file and its directories; FileExistsError if it exists, NotADirectoryError if a file is above it."""
    for _ in range(TRIES):
        if _make_directory(path.parent):
            with contextlib.suppress(FileNotFoundError):  # its directory was deleted since, perhaps with its content
                _link_new(path, data)
                return
    raise NotADirectoryError(errno.ENOTDIR, "cannot be made, or is always removed", str(path.parent))


def remove_tree(path: Path) -> None:
    """Delete a directory and everything below it, or a file; accept that it is gone, or that others write there.

    What others write meanwhile may stay, with the directory.
    """
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISDIR(path.lstat().st_mode):
            path.unlink()
            return
        for entry in list(path.iterdir()):
            remove_tree(entry)
        try:
            path.rmdir()
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
                raise


@contextlib.contextmanager
def temporary_beside(path: Path) -> Iterator[Path]:
    """Yield a name in the same folder, hidden from listings, and delete it at the end if it exists."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        os.fchmod(handle, 0o644)
        os.close(handle)
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _make_directory(path: Path) -> bool:
    """Make a directory and those above it; False if others make and remove it at the same moment."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except FileNotFoundError:
        return False
    except FileExistsError as error:  # it existed, and was not a directory when that was looked up
        with contextlib.suppress(FileNotFoundError):
            if not stat.S_ISDIR(path.stat().st_mode):
                raise NotADirectoryError(errno.ENOTDIR, "not a directory", str(path)) from error
        return False
    return True


def _link_new(path: Path, data: bytes) -> None:
    with temporary_beside(path) as temporary:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)  # unlike a rename, a link fails if the name is taken
    with contextlib.suppress(FileNotFoundError):  # it existed; others have deleted it since
        _sync(path.parent)


def _sync(directory: Path) -> None:
    """Make a new name survive a power cut: a manifest must not survive without the parts that it lists."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
