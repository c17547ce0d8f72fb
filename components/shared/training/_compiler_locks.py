"""Locks that PyTorch's compiler of extensions leaves behind where its process is killed.

DeepSpeed compiles what it lacks on a machine at the first ZeRO-3 training there: one process compiles, the others wait
until its lock file is gone (torch.utils.file_baton). The file of a process that was killed meanwhile stays, and every
later training would wait for ever.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

LOCK = "lock"
logger = logging.getLogger(__name__)


def remove_dead_locks() -> None:
    """Remove the locks that no process holds open; whoever compiles holds its lock open."""
    locks = list(_extensions().glob(f"**/{LOCK}"))
    held = set(_open_files()) if locks else set()
    for lock in locks:
        if lock.resolve() not in held:
            logger.info("removing %s: whoever compiled there was killed", lock)
            lock.unlink(missing_ok=True)


def _extensions() -> Path:
    """Return where PyTorch puts what it compiles, as torch.utils.cpp_extension finds it."""
    if given := os.environ.get("TORCH_EXTENSIONS_DIR"):
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "torch_extensions"


def _open_files() -> Iterator[Path]:
    """Yield the names of all open files of the processes that this one may look into."""
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            yield link.readlink()
        except OSError:  # it was closed meanwhile, or is another user's
            continue
