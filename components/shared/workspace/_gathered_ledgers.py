"""The ledgers of a folder's parts: those that this process wrote, copies that others gathered, and the parts' own.

``ledgers/{process}-000001.json`` copies the ledgers of ``AT_ONCE`` parts that one process wrote, or of all its parts
when it has done its share, each with the MD5 of its part. The process that finishes a folder then reads a few objects
instead of each part. A copy counts if the store's listing shows the same MD5. Otherwise (the process died before, or
the store shows no MD5), the part's own footer is read. So nothing depends on these objects; the process that finishes
the folder removes them.
"""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import threading
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from components.shared import processes
from components.shared.errors import InputError, UnavailableError
from components.shared.stores import storage
from components.shared.workspace.ledgers import Ledger, read_ledgers
from components.shared.workspace.plans import PART_NAME

GATHERED = "ledgers"
AT_ONCE = 100  # one small write more for so many parts
THREADS = 16

logger = logging.getLogger(__name__)


class FolderLedgers:
    """The ledgers of one folder's parts."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._uri = storage.join(folder, GATHERED)
        self._process = processes.own_name()
        self._lock = threading.Lock()
        self._own: dict[str, Ledger] = {}
        self._waiting: dict[str, dict[str, Any]] = {}
        self._number = 0  # of the copies of this process

    @property
    def any(self) -> bool:
        """Whether this process has written copies."""
        return self._number > 0

    def add(self, name: str, ledger: Ledger, content: bytes) -> None:
        """Take note of a part that this process wrote, and of its content."""
        self._own[name] = ledger
        if not storage.is_remote(self._uri):
            return  # a footer on a directory is read as fast as a copy
        md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
        with self._lock:
            self._waiting[name] = {"md5": md5, "ledger": dataclasses.asdict(ledger)}
            full = len(self._waiting) >= AT_ONCE
        if full:
            self.copy()

    def copy(self) -> None:
        """Copy the ledgers that wait for it; if the store refuses, log that and go on."""
        with self._lock:
            if not self._waiting:
                return
            gathered, self._waiting = self._waiting, {}
            self._number += 1
            uri = storage.join(self._uri, f"{self._process}-{self._number:06d}.json")
        try:
            storage.create_json(uri, gathered)
        except (InputError, UnavailableError) as error:
            logger.info("the ledgers of %d parts are not copied: %s", len(gathered), error)

    def of(self, parts: Sequence[str], md5s: Mapping[str, str]) -> list[Ledger]:
        """Return the ledgers of parts; ``md5s`` is the folder's listing.

        The copies are read where they are fewer than the parts that others wrote: who looks often, and asks for new
        parts only, does not read all of them each time.
        """
        known = {name: self._own[name] for name in parts if name in self._own}
        if GATHERED in md5s and len(known) < len(parts):
            copies = storage.list_names(self._uri)
            if len(copies) < len(parts) - len(known):
                known = self._read_copies(copies, md5s) | known
        others = [name for name in parts if name not in known]
        known |= zip(others, read_ledgers([storage.join(self.folder, name) for name in others]), strict=True)
        return [known[name] for name in parts]

    def standing(self, but: Collection[str] = ()) -> dict[str, Ledger]:
        """Return the ledgers of the parts that stand, whoever wrote them, by name; ``but`` are left out."""
        present = storage.list_md5s(self.folder)
        names = sorted(name for name in present if PART_NAME.fullmatch(name) and name not in but)
        return dict(zip(names, self.of(names, present), strict=True))

    def clear(self) -> None:
        """Remove all copies of a finished folder, if the store allows it.

        Also those that were not seen before: a process that copies ledgers looks for the manifest afterwards, and the
        one that wrote the manifest comes here after that.
        """
        if not storage.is_remote(self._uri):
            return
        try:
            storage.delete_folder(self._uri)
        except (InputError, UnavailableError) as error:
            logger.info("the copies in %s were not deleted: %s", self._uri, error)

    def _read_copies(self, names: Sequence[str], md5s: Mapping[str, str]) -> dict[str, Ledger]:
        uris = [storage.join(self._uri, name) for name in names]
        with ThreadPoolExecutor(THREADS) as threads:
            copies = threads.map(partial(_read_copy, md5s=md5s), uris)
            return {name: ledger for copy in copies for name, ledger in copy.items()}


def _read_copy(uri: str, md5s: Mapping[str, str]) -> dict[str, Ledger]:
    """Return those ledgers of one copy that count; none if it is gone, or of another version."""
    try:
        copies = storage.read_json(uri)
        return {name: Ledger(**copy["ledger"]) for name, copy in copies.items() if copy["md5"] == md5s.get(name)}
    except FileNotFoundError:
        logger.debug("%s is gone: another process finishes the folder", uri)
    except (InputError, AttributeError, KeyError, TypeError) as error:
        logger.info("%s is not read, but the parts' own ledgers: %s", uri, error)
    return {}
