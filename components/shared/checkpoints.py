"""Checkpoints of a training in its own folder: ``step-0000050/`` with its files, and a marker that is written last.

A checkpoint without its marker, or with other files than the marker names, was cut off on the way and is never used.
"""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.shared import storage, transfers

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
        """Upload the checkpoint of ``step``, mark it as complete, then remove older ones and those of later steps.

        Those of later steps are an abandoned attempt's, of other processes perhaps: this one could not continue it.
        """
        target = storage.join(self.uri, _name(step))
        sizes = {p.relative_to(folder).as_posix(): p.stat().st_size for p in sorted(folder.rglob("*")) if p.is_file()}
        storage.delete_folder(target)  # a half-uploaded one, perhaps with files of another layout
        transfers.upload_folder(folder, target)
        marker = {"layout": self.layout, "seconds": round(seconds, 3), "files": sizes}
        storage.create_json(storage.join(target, MARKER), marker)
        logger.info("checkpoint of step %d stored: %.0f MB", step, sum(sizes.values()) / 1e6)
        names = self._names()
        for name in names[: names.index(_name(step))] + names[names.index(_name(step)) + KEPT :]:
            storage.delete_folder(storage.join(self.uri, name))

    def restore_latest(self, folder: Path) -> Checkpoint | None:
        """Download the last complete checkpoint below ``folder``; None where there is none."""
        for name in self._names():
            marker = self._usable_marker(name)
            if marker is None:
                continue
            step = int(name.split("-")[1])
            target = folder / f"checkpoint-{step}"
            shutil.rmtree(target, ignore_errors=True)
            transfers.download_folder(storage.join(self.uri, name), target)
            (target / MARKER).unlink()
            logger.info("continuing from the checkpoint of step %d", step)
            return Checkpoint(folder=str(target), step=step, seconds=marker["seconds"])
        return None

    def _names(self) -> list[str]:
        """Return the checkpoints' names, the last one first."""
        return [name for name in reversed(storage.list_names(self.uri)) if name.startswith("step-")]

    def _usable_marker(self, name: str) -> dict[str, Any] | None:
        source = storage.join(self.uri, name)
        try:
            marker: dict[str, Any] = storage.read_json(storage.join(source, MARKER))
        except FileNotFoundError:
            logger.warning("checkpoint %s is not complete and not used", name)
            return None
        files = storage.list_files(source)
        if any(files.get(path) != size for path, size in marker["files"].items()):
            logger.warning("checkpoint %s lacks some of its files and is not used", name)
            return None
        if marker["layout"] != self.layout:
            logger.warning("checkpoint %s was made by %s, not by %s: not used", name, marker["layout"], self.layout)
            return None
        return marker


def _name(step: int) -> str:
    return f"step-{step:07d}"
