"""Checkpoints of a training in its own folder: ``step-0000050-3f9c1a2b/`` with its files, and markers written last.

Each machine uploads its files, then its marker, which names them: with ZeRO-3 every machine has a share. A checkpoint
that lacks a marker, or has other files than its markers name, was interrupted and is never used. All machines draw one
new name for each checkpoint. So no object is ever overwritten (which some buckets forbid), and the files of a process
that only seemed dead cannot mix with those of its successor.
"""

from __future__ import annotations

import logging
import shutil
import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.shared.errors import InputError
from components.shared.stores import storage, transfers

KEPT = 2  # checkpoints; the last but one stays until the last has been used
REMOVERS = {"gs": "gcloud storage rm --recursive", "s3": "aws s3 rm --recursive"}  # what removes a folder, by scheme

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A checkpoint on the local disk."""

    name: str
    folder: str
    step: int
    seconds: float  # seconds of training until then


def draw_name(step: int) -> str:
    """Return a name for a new checkpoint, the same for all machines: one of them draws it."""
    return f"step-{step:07d}-{uuid.uuid4().hex[:8]}"


def marker_name(node: int) -> str:
    """Return the name of the object that says that a machine has uploaded all its files."""
    return f"_complete-{node}.json"


class CheckpointStore:
    """The checkpoints of one training; ``layout``: the options needed to read them (ZeRO cuts by process)."""

    def __init__(self, uri: str, layout: str, *, node: int = 0, num_nodes: int = 1) -> None:
        self.uri = uri
        self.layout = layout
        self.node = node
        self.num_nodes = num_nodes

    def save(self, folder: Path, name: str, seconds: float) -> None:
        """Upload this machine's files and mark them as complete; the first machine deletes old checkpoints."""
        target = storage.join(self.uri, name)
        files = {
            path: {"bytes": size, "sha256": storage.digest_file(folder / path)}
            for path, size in transfers.local_files(folder).items()
        }
        transfers.upload_folder(folder, target)
        marker = {"layout": self.layout, "nodes": self.num_nodes, "seconds": round(seconds, 3), "files": files}
        self._mark(target, marker)
        logger.info("checkpoint of step %d is complete", _step_of(name))
        if self.node == 0:
            self._prune(name)

    def _mark(self, target: str, marker: dict[str, Any]) -> None:
        """Write the marker that makes the checkpoint count."""
        storage.create_json(storage.join(target, marker_name(self.node)), marker)

    def restore_latest(self, folder: Path) -> Checkpoint | None:
        """Download the last complete checkpoint, of all machines, below ``folder``; None if there is none.

        Raises InputError if it was made with a layout that these processes cannot read.
        """
        for name in self._names():
            target = folder / f"checkpoint-{_step_of(name)}"
            markers = self._markers(name)
            reason = self._damage(name, markers)
            if not reason:
                self._refuse_other_layout(name, markers[0]["layout"])
                reason = self._download(name, markers, target)
            if reason:
                logger.warning("checkpoint %s %s: not used", name, reason)
                continue
            logger.info("continuing from the checkpoint of step %d", _step_of(name))
            return Checkpoint(name=name, folder=str(target), step=_step_of(name), seconds=markers[0]["seconds"])
        return None

    def find_latest(self, *, but: str = "") -> str:
        """Return the address of the last complete checkpoint, without ``but``; "" if there is none."""
        names = (name for name in self._names() if name != but and self._layout_if_whole(name))
        return next((storage.join(self.uri, name) for name in names), "")

    def remove(self, name: str) -> None:
        """Delete a checkpoint from which no training must continue, if the store allows it."""
        storage.delete_folder_if_allowed(storage.join(self.uri, name))

    def _names(self) -> list[str]:
        """Return the checkpoints' names, the last one first."""
        return [name for name in reversed(storage.list_names(self.uri)) if name.startswith("step-")]

    def _markers(self, name: str) -> list[dict[str, Any]]:
        """Return the markers of all machines; none at all if one is missing."""
        try:
            first = self._marker(name, 0)
            return [first, *(self._marker(name, node) for node in range(1, first["nodes"]))]
        except FileNotFoundError:
            return []

    def _marker(self, name: str, node: int) -> dict[str, Any]:
        marker: dict[str, Any] = storage.read_json(storage.join(self.uri, name, marker_name(node)))
        return marker

    def _damage(self, name: str, markers: list[dict[str, Any]]) -> str:
        """Return why no training can continue from a checkpoint, judged by its names and sizes; "" if one can."""
        if not markers:
            return "is not complete"
        present = storage.list_files(storage.join(self.uri, name))
        if any(present.get(path) != file["bytes"] for marker in markers for path, file in marker["files"].items()):
            return "lacks some of its files"
        return ""

    def _refuse_other_layout(self, name: str, layout: str) -> None:
        if layout == self.layout:
            return
        remover = next((how for scheme, how in REMOVERS.items() if self.uri.startswith(f"{scheme}://")), "rm -r")
        raise InputError(
            f"{storage.join(self.uri, name)} was made with {layout}, and this is {self.layout}, which cannot read it; "
            f"continue with the former, or start again: {remover} {self.uri}"
        )

    def _download(self, name: str, markers: list[dict[str, Any]], target: Path) -> str:
        """Download a checkpoint; return what is wrong with its content, "" if it is as it was uploaded."""
        transfers.download_folder(storage.join(self.uri, name), target)
        for node in range(len(markers)):
            (target / marker_name(node)).unlink()
        files = {path: file for marker in markers for path, file in marker["files"].items()}
        changed = [path for path in files if storage.digest_file(target / path) != files[path]["sha256"]]
        if changed:
            shutil.rmtree(target)
        return f"has changed since it was written ({', '.join(changed)})" if changed else ""

    def _prune(self, newest: str) -> None:
        """Delete incomplete checkpoints, and all but the last ones from which a training can continue.

        The newest stays in any case: other machines may still be uploading their share. Complete ones with another
        layout (8 GPUs instead of these 4) stay until the training is finished: they may be days of work. If the store
        refuses to delete one, it does no harm.
        """
        layouts = {name: self._layout_if_whole(name) for name in self._names()}
        own = [name for name, layout in layouts.items() if layout == self.layout]
        kept = {newest, *own[:KEPT]}
        for name, layout in layouts.items():
            if name not in kept and layout in ("", self.layout):
                storage.delete_folder_if_allowed(storage.join(self.uri, name))

    def _layout_if_whole(self, name: str) -> str:
        markers = self._markers(name)
        return "" if self._damage(name, markers) else str(markers[0]["layout"])


class BackgroundSaves:
    """Uploads checkpoints while training goes on, one at a time; the local copy is deleted after the upload.

    In the background, because a checkpoint is six times the size of the model: training waits only if the previous
    upload is not finished. A failed upload fails the training, at the next checkpoint or at the end.
    """

    def __init__(self, store: CheckpointStore) -> None:
        self._store = store
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._running: Future[None] | None = None

    def start(self, folder: Path, name: str, seconds: float) -> None:
        """Upload the checkpoint in ``folder`` and delete it there; first wait for the previous upload."""
        self.wait()
        self._running = self._thread.submit(self._save, folder, name, seconds)

    def wait(self) -> None:
        """Wait for the present upload, if any, and raise its error."""
        if self._running is not None:
            self._running.result()
            self._running = None

    def _save(self, folder: Path, name: str, seconds: float) -> None:
        self._store.save(folder, name, seconds)
        shutil.rmtree(folder)


def _step_of(name: str) -> int:
    return int(name.split("-")[1])
