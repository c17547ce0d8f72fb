"""Checkpoints of a training in its own folder: ``step-0000050-3f9c1a2b/`` with its files, and a marker written last.

A checkpoint without its marker, or with other files than the marker names, was cut off on the way and is never used.
Each one gets a name of its own: nothing is ever replaced (which some buckets forbid), and the files of a process that
everybody believes dead cannot mix with those of its successor.
"""

from __future__ import annotations

import logging
import shutil
import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.shared import storage, transfers
from components.shared.errors import InputError, UnavailableError

MARKER = "_complete.json"
KEPT = 2  # checkpoints; the one before the last stays until the last has been used

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A checkpoint on the local disk."""

    folder: str
    step: int
    seconds: float  # that training had taken until then


class CheckpointStore:
    """The checkpoints of one training; ``layout`` says which processes can read them (ZeRO cuts them by process)."""

    def __init__(self, uri: str, layout: str) -> None:
        self.uri = uri
        self.layout = layout

    def save(self, folder: Path, step: int, seconds: float) -> None:
        """Upload the checkpoint of ``step``, mark it as complete, then remove those that nobody will continue from."""
        name = f"step-{step:07d}-{uuid.uuid4().hex[:8]}"
        target = storage.join(self.uri, name)
        files = {
            path: {"bytes": size, "sha256": storage.digest_file(folder / path)}
            for path, size in transfers.local_files(folder).items()
        }
        transfers.upload_folder(folder, target)
        marker = {"layout": self.layout, "seconds": round(seconds, 3), "files": files}
        storage.create_json(storage.join(target, MARKER), marker)
        logger.info("checkpoint of step %d is complete", step)
        self._prune(name)

    def restore_latest(self, folder: Path) -> Checkpoint | None:
        """Download the last complete checkpoint below ``folder``; None where there is none."""
        for name in self._names():
            step = int(name.split("-")[1])
            target = folder / f"checkpoint-{step}"
            if reason := self._defect(name) or self._download(name, target):
                logger.warning("checkpoint %s %s: not used", name, reason)
                continue
            logger.info("continuing from the checkpoint of step %d", step)
            return Checkpoint(folder=str(target), step=step, seconds=self._marker(name)["seconds"])
        return None

    def _names(self) -> list[str]:
        """Return the checkpoints' names, the last one first."""
        return [name for name in reversed(storage.list_names(self.uri)) if name.startswith("step-")]

    def _marker(self, name: str) -> dict[str, Any]:
        try:
            marker: dict[str, Any] = storage.read_json(storage.join(self.uri, name, MARKER))
        except FileNotFoundError:
            return {}
        return marker

    def _defect(self, name: str) -> str:
        """Say why this training cannot continue from a checkpoint, as far as its names and sizes tell; "" if it can."""
        if damage := self._damage(name):
            return damage
        layout = self._marker(name)["layout"]
        return "" if layout == self.layout else f"was made by {layout}, and this is {self.layout}"

    def _damage(self, name: str) -> str:
        """Say why no training can continue from a checkpoint; "" where one of the right processes can."""
        marker = self._marker(name)
        if not marker:
            return "is not complete"
        present = storage.list_files(storage.join(self.uri, name))
        if any(present.get(path) != file["bytes"] for path, file in marker["files"].items()):
            return "lacks some of its files"
        return ""

    def _download(self, name: str, target: Path) -> str:
        """Fetch a checkpoint; return what is wrong with its content, "" where it is what was uploaded."""
        transfers.download_folder(storage.join(self.uri, name), target)
        (target / MARKER).unlink()
        files = self._marker(name)["files"]
        changed = [path for path in files if storage.digest_file(target / path) != files[path]["sha256"]]
        if changed:
            shutil.rmtree(target)
        return f"has changed since it was written ({', '.join(changed)})" if changed else ""

    def _prune(self, newest: str) -> None:
        """Remove half-uploaded ones, and all but the last ones that can be continued from.

        Whole ones that other processes made (8 GPUs, where these are 4) stay until the training is finished: they may
        be days of work. What the store refuses to remove is in nobody's way.
        """
        names = self._names()
        kept = {newest, *[name for name in names if not self._defect(name)][:KEPT]}
        for name in names:
            if name not in kept and (self._damage(name) or not self._defect(name)):
                remove_checkpoints(storage.join(self.uri, name))


class BackgroundSaves:
    """Puts checkpoints into the store while training goes on, one at a time; a local one is removed once it is there.

    In the background, because a checkpoint is six times the size of the model: training waits only where the one
    before is still on its way. An upload that failed fails the training, at the next checkpoint or at the end.
    """

    def __init__(self, store: CheckpointStore) -> None:
        self._store = store
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._running: Future[None] | None = None

    def start(self, folder: Path, step: int, seconds: float) -> None:
        """Upload a checkpoint that lies in ``folder`` and remove it there; first wait for the one before."""
        self.wait()
        self._running = self._thread.submit(self._save, folder, step, seconds)

    def wait(self) -> None:
        """Wait for the upload on its way, if any, and raise what went wrong with it."""
        if self._running is not None:
            self._running.result()
            self._running = None

    def _save(self, folder: Path, step: int, seconds: float) -> None:
        self._store.save(folder, step, seconds)
        shutil.rmtree(folder)


def remove_checkpoints(uri: str) -> None:
    """Remove one checkpoint, or all of a training; a warning where the store refuses: they cost room, nothing else."""
    try:
        storage.delete_folder(uri)
    except (InputError, UnavailableError) as error:
        logger.warning("%s stays, remove it by hand: %s", uri, error)
